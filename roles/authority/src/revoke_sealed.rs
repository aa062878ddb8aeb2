//! A key under seal that overspent, listed as revoked (DESIGN §5 "Trace"): naming revokes, also where its bank names.
//!
//! Nothing is looked up but the key list: the key belongs to nobody here. It drops out of the lists when nothing of its note can
//! be accepted any more.

use zeni_crypto::Digest;
use zeni_message::{
    Signed, Time,
    route::{Ctx, Failure, Handle},
};
use zeni_note::{
    RevocationList,
    licence::key_digest,
    messages::authority::{RevokeSealed, RevokeSealedRefusal},
    proof::Held,
};
use zeni_store::{Caller, Tx, TxError, params};

use crate::{
    Authority, Outcome,
    cosign_key_list::stored,
    log::{self, Content, Entry, evidence, request_id},
    publication::{Added, Standing, standing, store_list},
    rows::time_value,
    schema,
    settle::{Decision, settle},
};

/// A note that its first holder overspent.
#[derive(Clone, Copy)]
struct Overspent {
    digest: Digest,
    epoch: u32,
    series: u32,
    /// Id under which it is logged.
    request: Digest,
}

/// All that the answer depends on.
#[derive(PartialEq, Eq)]
enum Seen {
    /// The number of its entry in the log.
    Logged(u64),
    New(Box<New>),
}

#[derive(PartialEq, Eq)]
struct New {
    /// The key list of the note's epoch, as it is stored.
    list: Option<Vec<u8>>,
    /// Until when the key is listed for another note.
    listed: Option<Time>,
    standing: Standing,
}

struct Prepared {
    entry: Entry,
    until: Time,
    list: Signed<RevocationList>,
}

impl Handle<RevokeSealed> for Authority {
    async fn handle(&self, ctx: &Ctx, message: RevokeSealed) -> Result<u64, Failure<RevokeSealedRefusal>> {
        if message.proof.right.licence().is_some() {
            return Err(RevokeSealedRefusal::Licensed.into());
        }
        let evidence = evidence(&message);
        let Some(overspent) = self.overspent(&message) else {
            let claimed = message.proof.right.key();
            self.note_attempt(ctx.now, &claimed, evidence, Outcome::SealedNoProof).await?;
            return Err(RevokeSealedRefusal::NoProof.into());
        };
        let number = self.list_sealed(overspent, evidence, ctx.now).await?;
        tracing::info!("a key under seal is revoked against a proof");
        Ok(number)
    }
}

impl Authority {
    fn overspent(&self, message: &RevokeSealed) -> Option<Overspent> {
        let convicted = message.proof.verify(&self.roots).ok()?;
        let Held::Note(note) = &message.proof.held else { return None };
        let (key, identity) = (convicted.key(), note.identity(self.config.network));
        let request = request_id(Outcome::SealedRevoked, &[&key.0, &identity.0]);
        let (epoch, series) = (note.record.epoch, note.record.series);
        Some(Overspent { digest: key_digest(&key), epoch, series, request })
    }

    async fn list_sealed(
        &self,
        overspent: Overspent,
        evidence: Digest,
        now: Time,
    ) -> Result<u64, Failure<RevokeSealedRefusal>> {
        let Overspent { digest, request, .. } = overspent;
        let view = move |tx: &mut Tx<'_>| view(tx, &overspent, now);
        let prepare = |seen: &Seen| {
            let new = match seen {
                Seen::Logged(number) => return Ok(Decision::Done(*number)),
                Seen::New(new) => new,
            };
            let content = Content { time: now, key_digest: digest, evidence, outcome: Outcome::SealedRevoked };
            let entry = Entry::after(&new.standing.log, content);
            let end = self.end(&overspent, new.list.as_deref(), now)?;
            let until = new.listed.map_or(end, |listed| listed.max(end));
            let added = Some(digest).filter(|_| until >= now);
            let list = self.next_list(&new.standing, entry.head, Added::Sealed(added), now);
            Ok(Decision::Apply(Prepared { entry, until, list }))
        };
        settle(&self.store, Caller::default(), view, prepare, move |tx, _, prepared: &Prepared| {
            log::append(tx, &request, &prepared.entry)?;
            let row = params![digest.0, time_value(now), time_value(prepared.until)];
            tx.execute(schema::PUT_SEALED_KEY, row)?;
            store_list(tx, &prepared.list)?;
            Ok(prepared.entry.number)
        })
        .await
    }

    /// When nothing of the note can be accepted any more, also of what was signed in time and comes late; for a note of which no
    /// co-signed key list knows, which no payee takes, the term for which rows are kept.
    fn end<R>(&self, overspent: &Overspent, list: Option<&[u8]>, now: Time) -> Result<Time, Failure<R>> {
        let list = list.map(stored).transpose()?;
        let terms = list.as_ref().and_then(|list| list.record.terms(overspent.series));
        Ok(terms.map_or(now.plus(self.config.retain_s), |terms| terms.deposit_until))
    }
}

fn view(tx: &mut Tx<'_>, overspent: &Overspent, now: Time) -> Result<Seen, TxError> {
    if let Some(number) = log::number(tx, &overspent.request)? {
        return Ok(Seen::Logged(number));
    }
    let list = tx.row(schema::KEY_LIST_BY_EPOCH, params![overspent.epoch])?;
    let list = list.map(|row| Ok::<_, TxError>(row.blob(0)?.to_vec())).transpose()?;
    let listed = tx.row(schema::SEALED_KEY, params![overspent.digest.0])?;
    let listed = listed.map(|row| row.u64(0).map(Time)).transpose()?;
    Ok(Seen::New(Box::new(New { list, listed, standing: standing(tx, now)? })))
}

#[cfg(test)]
mod tests;
