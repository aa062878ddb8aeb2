//! The authority's revocation list (RN-D22).
//!
//! The bank refuses no deposit because of it: what a revoked key received before it was revoked is paid as of right, and
//! who may be paid an excess is the issuer's to decide (DESIGN §5). It marks such deposits, so that the operator sees them.

use std::{convert::Infallible, sync::PoisonError};

use zeni_message::{NotVerified, Time, encode};
use zeni_note::messages::authority::GetRevocations;
use zeni_store::{Caller, JobError, Tx};

use crate::{
    bank::Bank,
    chores::{Chore, ChoreError, Progress},
    schema,
};

impl Bank {
    /// Asks for the list and keeps it if it is newer than the one at hand.
    pub(crate) async fn ask_revocations(&self, now: Time) -> Chore {
        if !self.due(&mut self.rounds.lock().unwrap_or_else(PoisonError::into_inner).revocations_asked, now) {
            return Ok(Progress::Idle);
        }
        let list = self.authority.send(&GetRevocations {}).await.map_err(ChoreError::sent::<GetRevocations>)?;
        let roots = &self.config.roots;
        list.verify(roots.network, &roots.authority).map_err(|NotVerified| ChoreError::Revocations)?;
        let known = self.lists::<Infallible>().await?;
        if known.revocations.as_ref().is_some_and(|known| known.number >= list.record.number) {
            return Ok(Progress::Idle);
        }
        let (number, list) = (schema::int(list.record.number), encode(&list));
        let job = move |tx: &mut Tx<'_>| -> Result<(), JobError<Infallible>> {
            tx.execute(schema::INSERT_REVOCATIONS, &[number.clone(), list.clone().into()])?;
            tx.execute(schema::DELETE_REVOCATIONS, std::slice::from_ref(&number))?;
            Ok(())
        };
        self.store.write(Caller::default(), job).await?;
        self.forget_lists();
        Ok(Progress::Idle)
    }
}

#[cfg(test)]
mod tests;
