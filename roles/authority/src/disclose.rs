//! RN-F8: a name against a proof of overspending, and nothing against anything else.

use zeni_crypto::{Digest, LogEnd, PublicKey, hkdf_sha256};
use zeni_message::{
    Signed, Time, Wire, decode, encode,
    limits::SMALL_MESSAGE_BYTES_MAX,
    route::{Ctx, Failure, Handle},
};
use zeni_note::{
    OverspendingProof, RevocationList,
    licence::key_digest,
    messages::authority::{Disclose, DiscloseRefusal, Disclosed},
    proof::Held,
};
use zeni_store::{Caller, Tx, TxError, Value, params};

use crate::{
    Authority, Outcome, Reason, Status,
    log::{self, Content, Entry, evidence, request_id},
    publication::{Added, Standing, revoke, standing, store_list},
    rows::{self, Held as HeldLicence, PersonRow, number_value},
    schema,
    settle::{Decision, settle},
};

/// What a proof that was verified is about: the key that overspent, and the node at which it did.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) key: PublicKey,
    pub(crate) node: Digest,
}

/// All that the answer depends on.
#[derive(PartialEq, Eq)]
enum Seen {
    /// The stored reply.
    Answered(Vec<u8>),
    /// The key has no owner; whether that was logged before.
    Unknown { noted: bool, end: LogEnd },
    /// The owner, his licences, and what the next list follows from.
    Owner { person: PersonRow, licences: Vec<HeldLicence>, standing: Standing },
}

/// What is written, and the answer.
enum Prepared {
    Unknown(Entry),
    Opened(Box<Opened>),
}

struct Opened {
    entry: Entry,
    person: String,
    revoke: Vec<Digest>,
    list: Signed<RevocationList>,
    reply: Disclosed,
}

/// A reply or refusal, either of them with its log entry.
type Outcomes = Result<Disclosed, DiscloseRefusal>;

impl Handle<Disclose> for Authority {
    async fn handle(&self, ctx: &Ctx, message: Disclose) -> Result<Disclosed, Failure<DiscloseRefusal>> {
        let evidence = evidence(&message);
        let Some(case) = self.verify(&message.proof) else {
            let claimed = message.proof.right.key();
            self.note_attempt(ctx.now, &claimed, evidence, Outcome::NoProof).await?;
            return Err(DiscloseRefusal::NoProof.into());
        };
        let outcome = self.open(case, evidence, ctx.now).await?;
        match &outcome {
            Ok(_) => tracing::info!("a name was disclosed against a proof"),
            Err(_) => alarm(),
        }
        Ok(outcome?)
    }
}

impl Authority {
    /// The case that `proof` makes, if by itself it proves overspending by a licensed key (RN-O16). Looks nothing up. A key
    /// that was sealed to the issuer is its bank's to name: here it proves nothing.
    pub(crate) fn verify(&self, proof: &OverspendingProof) -> Option<Case> {
        proof.right.licence()?;
        let key = proof.verify(&self.roots).ok()?.key();
        let node = match &proof.held {
            Held::Note(note) => note.identity(self.config.network),
            Held::Endorsement { endorsement, .. } => zeni_message::identity(self.config.network, endorsement),
        };
        Some(Case { key, node })
    }

    async fn open(&self, case: Case, evidence: Digest, now: Time) -> Result<Outcomes, Failure<DiscloseRefusal>> {
        let content = |outcome| Content { time: now, key_digest: key_digest(&case.key), evidence, outcome };
        let opened = case.request(Outcome::Opened, &[]);
        let unknown = case.request(Outcome::UnknownKey, &[]);
        let view = move |tx: &mut Tx<'_>| view(tx, &case, [&opened, &unknown], now);
        let prepare = |seen: &Seen| match seen {
            Seen::Answered(reply) => Ok(Decision::Done(Ok(stored(reply)?))),
            Seen::Unknown { noted: true, .. } => Ok(Decision::Done(Err(DiscloseRefusal::UnknownKey))),
            Seen::Unknown { end, .. } => {
                Ok(Decision::Apply(Prepared::Unknown(Entry::after(end, content(Outcome::UnknownKey)))))
            }
            Seen::Owner { person, licences, standing } => {
                let entry = Entry::after(&standing.log, content(Outcome::Opened));
                let opened = self.prepare_opening(person, licences, standing, entry, now);
                Ok(Decision::Apply(Prepared::Opened(Box::new(opened))))
            }
        };
        settle(&self.store, Caller::default(), view, prepare, move |tx, _, prepared: &Prepared| match prepared {
            Prepared::Unknown(entry) => {
                log::append(tx, &unknown, entry)?;
                Ok(Err(DiscloseRefusal::UnknownKey))
            }
            Prepared::Opened(prepared) => apply(tx, &case, &opened, prepared).map(Ok),
        })
        .await
    }

