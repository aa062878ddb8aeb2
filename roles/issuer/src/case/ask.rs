//! Who can name the key of a proven case is asked for it: the authority for a licensed key, for one under seal the bank in the
//! note's origin, which answers with no name (HC-F5.3, HC-O23).
//!
//! All are asked at once, each with one case after another until one is not answered: what stands still at one of them holds up no
//! other, and one round takes no longer than the slowest. The next round begins behind the case that was not answered, which is asked
//! again after a pause, ever more seldom.

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use zeni_crypto::Digest;
use zeni_message::{Refusal, Time, peer::SendError};
use zeni_note::{
    OverspendingProof,
    messages::{
        authority::{Disclose, Disclosed},
        bank::{Identification, IdentifyOverspender, IdentifyRefusal},
    },
    sealed::CONTENT_LEN,
};
use zeni_store::{Caller, Tx, TxError, params};

use super::{Case, alarm};
use crate::{Done, Issuer, count_value, schema, tick::TickError, time_value};

/// A proven case, as who can name the key is asked about it.
struct Question {
    node: Digest,
    proof: OverspendingProof,
    /// What was sealed, for the bank; zeros for the authority.
    content: [u8; CONTENT_LEN],
}

/// Who can name a key: the authority, or the bank of this name.
type Door = Option<String>;

/// What became of a question.
enum Asked {
    /// The case is decided, and whether by this answer.
    Decided(bool),
    /// Refused for now.
    Later,
    /// No answer: nothing more is asked there in this round.
    Silence,
}

impl Issuer {
    /// Asks about proven cases; answers how many were decided.
    pub(super) async fn ask(&self, cases: Vec<Case>) -> Result<u32, TickError> {
        let mut done = 0;
        let mut doors: BTreeMap<Door, Vec<Question>> = BTreeMap::new();
        let now = self.clock.now();
        for case in cases.into_iter().filter(|case| self.pauses.is_over(&case.node, now)) {
            let node = case.node;
            let Some(proof) = self.alone(node, case.proof()).await? else { continue };
            let asked_at = if proof.right.licence().is_some() {
                Some((None, [0; CONTENT_LEN]))
            } else {
                let Some(trace) = self.alone(node, self.trace(node).await).await? else { continue };
                trace.map(|(bank, content)| (Some(bank), content))
            };
            let Some((door, content)) = asked_at else {
                tracing::error!("alarm: a note under seal has no origin");
                done += u32::from(self.close_case(node, "unknown", Some("unknown_order")).await?);
                continue;
            };
            doors.entry(door).or_default().push(Question { node, proof, content });
        }
        for asked in all(doors.into_iter().map(|(door, questions)| self.ask_at(door, questions))).await {
            done += asked?;
        }
        Ok(done)
    }

    async fn ask_at(&self, door: Door, mut questions: Vec<Question>) -> Result<u32, TickError> {
        let place = door.as_ref().map_or_else(|| "authority".to_owned(), |bank| format!("bank {bank}"));
        let after = self.rounds.take(&place);
        let first = questions.iter().position(|question| question.node.0 > after).unwrap_or(0);
        questions.rotate_left(first);
        let mut done = 0;
        for question in questions {
            let node = question.node;
            let asked = match &door {
                None => self.disclose(question).await?,
                Some(bank) => self.identify(bank, question).await?,
            };
            let pause = || self.pauses.begin(node, self.clock.now(), self.config.limits.ask_again_s);
            match asked {
                Asked::Decided(here) => {
                    self.pauses.end(&node);
                    done += u32::from(here);
                }
                Asked::Later => pause(),
                Asked::Silence => {
                    pause();
                    self.rounds.put(&place, Some(node.0));
                    break;
                }
            }
        }
        Ok(done)
    }

