//! Redeeming a request: RN-F3.
//!
//! Note and ticket are signed before the transaction that registers the note, marks the request and books the bank's debt;
//! only what that transaction stored is sent (RN-P21). A repeat gets the stored note and the ticket of the slot that
//! came first (RN-X12), also after T1.
//!
//! Limits over sums that grow with every request are drawn in slices: each bank key has a row with what the bank
//! reported, what was drawn from the bank's ceiling and what was redeemed; only the drawing of a slice reads the
//! bank's whole position.

use std::sync::Arc;

use zeni_crypto::{Digest, blind::BlindSignature};
use zeni_message::{
    Signed, Time, encode, identity,
    route::{Ctx, Failure},
};
use zeni_money::{Amount, Currency};
use zeni_note::{
    IssuanceRequest, LoadTicket, Nonce, Note,
    messages::issuer::{Issued, Redeem, RedeemRefusal},
    request::Possession,
};
use zeni_store::{Caller, JobError, Tx, TxError, WriteError, params, refuse};

use crate::{
    Account, Done, Issuer,
    books::{self, Posting, PostingIds},
    ceilings, count_value, failure, failure_of_read,
    keylist::{Entry, stored},
    licences::LicenceCheck,
    schema,
};

/// A note that was signed but not registered; without its row it never leaves.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) issued: Issued,
    pub(crate) identity: Digest,
}

impl Issuer {
    pub(crate) async fn redeem(&self, ctx: &Ctx, message: Redeem) -> Result<Issued, Failure<RedeemRefusal>> {
        let entry = self.check_redeem(ctx, &message).await?;
        let content = message.request.content_id();
        let (epoch, series) = (entry.entry.epoch, entry.entry.series);
        let before = self.store.read(move |tx| -> Done<Found> { Ok(find(tx, epoch, series, &content.0)?) }).await;
        match before.map_err(failure_of_read)? {
            Found::Issued(issued) => return Ok(*issued),
            Found::Void => return Err(RedeemRefusal::Void.into()),
            Found::Nothing => {}
        }
        if !self.nonces.is_fresh(&message.nonce, ctx.now, self.config.limits.nonce_s) {
            return Err(RedeemRefusal::StaleNonce.into());
        }
        self.check_terms(ctx.now, &entry, &message)?;
        let bank = self.config.bank(&entry.entry.bank);
        let configured = bank.map_or(Amount::ZERO, |bank| bank.ceiling(entry.entry.currency));
        let limit = Limit { configured, slice: self.config.limits.slice };
        let request = message.request;
        for _ in 0..SERIALS_MAX {
            let draft = self.draft(&note_terms(&entry.entry), request.key, message.slot);
            let ids = PostingIds::new(self.entropy.bytes());
            let (request, entry) = (request.clone(), entry.clone());
            let job = move |tx: &mut Tx<'_>| {
                let mut ids = ids;
                apply(tx, &request, &entry, &draft, limit, &mut ids)
            };
            match self.store.write(Caller::default(), job).await {
                Err(WriteError::Refused(Undo::SerialTaken)) => {}
                Err(WriteError::Refused(Undo::Refused(refusal))) => return Err(refusal.into()),
                Err(error) => return Err(failure(error.map(|_| RedeemRefusal::Stopped))),
                Ok(issued) => return Ok(issued),
            }
        }
        tracing::error!("serials collide: the source of randomness is broken");
        Err(Failure::Internal)
    }

    /// The checks that need no stored state, in the order of [`RedeemRefusal`].
    async fn check_redeem(&self, ctx: &Ctx, message: &Redeem) -> Result<Arc<Entry>, Failure<RedeemRefusal>> {
        let request = &message.request;
        // the age of the nonce is judged where something is issued: a repeat gets the stored note also when it comes late
        if !self.nonces.is_own(&message.nonce, ctx.now, self.config.limits.nonce_s) {
            return Err(RedeemRefusal::StaleNonce.into());
        }
        let entry = self.key_entry(&request.entry).await.map_err(failure_of_read)?;
        let entry = entry.ok_or(RedeemRefusal::UnknownKey)?;
        if request.key != message.licence.record.key {
            return Err(RedeemRefusal::OtherKey.into());
        }
        let licence = LicenceCheck::new(self.network(), &message.licence);
        let known = self.licences.contains(&licence.digest);
        if !known && request.key.check().is_err() {
            return Err(RedeemRefusal::BadKey.into());
        }
        if !request_holds(request, &entry) {
            return Err(RedeemRefusal::BadRequest.into());
        }
        if !known {
            if !licence.holds(&self.roots.authority) {
                return Err(RedeemRefusal::BadLicence.into());
            }
            self.licences.remember([licence.digest]);
        }
        let possession = Possession { content: request.content_id(), nonce: message.nonce };
        let possession = Signed { record: possession, signature: message.possession };
        if possession.verify(self.network(), &request.key).is_err() {
            return Err(RedeemRefusal::NotPossessed.into());
        }
        Ok(entry)
    }

    fn check_terms(&self, now: Time, entry: &Entry, message: &Redeem) -> Result<(), RedeemRefusal> {
        if now > entry.terms.redeem_until {
            return Err(RedeemRefusal::Expired { claim_until: entry.terms.claim_until });
        }
        if now > message.licence.record.until {
            return Err(RedeemRefusal::LicenceEnded);
        }
        if self.revocations().is_some_and(|list| list.revokes(&message.request.key)) {
            return Err(RedeemRefusal::Revoked);
        }
        Ok(())
    }

    /// A fresh note under a random serial and the ticket for one slot, both signed.
    pub(crate) fn draft(&self, terms: &NoteTerms, holder: zeni_crypto::PublicKey, slot: Nonce) -> Draft {
        let note = Note {
            serial: self.entropy.bytes::<16>().into(),
            series: terms.series,
            epoch: terms.epoch,
            currency: terms.currency,
            face: terms.face,
            holder,
            way: zeni_note::keylist::Way::Registered,
        };
        let identity = identity(self.network(), &note);
        let ticket = Signed::sign(self.network(), LoadTicket { note: identity, nonce: slot }, &self.keys.signing);
        let note = Signed::sign(self.network(), note, &self.keys.signing);
        Draft { issued: Issued { note, ticket }, identity }
    }
}

