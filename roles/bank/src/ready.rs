//! Whether the bank can sell requests.

use zeni_message::{NoRefusal, Time};
use zeni_store::WriteError;

use crate::bank::Bank;

impl Bank {
    /// Whether the bank holds a published key list with keys of its own that sign at `now`.
    ///
    /// # Errors
    /// Trouble of the store.
    pub async fn signs_at(&self, now: Time) -> Result<bool, WriteError<NoRefusal>> {
        let lists = self.lists::<NoRefusal>().await?;
        Ok(lists.own.values().any(|key| key.from <= now && now <= key.terms.withdraw_until))
    }
}
