//! Whether the payee of an excess and the overspender are one person: yes or no, no name (DESIGN §5).

use zeni_crypto::{Digest, hkdf_sha256};
use zeni_message::{
    Time, encode,
    route::{Ctx, Failure, Handle},
};
use zeni_note::{
    licence::key_digest,
    messages::authority::{DiscloseRefusal, SamePerson, SamePersonAnswer},
};
use zeni_store::{Caller, Tx, TxError, Value, params};

use crate::{
    Authority, Outcome,
    disclose::{Case, alarm, answered, stored},
    log::{self, Content, Entry, LogHead, evidence},
    rows::{self, number_value},
    schema,
    settle::{Decision, settle},
};

/// All that the answer depends on.
#[derive(PartialEq, Eq)]
enum Seen {
    /// The stored reply.
    Answered(Vec<u8>),
    /// One of the keys has no owner; whether that was logged before.
    Unknown { noted: bool, end: LogHead },
    /// The ids of both owners.
    Owners { overspender: String, payee: String, end: LogHead },
}

type Outcomes = Result<SamePersonAnswer, DiscloseRefusal>;

impl Handle<SamePerson> for Authority {
    async fn handle(&self, ctx: &Ctx, message: SamePerson) -> Result<SamePersonAnswer, Failure<DiscloseRefusal>> {
        let evidence = evidence(&message);
        let Some(case) = self.verify(&message.proof) else {
            let claimed = message.proof.licence.record.key;
            self.note_attempt(ctx.now, &claimed, evidence, Outcome::SamePersonNoProof).await?;
            return Err(DiscloseRefusal::NoProof.into());
        };
        let outcome = self.compare(case, &message, evidence, ctx.now).await?;
        if outcome.is_err() {
            alarm();
        }
        Ok(outcome?)
    }
}

impl Authority {
    async fn compare(
        &self,
        case: Case,
        message: &SamePerson,
        evidence: Digest,
        now: Time,
    ) -> Result<Outcomes, Failure<DiscloseRefusal>> {
        let payee = message.payee;
        let content = |outcome| Content { time: now, key_digest: key_digest(&case.key), evidence, outcome };
        // one id for yes and no: the same question is answered and logged once
        let request = case.request(Outcome::SamePerson, &[&payee.0]);
        let unknown = case.request(Outcome::SamePersonUnknownKey, &[&payee.0]);
        let view = move |tx: &mut Tx<'_>| -> Result<Seen, TxError> {
            if let Some(reply) = answered(tx, &request)? {
                return Ok(Seen::Answered(reply));
            }
            let end = log::last(tx)?;
            match (rows::owner(tx, &case.key)?, rows::owner(tx, &payee)?) {
                (Some(one), Some(other)) => Ok(Seen::Owners { overspender: one.id, payee: other.id, end }),
                _ => Ok(Seen::Unknown { noted: log::noted(tx, &unknown)?, end }),
            }
        };
        let prepare = |seen: &Seen| match seen {
            Seen::Answered(reply) => Ok(Decision::Done(Ok(stored(reply)?))),
            Seen::Unknown { noted: true, .. } => Ok(Decision::Done(Err(DiscloseRefusal::UnknownKey))),
            Seen::Unknown { end, .. } => Ok(Decision::Apply((
                end.next(content(Outcome::SamePersonUnknownKey)),
                Err(DiscloseRefusal::UnknownKey),
            ))),
            Seen::Owners { overspender, payee, end } => {
                let same = overspender == payee;
                let outcome = if same { Outcome::SamePerson } else { Outcome::OtherPerson };
                let answer = SamePersonAnswer { same, payee: self.case_handle(&case, payee) };
                Ok(Decision::Apply((end.next(content(outcome)), Ok(answer))))
            }
        };
        settle(&self.store, Caller::default(), view, prepare, move |tx, _, (entry, outcome): &(Entry, Outcomes)| {
            match outcome {
                Err(_) => log::append(tx, &unknown, entry)?,
                Ok(answer) => {
                    log::append(tx, &request, entry)?;
                    let number = number_value(entry.number);
                    tx.execute(
                        schema::INSERT_ANSWER,
                        params![request.0, number, case.key.0, Value::Null, encode(answer)],
                    )?;
                }
            }
            Ok(outcome.clone())
        })
        .await
    }

    /// What stands for a payee within one case, and links nothing outside it. The node implies the key that held it.
    fn case_handle(&self, case: &Case, person: &str) -> Digest {
        let subject = zeni_crypto::tagged("zeni/case-payee", &[&case.node.0, person.as_bytes()]);
        Digest(hkdf_sha256(&self.keys.handles[..], b"zeni/case-payee", &subject.0))
    }
}

#[cfg(test)]
mod tests;