/// What a new note is to say besides its holder.
pub(crate) struct NoteTerms {
    pub(crate) series: u32,
    pub(crate) epoch: u32,
    pub(crate) currency: Currency,
    pub(crate) face: Amount,
}

fn note_terms(key: &zeni_note::KeyEntry) -> NoteTerms {
    NoteTerms { series: key.series, epoch: key.epoch, currency: key.currency, face: key.face }
}

/// Why a job that was to issue a note is undone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Undo<R> {
    /// Another note has the serial: draw another (RN-X16).
    SerialTaken,
    /// The request is refused.
    Refused(R),
}

/// How often a serial is drawn; with 128 random bits even a second time means a broken source.
pub(crate) const SERIALS_MAX: usize = 3;

/// Whether the bank's key signed the request.
pub(crate) fn request_holds(request: &IssuanceRequest, entry: &Entry) -> bool {
    let signature = BlindSignature { randomizer: *request.randomizer, signature: *request.signature };
    entry.key.verify(&request.message(), &signature).is_ok()
}

/// What became of a request before.
fn find(tx: &mut Tx<'_>, epoch: u32, series: u32, content: &[u8; 32]) -> Result<Found, TxError> {
    let Some(row) = tx.row(schema::READ_REQUEST, params![epoch, series, content])? else {
        return Ok(Found::Nothing);
    };
    if row.opt_blob(0)?.is_none() {
        return Ok(Found::Void);
    }
    Ok(Found::Issued(Box::new(Issued { note: stored(&row, 0)?, ticket: stored(&row, 1)? })))
}

enum Found {
    Nothing,
    Void,
    Issued(Box<Issued>),
}

#[derive(Clone, Copy)]
struct Limit {
    configured: Amount,
    slice: u32,
}

