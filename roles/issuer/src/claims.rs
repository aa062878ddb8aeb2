//! Claims: what a payee of an overspent note asks above what the tree pays as of right (DESIGN §5 "Excess", RN-O17).
//!
//! A claim waits until every case that limits it is disclosed, proven where it is under seal, or found to have no origin; then the policy decides, once. Under
//! [`Policy::Capped`] what a ring of colluders can gain is flat: it does not grow with their number.

use zeni_crypto::{Digest, PublicKey};
use zeni_message::{
    NoRefusal, Time, decode,
    limits::MESSAGE_BYTES_MAX,
    peer::SendError,
    route::{Ctx, Failure},
};
use zeni_money::{Amount, Currency};
use zeni_note::{
    OverspendingProof,
    messages::{
        authority::{DiscloseRefusal, SamePerson},
        issuer::{Decision, GetDecisions},
    },
};
use zeni_store::{Caller, Kind, Row, Tx, TxError, params};

use crate::{
    Account, Done, Issuer, Never, SealedClaims,
    books::{self, Posting, PostingIds},
    count_value, digest, failure_of_read,
    returns::tree::Culprit,
    schema,
    tick::{TickError, about, last_of_full},
    time_value,
};

/// What becomes of the excess of an overspent note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Paid in good faith up to caps, each in minor units of any one currency.
    Capped {
        /// Honoured against one overspending key, in all.
        per_key: Amount,
        /// Honoured against one overspending person, by all his keys, in all; so no payee gains more by his cases either.
        per_person: Amount,
        /// Honoured by the issuer on one day.
        per_issuer_day: Amount,
        /// Seconds after the disclosure in which claims must have arrived.
        cutoff: u64,
    },
    /// Never paid: first come, up to the face value.
    Refuse,
}

/// Seconds of a day of UTC, over which `per_issuer_day` counts.
const DAY_S: u64 = 86_400;

/// Claims that one round looks at.
const CLAIMS_OF_ROUND: u32 = 256;

/// An excess as a return finds it.
pub(crate) struct NewClaim<'a> {
    pub(crate) leaf: Digest,
    pub(crate) payee: PublicKey,
    /// Whether the payee shows a licence, so that the authority can compare it with an overspender.
    pub(crate) licensed: bool,
    pub(crate) bank: &'a str,
    pub(crate) currency: Currency,
    pub(crate) excess: Amount,
    pub(crate) at: Time,
}

/// Opens a claim in the cases of those who limited the payment.
pub(crate) fn open(tx: &mut Tx<'_>, claim: &NewClaim<'_>, limiting: &[Culprit]) -> Result<(), TxError> {
    let row = params![
        claim.leaf.0,
        claim.bank,
        claim.currency.code(),
        claim.excess,
        claim.payee.0,
        time_value(claim.at),
        u32::from(claim.licensed)
    ];
    tx.execute(schema::INSERT_CLAIM, row)?;
    for culprit in limiting {
        tx.execute(schema::INSERT_CLAIM_CASE, params![claim.leaf.0, culprit.node.0, culprit.holder.0])?;
    }
    Ok(())
}

/// A claim with its cases, each disclosed or, with a key under seal, proven.
struct Claim {
    leaf: Digest,
    bank: String,
    currency: Currency,
    excess: Amount,
    payee: PublicKey,
    licensed: bool,
    at: Time,
    cases: Vec<Culpable>,
}

/// An overspender as far as claims are concerned.
#[derive(Clone)]
struct Culpable {
    holder: PublicKey,
    /// None under seal: who it is only the bank knows.
    person: Option<Digest>,
    /// When the name came out, or under seal the proof.
    at: Time,
    proof: Vec<u8>,
}

