//! Keys under seal that overspent, brought to the authority's revocation list (DESIGN §5 "Trace"): payees who are offline know a
//! key by that list alone.
//!
//! It waits for the bank's word on the case: who holds the key is named first, or his bank is answerable. Until the authority has
//! answered, each round asks it again with the same proof, whatever has become of the note.

use zeni_message::{decode, limits::MESSAGE_BYTES_MAX, peer::SendError};
use zeni_note::{OverspendingProof, messages::authority::RevokeSealed};
use zeni_store::{Caller, Tx, params};

use super::{CASES_OF_ROUND, Case, case};
use crate::{Done, Issuer, count_value, schema, tick::TickError, time_value};

/// The place of these cases among the rounds.
const ROUND: &str = "sealed keys";

impl Issuer {
    /// Brings the proofs of decided cases under seal to the authority, each until it has answered.
    pub(super) async fn list_sealed_keys(&self) -> Result<u32, TickError> {
        let after = self.rounds.take(ROUND);
        let read = move |tx: &mut Tx<'_>| -> Done<Vec<Case>> {
            let rows = tx.rows(schema::UNLISTED_CASES, params![after, CASES_OF_ROUND])?;
            Ok(rows.iter().map(case).collect::<Result<_, _>>()?)
        };
        let cases = self.store.read(read).await?;
        self.rounds.put(ROUND, cases.last().filter(|_| cases.len() == CASES_OF_ROUND as usize).map(|last| last.node.0));
        let mut done = 0;
        for case in cases {
            done += u32::from(self.list_sealed_key(case).await?);
        }
        Ok(done)
    }

    async fn list_sealed_key(&self, case: Case) -> Result<bool, TickError> {
        let proof = case.proof.and_then(|bytes| decode(&bytes, MESSAGE_BYTES_MAX).ok());
        let Some(proof): Option<OverspendingProof> = proof else {
            tracing::error!("alarm: the stored proof of a case cannot be read");
            return Ok(false);
        };
        let (node, now) = (case.node, self.clock.now());
        let put = match self.authority.send(&RevokeSealed { proof }).await {
            Ok(number) => {
                let job = move |tx: &mut Tx<'_>| -> Done<u64> {
                    Ok(tx.execute(schema::LIST_CASE, params![node.0, 1, count_value(number)])?)
                };
                self.store.write(Caller::default(), job).await?
            }
            Err(SendError::Refused(refusal)) => {
                let code = zeni_message::Refusal::code(&refusal);
                tracing::error!(code, "alarm: the authority does not list a key under seal that overspent");
                let job = move |tx: &mut Tx<'_>| -> Done<u64> {
                    let id = zeni_crypto::tagged("zeni/unlisted-key", &[&node.0]);
                    tx.execute(schema::INSERT_ALARM, params![id.0, time_value(now), "unlisted_key", node.0])?;
                    Ok(tx.execute(schema::LIST_CASE, params![node.0, 0, 0])?)
                };
                self.store.write(Caller::default(), job).await?
            }
            Err(error) => {
                tracing::info!(retry = error.retry(), "the authority has not listed a key under seal yet");
                return Ok(false);
            }
        };
        Ok(put == 1)
    }
}