fn apply(
    tx: &mut Tx<'_>,
    request: &IssuanceRequest,
    entry: &Entry,
    draft: &Draft,
    limit: Limit,
    ids: &mut PostingIds,
) -> Result<Issued, JobError<Undo<RedeemRefusal>>> {
    let key = &entry.entry;
    let content = request.content_id();
    match find(tx, key.epoch, key.series, &content.0)? {
        Found::Issued(issued) => return Ok(*issued),
        Found::Void => return refused(RedeemRefusal::Void),
        Found::Nothing => {}
    }
    if tx.execute(schema::COUNT_REDEEMED, params![request.entry.0])? == 0 {
        draw_slice(tx, request, entry, limit)?;
        if tx.execute(schema::COUNT_REDEEMED, params![request.entry.0])? == 0 {
            return refused(RedeemRefusal::NotCounted);
        }
    }
    if tx.row(schema::IS_STOPPED, params![key.series])?.is_some() {
        return refused(RedeemRefusal::Stopped);
    }
    let issued = &draft.issued;
    let row = params![key.epoch, key.series, content.0, encode(&issued.note), encode(&issued.ticket), None::<Vec<u8>>];
    tx.execute(schema::INSERT_REQUEST, row)?;
    if !register(tx, &draft.issued.note.record, &draft.identity)? {
        return refuse(Undo::SerialTaken);
    }
    let posting = Posting {
        debit: Account::Issued(key.bank.clone()),
        credit: Account::Outstanding(key.series),
        currency: key.currency,
        amount: key.face,
        reference: "issue",
    };
    books::post(tx, ids, &posting)?;
    Ok(issued.clone())
}

/// Enters a note into the register. The row does not say which bank stands behind it (RN-O18); what is issued under seal has
/// its origin besides.
///
/// Answers whether the serial was free.
pub(crate) fn register(tx: &mut Tx<'_>, note: &Note, identity: &Digest) -> Result<bool, TxError> {
    register_held(tx, note, identity, &note.holder)
}

/// As [`register`], for a note that may not show the key that holds it.
pub(crate) fn register_held(
    tx: &mut Tx<'_>,
    note: &Note,
    identity: &Digest,
    holder: &zeni_crypto::PublicKey,
) -> Result<bool, TxError> {
    if tx.row(schema::SERIAL_ARCHIVED, params![note.epoch, note.series, *note.serial])?.is_some() {
        return Ok(false);
    }
    let row = params![note.epoch, note.series, *note.serial, identity.0, note.currency.code(), note.face, holder.0];
    Ok(tx.execute(schema::INSERT_ISSUED, row)? == 1)
}

fn refused<T, R>(refusal: R) -> Result<T, JobError<Undo<R>>> {
    refuse(Undo::Refused(refusal))
}

/// Lets the key redeem some more notes, if the bank's count and ceiling allow.
fn draw_slice(
    tx: &mut Tx<'_>,
    request: &IssuanceRequest,
    entry: &Entry,
    limit: Limit,
) -> Result<(), JobError<Undo<RedeemRefusal>>> {
    let key = &entry.entry;
    let row = tx.row(schema::READ_KEY_COUNT, params![request.entry.0])?;
    let (reported, drawn, redeemed) =
        row.map_or(Ok((0, 0, 0)), |row| Ok::<_, TxError>((row.u64(1)?, row.u64(2)?, row.u64(3)?)))?;
    if redeemed >= reported {
        return refused(RedeemRefusal::NotCounted);
    }
    let face = u128::from(key.face.minor());
    let bank = ceilings::Bank { name: &key.bank, currency: key.currency, configured: limit.configured };
    let room = ceilings::room(tx, &bank, 0)? / face;
    if room > 0 {
        let more = u64::try_from(room).unwrap_or(u64::MAX).min(u64::from(limit.slice));
        tx.execute(schema::SET_DRAWN, &[request.entry.0.into(), count_value(drawn + more)])?;
        return Ok(());
    }
    // others hold slices they may not need: take them back, they draw again
    ceilings::take_back(tx, &bank)?;
    if ceilings::room(tx, &bank, 0)? / face == 0 {
        return refused(RedeemRefusal::Ceiling);
    }
    tx.execute(schema::SET_DRAWN, &[request.entry.0.into(), count_value(redeemed + 1)])?;
    Ok(())
}

#[cfg(test)]
mod tests;
