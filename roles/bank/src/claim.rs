//! `ClaimRequest` (RN-X14): the amount of an unredeemed request back to the account, after T1.
//!
//! The claim is stored first; then the issuer voids the request for this claim; then the amount is credited, once. A crash
//! in between sends the same bytes again, and the issuer's word is bound to the claim.

use std::{convert::Infallible, sync::PoisonError};

use zeni_crypto::{
    Digest,
    blind::{BlindSignature, RsaPublicKey},
};
use zeni_message::{
    Time, decode, encode,
    limits::SMALL_MESSAGE_BYTES_MAX,
    peer::SendError,
    route::{Ctx, Failure, Handle},
};
use zeni_money::{Amount, Currency};
use zeni_note::messages::{
    bank::{ClaimRefusal, ClaimRequest, ClaimState},
    issuer::{VoidRefusal, VoidRequest},
};
use zeni_store::{Caller, JobError, Row, Tx, TxError, params};

use crate::{
    accounts::{Customer, currency},
    bank::{Bank, failure},
    books::{self, Book, Move, broken},
    chores::{Chore, ChoreError, Progress},
    lists::{Lists, OwnKey},
    schema,
};

type Job<T> = Result<T, JobError<Infallible>>;

impl Handle<ClaimRequest> for Bank {
    async fn handle(&self, ctx: &Ctx, message: ClaimRequest) -> Result<ClaimState, Failure<ClaimRefusal>> {
        let customer = self.customer(ctx).await?;
        let record = &message.claim.record;
        if record.bank != self.config.bank || record.account != customer.digest(&self.config.bank, &record.id) {
            return Err(ClaimRefusal::WrongAccount.into());
        }
        let (request, id) = (message.request.content_id(), *record.id);
        let account = customer.account.clone();
        let read = move |tx: &mut Tx<'_>| before(tx, &request, &account, &id);
        if let Some(state) = self.store.read(read).await.map_err(failure)? {
            return Ok(state);
        }
        let lists = self.lists::<ClaimRefusal>().await.map_err(failure)?;
        let key = self.check(ctx, &message, request, &lists)?;
        let (currency, amount) = (key.entry.currency, key.entry.face);
        if currency != customer.currency {
            return Err(ClaimRefusal::WrongAccount.into());
        }
        let void = encode(&VoidRequest { request: message.request, claim: message.claim });
        let Customer { account, .. } = customer;
        let lane = self.lane(&account);
        let job = move |tx: &mut Tx<'_>| {
            let row = params![request.0, &account, id, currency.code(), amount, &void];
            tx.execute(schema::INSERT_CLAIM, row)?;
            before(tx, &request, &account, &id)?.ok_or_else(|| broken("a claim just stored is missing").into())
        };
        self.store.write(lane, job).await.map_err(failure)
    }
}

/// The state of this claim; refuses another claim of the same request.
fn before(
    tx: &mut Tx<'_>,
    request: &Digest,
    account: &str,
    id: &[u8; 16],
) -> Result<Option<ClaimState>, JobError<ClaimRefusal>> {
    let Some(row) = tx.row(schema::SELECT_CLAIM, params![request.0])? else { return Ok(None) };
    if row.text(0)? != account || row.array(1)? != *id {
        return Err(JobError::Refused(ClaimRefusal::OtherClaim));
    }
    Ok(Some(match row.text(2)? {
        "pending" => ClaimState::Pending,
        "credited" => ClaimState::Credited,
        _ => ClaimState::Refused,
    }))
}

impl Bank {
    /// The checks from `UnknownKey` on, in the order of the refusals.
    fn check<'a>(
        &self,
        ctx: &Ctx,
        message: &ClaimRequest,
        content: Digest,
        lists: &'a Lists,
    ) -> Result<&'a OwnKey, ClaimRefusal> {
        let ClaimRequest { request, claim } = message;
        let key = lists.own.get(&request.entry).ok_or(ClaimRefusal::UnknownKey)?;
        let from = key.terms.redeem_until;
        if ctx.now <= from {
            return Err(ClaimRefusal::TooEarly { from: from.plus(1) });
        }
        if ctx.now > key.terms.claim_until {
            return Err(ClaimRefusal::TooLate);
        }
        let signature = BlindSignature { randomizer: *request.randomizer, signature: *request.signature };
        RsaPublicKey::from_modulus(*key.entry.modulus)
            .map_err(|_| ClaimRefusal::UnknownKey)?
            .verify(&request.message(), &signature)
            .map_err(|_| ClaimRefusal::BadRequest)?;
        let possessed = claim.record.request == content
            && request.key.check().is_ok()
            && claim.verify(self.config.roots.network, &request.key).is_ok();
        if possessed { Ok(key) } else { Err(ClaimRefusal::NotPossessed) }
    }

    /// Has the issuer void one claimed request and books its word.
    pub(crate) async fn void_claims(&self, now: Time) -> Chore {
        let after = self.rounds.lock().unwrap_or_else(PoisonError::into_inner).claim;
        let found = self.store.read(move |tx: &mut Tx<'_>| -> Job<_> { Ok(pending(tx, after)?) }).await?;
        let Some(claim) = found else {
            // those that the issuer put off are asked again after a pause
            let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
            let mut asked = rounds.claims_asked;
            if rounds.claim.is_some() && self.due(&mut asked, now) {
                rounds.claim = None;
            }
            rounds.claims_asked = asked;
            return Ok(Progress::Idle);
        };
        let answer = self.issuer.send(&claim.message).await;
        self.rounds.lock().unwrap_or_else(PoisonError::into_inner).claim = Some(claim.request);
        let state = match answer {
            Ok(_) => "credited",
            Err(SendError::Refused(VoidRefusal::TooEarly)) => return Ok(Progress::More),
            Err(SendError::Refused(_)) => "refused",
            Err(error) => return Err(ChoreError::sent::<VoidRequest>(error)),
        };
        let job = move |tx: &mut Tx<'_>| -> Job<()> { Ok(decide(tx, &claim, state, now)?) };
        self.store.write(Caller::default(), job).await?;
        Ok(Progress::More)
    }
}

struct Pending {
    request: Digest,
    account: String,
    currency: Currency,
    amount: Amount,
    message: VoidRequest,
}

fn pending(tx: &mut Tx<'_>, after: Option<Digest>) -> Result<Option<Pending>, TxError> {
    let after = after.map_or_else(Vec::new, |digest| digest.0.to_vec());
    tx.row(schema::SELECT_PENDING_CLAIM, params![after])?.map(|row| read(&row)).transpose()
}

fn read(row: &Row) -> Result<Pending, TxError> {
    let message = decode(row.blob(4)?, SMALL_MESSAGE_BYTES_MAX).map_err(|_| broken("a stored claim is damaged"))?;
    Ok(Pending {
        request: Digest(row.array(0)?),
        account: row.text(1)?.to_owned(),
        currency: currency(row, 2)?,
        amount: row.amount(3)?,
        message,
    })
}

/// Stores the issuer's word; credits in the same transaction, once.
fn decide(tx: &mut Tx<'_>, claim: &Pending, state: &'static str, time: Time) -> Result<(), TxError> {
    let decided = tx.execute(schema::DECIDE_CLAIM, params![claim.request.0, state])?;
    if decided == 0 || state != "credited" {
        return Ok(());
    }
    let cause: &[&[u8]] = &[&claim.request.0];
    let what = Move { kind: "claim", cause, currency: claim.currency, amount: claim.amount, time };
    books::must_post(tx, &Book::Reclaimed(claim.currency), &Book::Available(&claim.account), &what)
}

#[cfg(test)]
mod tests;