/// Under which heads an honoured claim counts, and how much each may still take.
type Heads = Vec<(&'static str, Digest, Amount)>;

impl Issuer {
    pub(crate) async fn tick_claims(&self) -> Result<u32, TickError> {
        // from the beginning again after the last: claims that nobody can decide yet keep no other waiting
        let after = self.rounds.take("claims");
        let read = move |tx: &mut Tx<'_>| -> Done<Vec<Row>> {
            Ok(tx.rows(schema::OPEN_CLAIMS, params![after, CLAIMS_OF_ROUND])?)
        };
        let rows = self.store.read(read).await?;
        self.rounds.put("claims", last_of_full(&rows, CLAIMS_OF_ROUND));
        let mut decided = 0;
        for row in rows {
            let about = about(&row);
            let done = self.tick_claim(row).await;
            decided += u32::try_from(self.alone(about, done).await?.unwrap_or(0)).unwrap_or(0);
        }
        Ok(decided)
    }

    /// Decides the claim of a row, if all its cases let it; answers how many were decided.
    async fn tick_claim(&self, row: Row) -> Result<u64, TickError> {
        let Some(claim) = self.store.read(move |tx: &mut Tx<'_>| -> Done<_> { Ok(ready(tx, &row)?) }).await? else {
            return Ok(0);
        };
        let Some(heads) = self.judge(&claim).await? else { return Ok(0) };
        let now = self.clock.now();
        let ids = PostingIds::new(self.entropy.bytes());
        let decide = move |tx: &mut Tx<'_>| -> Done<u64> {
            let mut ids = ids;
            Ok(decide(tx, &claim, heads.as_deref(), now, &mut ids)?)
        };
        Ok(self.store.write(Caller::default(), decide).await?)
    }

    /// The heads under which a claim may be paid; none to refuse it. Nothing at all while the authority does not answer.
    async fn judge(&self, claim: &Claim) -> Result<Option<Option<Heads>>, TickError> {
        let Policy::Capped { per_key, per_person, per_issuer_day, cutoff } = self.config.policy else {
            return Ok(Some(None));
        };
        let late = claim.cases.iter().any(|case| claim.at > case.at.plus(cutoff));
        let guilty = claim.cases.iter().any(|case| case.holder == claim.payee);
        // where nobody overspent, a backup's refund took what came too late: nobody answers for that
        if late || guilty || claim.cases.is_empty() {
            return Ok(Some(None));
        }
        // nobody can compare a key without licence with another
        let compared = claim.licensed && claim.cases.iter().all(|case| case.person.is_some());
        if !compared {
            return Ok(Some(self.config.sealed.claims.map(|caps| self.sealed_heads(claim, caps))));
        }
        let mut heads: Heads = vec![("day", day(self.clock.now()), per_issuer_day)];
        for case in &claim.cases {
            let proof: Option<OverspendingProof> = decode(&case.proof, MESSAGE_BYTES_MAX).ok();
            let proof = proof.ok_or(TickError::Stored { table: "misuse" })?;
            match self.authority.send(&SamePerson { proof, payee: claim.payee }).await {
                Ok(answer) if !answer.same => {}
                Ok(_) => return Ok(Some(None)),
                Err(SendError::Refused(refusal)) if refusal != DiscloseRefusal::UnknownKey => {
                    // it will never compare them: who may be the overspender is not paid, and keeps no other claim waiting
                    tracing::info!(
                        code = zeni_message::Refusal::code(&refusal),
                        "the authority compares no more payees"
                    );
                    return Ok(Some(None));
                }
                Err(_) => {
                    tracing::info!("the authority has not answered about a claim yet");
                    return Ok(None);
                }
            }
            heads.push(("key", zeni_crypto::sha256(&[&case.holder.0]), per_key));
            heads.extend(case.person.map(|person| ("person", person, per_person)));
        }
        heads.sort_by_key(|(scope, subject, _)| (*scope, subject.0));
        heads.dedup_by_key(|(scope, subject, _)| (*scope, subject.0));
        Ok(Some(Some(heads)))
    }

    /// What an operator pays without knowing whether payee and overspender are one person: capped per key and day, so that what
    /// a ring gains in all is known beforehand.
    fn sealed_heads(&self, claim: &Claim, caps: SealedClaims) -> Heads {
        let mut heads: Heads = vec![("sealed day", day(self.clock.now()), caps.per_issuer_day)];
        for case in &claim.cases {
            heads.push(("sealed key", zeni_crypto::sha256(&[&case.holder.0]), caps.per_key));
        }
        heads.sort_by_key(|(scope, subject, _)| (*scope, subject.0));
        heads.dedup_by_key(|(scope, subject, _)| (*scope, subject.0));
        heads
    }

    pub(crate) async fn get_decisions(
        &self,
        ctx: &Ctx,
        message: GetDecisions,
    ) -> Result<Vec<Decision>, Failure<NoRefusal>> {
        let bank = ctx.caller_name().to_owned();
        let read = move |tx: &mut Tx<'_>| -> Result<Vec<Decision>, zeni_store::JobError<Never>> {
            let rows = tx.rows(schema::DECISIONS, &[bank.clone().into(), count_value(message.after)])?;
            let decision = |row: &Row| -> Result<Decision, TxError> {
                Ok(Decision {
                    number: row.u64(0)?,
                    leaf: digest(row, 1)?,
                    paid: row.amount(2)?,
                    claimed: row.amount(3)?,
                })
            };
            Ok(rows.iter().map(decision).collect::<Result<_, _>>()?)
        };
        self.store.read(read).await.map_err(failure_of_read)
    }
}

