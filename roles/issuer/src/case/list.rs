//! Keys under seal that overspent, brought to the authority's revocation list (DESIGN §5 "Trace"): payees who are offline know a
//! key by that list alone.
//!
//! It waits for the bank's word on the case, for [`BANK_WORD_S`] at most: who holds the key is named first, or his bank is answerable.
//! A bank that refuses a true proof, or says nothing, keeps no key off the list: the authority verifies by itself. Until the
//! authority has answered, each round asks it again with the same proof, whatever has become of the note.

use zeni_message::peer::SendError;
use zeni_note::{messages::authority::RevokeSealed, sealed::CONTENT_LEN};
use zeni_store::{Caller, Row, Tx, params};

use super::{BANK_WORD_S, CASES_OF_ROUND, Case, alarm, case};
use crate::{
    Done, Issuer, count_value, schema,
    tick::{TickError, about, last_of_full},
    time_value,
};

/// The place of these cases among the rounds.
const ROUND: &str = "sealed keys";

impl Issuer {
    /// Brings the proofs of cases under seal to the authority, each until it has answered, once their banks have spoken or have had
    /// their time. When the authority does not answer, the others wait for the next round.
    pub(super) async fn list_sealed_keys(&self) -> Result<u32, TickError> {
        let after = self.rounds.take(ROUND);
        let waited = self.clock.now().minus(BANK_WORD_S);
        let read = move |tx: &mut Tx<'_>| -> Done<Vec<Row>> {
            let sealed = u32::try_from(CONTENT_LEN).unwrap_or(u32::MAX);
            Ok(tx.rows(schema::UNLISTED_CASES, params![after, CASES_OF_ROUND, time_value(waited), sealed])?)
        };
        let rows = self.store.read(read).await?;
        let mut last = last_of_full(&rows, CASES_OF_ROUND);
        let mut done = 0;
        for row in &rows {
            let Some(case) = self.alone(about(row), case(row)).await? else { continue };
            let (node, is_silent) = (case.node, row.int(5).is_ok_and(|silent| silent == 1));
            let listed = self.list_sealed_key(case, is_silent).await;
            match self.alone(node, listed).await? {
                Some(Some(listed)) => done += u32::from(listed),
                // its row is damaged: that stops no other
                None => {}
                Some(None) => {
                    last = Some(node.0);
                    break;
                }
            }
        }
        self.rounds.put(ROUND, last);
        Ok(done)
    }

    /// Has one key listed, with an alarm against a bank that is silent; none when the authority does not answer.
    async fn list_sealed_key(&self, case: Case, is_silent: bool) -> Result<Option<bool>, TickError> {
        let proof = case.proof()?;
        let (node, now) = (case.node, self.clock.now());
        let (listed, number) = match self.authority.send(&RevokeSealed { proof }).await {
            Ok(number) => (true, number),
            Err(SendError::Refused(refusal)) => {
                let code = zeni_message::Refusal::code(&refusal);
                tracing::error!(code, "alarm: the authority does not list a key under seal that overspent");
                (false, 0)
            }
            Err(error) => {
                tracing::info!(retry = error.retry(), "the authority has not listed a key under seal yet");
                return Ok(None);
            }
        };
        if is_silent {
            tracing::error!("alarm: a bank has not answered a case in its time");
        }
        let put = move |tx: &mut Tx<'_>| -> Done<u64> {
            if is_silent {
                alarm(tx, "silent_bank", &node, now)?;
            }
            if !listed {
                alarm(tx, "unlisted_key", &node, now)?;
            }
            Ok(tx.execute(schema::LIST_CASE, params![node.0, u32::from(listed), count_value(number)])?)
        };
        Ok(Some(self.store.write(Caller::default(), put).await? == 1))
    }
}
