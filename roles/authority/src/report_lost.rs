//! RN-X31: a lost or broken card. All licences of the person are revoked; he is accused of nothing.

use zeni_crypto::Digest;
use zeni_message::{
    Signed,
    route::{Ctx, Failure, Handle},
};
use zeni_note::{
    RevocationList,
    licence::person_digest,
    messages::authority::{ReportLost, ReportLostRefusal},
};
use zeni_store::{Caller, Tx, TxError, params};

use crate::{
    Authority, Reason, Status,
    publication::{Added, Standing, revoke, standing, store_list},
    rows::{self, Held, PersonRow},
    schema,
    settle::{Decision, settle},
};

/// The person, his licences, and what the next list follows from.
type Seen = Option<(PersonRow, Vec<Held>, Standing)>;

struct Prepared {
    person: String,
    revoke: Vec<Digest>,
    list: Signed<RevocationList>,
    reply: u32,
}

impl Handle<ReportLost> for Authority {
    /// Answers how many of the person's licences are revoked now.
    async fn handle(&self, ctx: &Ctx, message: ReportLost) -> Result<u32, Failure<ReportLostRefusal>> {
        let (now, secret) = (ctx.now, person_digest(&message.secret));
        let view = move |tx: &mut Tx<'_>| -> Result<Seen, TxError> {
            let Some(person) = rows::person_by_secret(tx, &secret)? else { return Ok(None) };
            let licences = rows::licences_of(tx, &person.id)?;
            Ok(Some((person, licences, standing(tx, now)?)))
        };
        let prepare = |seen: &Seen| {
            let (person, licences, standing) = seen.as_ref().ok_or(ReportLostRefusal::UnknownPerson)?;
            let reply = u32::try_from(licences.len()).unwrap_or(u32::MAX);
            if person.status != Status::Good {
                // all is revoked already; who is suspended cannot clear himself by a loss
                return Ok(Decision::Done(reply));
            }
            let revoke: Vec<Digest> = licences.iter().filter(|held| !held.revoked).map(|held| held.digest).collect();
            let list =
                self.next_list(standing, standing.log.head, Added::Licensed(&rows::newly_listed(licences, now)), now);
            Ok(Decision::Apply(Prepared { person: person.id.clone(), revoke, list, reply }))
        };
        settle(&self.store, Caller::default(), view, prepare, move |tx, _, prepared: &Prepared| {
            revoke(tx, &prepared.revoke, now, Reason::Lost)?;
            tx.execute(schema::UPDATE_STATUS, params![&prepared.person, Status::Lost.code()])?;
            store_list(tx, &prepared.list)?;
            Ok(prepared.reply)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