fn day(now: Time) -> Digest {
    zeni_crypto::tagged("zeni/day", &[&(now.0 / DAY_S).to_be_bytes()])
}

/// The claim of a row with its cases; none while one of them is not decided.
fn ready(tx: &mut Tx<'_>, row: &Row) -> Result<Option<Claim>, TxError> {
    let leaf = digest(row, 0)?;
    let wrong = TxError::Column { index: 2, expected: Kind::Array(3), found: Kind::Text };
    let currency = Currency::from_code(row.text(2)?).ok_or(wrong)?;
    let mut cases = Vec::new();
    for named in &tx.rows(schema::CLAIM_CASES, params![leaf.0])? {
        let node = digest(named, 0)?;
        let Some(case) = tx.row(schema::READ_CASE, params![node.0])? else { return Ok(None) };
        let (person, at) = if case.text(0)? == "disclosed" {
            (Some(digest(&case, 1)?), Time(case.u64(2)?))
        } else {
            let since = match tx.row(schema::READ_TRACE, params![node.0])? {
                Some(trace) => trace.u64(2)?,
                // the origin of the note was lost: no bank can be asked, and nothing is waited for
                None if case.text(0)? == "unknown" => case.u64(2)?,
                None => return Ok(None),
            };
            (None, Time(since))
        };
        let holder = PublicKey(named.array(1)?);
        cases.push(Culpable { holder, person, at, proof: case.blob(3)?.to_vec() });
    }
    Ok(Some(Claim {
        leaf,
        bank: row.text(1)?.to_owned(),
        currency,
        excess: row.amount(3)?,
        payee: PublicKey(row.array(4)?),
        at: Time(row.u64(5)?),
        licensed: row.int(6)? == 1,
        cases,
    }))
}

/// Pays what every head allows, at most the excess; answers how many claims were decided, one or, on a repeat, none.
fn decide(
    tx: &mut Tx<'_>,
    claim: &Claim,
    heads: Option<&[(&'static str, Digest, Amount)]>,
    now: Time,
    ids: &mut PostingIds,
) -> Result<u64, TxError> {
    let mut paid = heads.map_or(Amount::ZERO, |_| claim.excess);
    for (scope, subject, cap) in heads.unwrap_or_default() {
        let row = tx.row(schema::SUM_HONOURED, params![*scope, subject.0, claim.currency.code()])?;
        let honoured = row.map_or(Ok(Amount::ZERO), |row| row.amount(0))?;
        paid = paid.min(cap.checked_sub(honoured).unwrap_or(Amount::ZERO));
    }
    let done = tx.execute(schema::DECIDE_CLAIM, params![claim.leaf.0, paid, time_value(now)])?;
    if done == 0 {
        return Ok(0);
    }
    if !paid.is_zero() {
        for (scope, subject, _) in heads.unwrap_or_default() {
            tx.execute(schema::INSERT_HONOURED, params![claim.leaf.0, *scope, subject.0, claim.currency.code(), paid])?;
        }
        let posting = Posting {
            debit: Account::Misuse,
            credit: Account::Honoured(claim.bank.clone()),
            currency: claim.currency,
            amount: paid,
            reference: "claim",
        };
        books::post(tx, ids, &posting)?;
    }
    announce(tx, &claim.bank, &claim.leaf, paid, Amount::ZERO)?;
    Ok(done)
}

/// Tells a bank of a decision under its next number; `claimed` is what a later decision is about.
pub(crate) fn announce(
    tx: &mut Tx<'_>,
    bank: &str,
    leaf: &Digest,
    paid: Amount,
    claimed: Amount,
) -> Result<(), TxError> {
    let last = tx.row(schema::LAST_DECISION, params![bank])?.map_or(Ok(0), |row| row.u64(0))?;
    tx.execute(
        schema::INSERT_DECISION,
        &[bank.into(), count_value(last + 1), leaf.0.into(), paid.into(), claimed.into()],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests;
