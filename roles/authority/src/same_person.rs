//! Whether the payee of an excess and the overspender are one person: yes or no, no name (DESIGN §5).

use zeni_crypto::{Digest, LogEnd, tagged};
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
    log::{self, Content, Entry, evidence},
    rows::{self, number_value},
    schema,
    settle::{Decision, settle},
};

/// Distinct payees of one case that are compared with its overspender, so that no case makes a register of keys (RN-P7).
const QUESTIONS_MAX: u32 = 1_024;

/// All that the answer depends on.
#[derive(PartialEq, Eq)]
enum Seen {
    /// The stored reply.
    Answered(Vec<u8>),
    /// One of the keys has no owner; whether that was logged before.
    Unknown { noted: bool, end: LogEnd },
    /// As many answers as one case gets were given.
    Enough,
    /// Whether both owners are one.
    Owners { same: bool, end: LogEnd },
}

type Outcomes = Result<SamePersonAnswer, DiscloseRefusal>;

impl Handle<SamePerson> for Authority {
    async fn handle(&self, ctx: &Ctx, message: SamePerson) -> Result<SamePersonAnswer, Failure<DiscloseRefusal>> {
        let evidence = evidence(&message);
        let Some(case) = self.verify(&message.proof) else {
            let claimed = message.proof.right.key();
            self.note_attempt(ctx.now, &claimed, evidence, Outcome::SamePersonNoProof).await?;
            return Err(DiscloseRefusal::NoProof.into());
        };
        let outcome = self.compare(case, &message, evidence, ctx.now).await?;
        if outcome == Err(DiscloseRefusal::UnknownKey) {
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
        let subject = case.subject();
        let view = move |tx: &mut Tx<'_>| -> Result<Seen, TxError> {
            if let Some(reply) = answered(tx, &request)? {
                return Ok(Seen::Answered(reply));
            }
            let end = log::last(tx)?;
            match (rows::owner(tx, &case.key)?, rows::owner(tx, &payee)?) {
                (Some(_), Some(_)) if questions(tx, &subject)? >= u64::from(QUESTIONS_MAX) => Ok(Seen::Enough),
                (Some(one), Some(other)) => Ok(Seen::Owners { same: one.id == other.id, end }),
                _ => Ok(Seen::Unknown { noted: log::noted(tx, &unknown)?, end }),
            }
        };
        let prepare = |seen: &Seen| match seen {
            Seen::Answered(reply) => Ok(Decision::Done(Ok(stored(reply)?))),
            Seen::Unknown { noted: true, .. } => Ok(Decision::Done(Err(DiscloseRefusal::UnknownKey))),
            Seen::Unknown { end, .. } => Ok(Decision::Apply((
                Entry::after(end, content(Outcome::SamePersonUnknownKey)),
                Err(DiscloseRefusal::UnknownKey),
            ))),
            Seen::Enough => Ok(Decision::Done(Err(DiscloseRefusal::AskedEnough { max: QUESTIONS_MAX }))),
            Seen::Owners { same, end } => {
                let outcome = if *same { Outcome::SamePerson } else { Outcome::OtherPerson };
                Ok(Decision::Apply((Entry::after(end, content(outcome)), Ok(SamePersonAnswer { same: *same }))))
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
                        params![request.0, number, case.key.0, Value::Null, encode(answer), subject.0],
                    )?;
                }
            }
            Ok(outcome.clone())
        })
        .await
    }
}

impl Case {
    /// The case as its answers name it: they are counted by it.
    fn subject(&self) -> Digest {
        tagged("zeni/same-person-case", &[&self.key.0, &self.node.0])
    }
}

/// How many payees were compared in a case.
fn questions(tx: &mut Tx<'_>, subject: &Digest) -> Result<u64, TxError> {
    tx.row(schema::COUNT_QUESTIONS, params![subject.0])?.map_or(Ok(0), |row| row.u64(0))
}

#[cfg(test)]
mod tests;