    /// The bank behind a key under seal, and what was sealed.
    async fn trace(&self, node: Digest) -> Result<Option<(String, [u8; CONTENT_LEN])>, TickError> {
        let read = move |tx: &mut Tx<'_>| -> Done<_> {
            let Some(row) = tx.row(schema::READ_TRACE, params![node.0])? else { return Ok(None) };
            Ok(Some((row.text(0)?.to_owned(), row.array(1)?)))
        };
        Ok(self.store.read(read).await?)
    }

    /// Asks the bank of a note under seal to identify its holder.
    async fn identify(&self, bank: &str, question: Question) -> Result<Asked, TickError> {
        let Question { node, proof, content } = question;
        let Some(peer) = self.banks.get(bank) else {
            tracing::warn!(bank, "a bank that could identify an overspender cannot be reached");
            return Ok(Asked::Silence);
        };
        let (state, kind) = match peer.send(&IdentifyOverspender { proof, content: content.into() }).await {
            Ok(Identification::Identified) => ("identified", None),
            Ok(Identification::Unknown) => {
                tracing::error!(bank, "alarm: a bank has no order for a note that it ordered: it is answerable");
                ("unknown", Some("unknown_order"))
            }
            Err(SendError::Refused(refusal)) if waits(&refusal) => return Ok(Asked::Later),
            Err(SendError::Refused(refusal)) => {
                tracing::error!(bank, code = refusal.code(), "alarm: a bank refuses a true proof: it is answerable");
                ("refused", Some("refused_proof"))
            }
            Err(error) => {
                tracing::info!(bank, retry = error.retry(), "a bank has not answered a case yet");
                return Ok(Asked::Silence);
            }
        };
        Ok(Asked::Decided(self.close_case(node, state, kind).await?))
    }

    /// Closes a case under seal, with an alarm of that kind against the bank if it named nobody.
    async fn close_case(
        &self,
        node: Digest,
        state: &'static str,
        kind: Option<&'static str>,
    ) -> Result<bool, TickError> {
        let now = self.clock.now();
        let put = move |tx: &mut Tx<'_>| -> Done<u64> {
            if let Some(kind) = kind {
                alarm(tx, kind, &node, now)?;
            }
            Ok(tx.execute(schema::IDENTIFY_CASE, params![node.0, state, time_value(now)])?)
        };
        Ok(self.store.write(Caller::default(), put).await? == 1)
    }

    async fn disclose(&self, question: Question) -> Result<Asked, TickError> {
        let Question { node, proof, .. } = question;
        let put = match self.authority.send(&Disclose { proof }).await {
            Ok(disclosed) => {
                let now = self.clock.now();
                let put = move |tx: &mut Tx<'_>| -> Done<u64> { Ok(put_disclosure(tx, &node, &disclosed, now)?) };
                self.store.write(Caller::default(), put).await?
            }
            Err(SendError::Refused(refusal)) => {
                tracing::error!(code = refusal.code(), "alarm: the authority refuses a proof");
                let put = move |tx: &mut Tx<'_>| -> Done<u64> {
                    Ok(tx.execute(schema::REFUSE_CASE, params![node.0, "refused"])?)
                };
                self.store.write(Caller::default(), put).await?
            }
            Err(error) => {
                tracing::info!(retry = error.retry(), "the authority has not answered a case yet");
                return Ok(Asked::Silence);
            }
        };
        Ok(Asked::Decided(put == 1))
    }
}

/// A refusal that another time may not be one.
fn waits(refusal: &IdentifyRefusal) -> bool {
    *refusal == IdentifyRefusal::UnknownEpoch
}

fn put_disclosure(tx: &mut Tx<'_>, node: &Digest, disclosed: &Disclosed, now: Time) -> Result<u64, TxError> {
    let row = [
        node.0.into(),
        disclosed.name.clone().into(),
        disclosed.person.0.into(),
        count_value(disclosed.number),
        disclosed.revoked.into(),
        time_value(now),
    ];
    tx.execute(schema::DISCLOSE_CASE, &row)
}

/// The results of futures that run side by side, in their order. Made for a few: each wake polls all that are not done.
pub(super) async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut open: Vec<(usize, Pin<Box<F>>)> = futures.map(Box::pin).enumerate().collect();
    let mut results: BTreeMap<usize, F::Output> = BTreeMap::new();
    poll_fn(|cx| {
        open.retain_mut(|(place, future)| match future.as_mut().poll(cx) {
            Poll::Ready(result) => {
                results.insert(*place, result);
                false
            }
            Poll::Pending => true,
        });
        if open.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    results.into_values().collect()
}