    fn prepare_opening(
        &self,
        person: &PersonRow,
        licences: &[HeldLicence],
        standing: &Standing,
        entry: Entry,
        now: Time,
    ) -> Opened {
        let revoke: Vec<Digest> = licences.iter().filter(|held| !held.revoked).map(|held| held.digest).collect();
        let reply = Disclosed {
            number: entry.number,
            name: person.name.clone(),
            person: self.person_handle(&person.id),
            revoked: u32::try_from(licences.len()).unwrap_or(u32::MAX),
        };
        let list = self.next_list(standing, entry.head, Added::Licensed(&rows::newly_listed(licences, now)), now);
        Opened { entry, person: person.id.clone(), revoke, list, reply }
    }

    /// What stands for a person towards the issuer, the same in all his cases, for caps per person.
    fn person_handle(&self, person: &str) -> Digest {
        Digest(hkdf_sha256(&self.keys.handles[..], b"zeni/person-handle", person.as_bytes()))
    }
}

impl Case {
    /// Id under which `outcome` of this case is logged and answered.
    pub(crate) fn request(&self, outcome: Outcome, more: &[&[u8]]) -> Digest {
        let mut subject: Vec<&[u8]> = vec![&self.key.0, &self.node.0];
        subject.extend_from_slice(more);
        request_id(outcome, &subject)
    }
}

/// RN-X39.
pub(crate) fn alarm() {
    tracing::error!("a genuine licence names a key that is not registered: authority key or database compromised");
}

/// Reads a stored reply.
pub(crate) fn stored<T: Wire, R>(reply: &[u8]) -> Result<T, Failure<R>> {
    decode(reply, SMALL_MESSAGE_BYTES_MAX).map_err(|_| {
        tracing::error!("a stored reply cannot be read");
        Failure::Internal
    })
}

/// The stored reply to `request`.
pub(crate) fn answered(tx: &mut Tx<'_>, request: &Digest) -> Result<Option<Vec<u8>>, TxError> {
    tx.row(schema::ANSWER_BY_REQUEST, params![request.0])?.map(|row| Ok(row.blob(0)?.to_vec())).transpose()
}

fn view(tx: &mut Tx<'_>, case: &Case, [opened, unknown]: [&Digest; 2], now: Time) -> Result<Seen, TxError> {
    if let Some(reply) = answered(tx, opened)? {
        return Ok(Seen::Answered(reply));
    }
    let Some(person) = rows::owner(tx, &case.key)? else {
        return Ok(Seen::Unknown { noted: log::noted(tx, unknown)?, end: log::last(tx)? });
    };
    let licences = rows::licences_of(tx, &person.id)?;
    Ok(Seen::Owner { person, licences, standing: standing(tx, now)? })
}

fn apply(tx: &mut Tx<'_>, case: &Case, request: &Digest, opened: &Opened) -> Result<Disclosed, TxError> {
    log::append(tx, request, &opened.entry)?;
    revoke(tx, &opened.revoke, opened.entry.content.time, Reason::Overspent)?;
    tx.execute(schema::UPDATE_STATUS, params![&opened.person, Status::Suspended.code()])?;
    store_list(tx, &opened.list)?;
    let number = number_value(opened.entry.number);
    tx.execute(
        schema::INSERT_ANSWER,
        params![request.0, number, case.key.0, &opened.reply.name, encode(&opened.reply), Value::Null],
    )?;
    Ok(opened.reply.clone())
}

#[cfg(test)]
mod tests;
