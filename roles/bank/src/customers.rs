//! The list of revoked customers' certificates: valid for a month and made anew each day, so that a bank that runs for
//! long never goes on with one that has ended.

use std::sync::PoisonError;

use zeni_identity::{Crl, IssueError};

use crate::bank::Bank;

/// Seconds for which a list is valid.
const LIST_VALID_S: u64 = 30 * 86_400;
/// Seconds after which it is made anew.
const LIST_EVERY_S: u64 = 86_400;

impl Bank {
    /// The list over the bank's customers' certificates that is in force now. Its number is the time at which it was made.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn customer_list(&self) -> Result<Crl, IssueError> {
        let now = self.clock.now();
        let mut kept = self.customer_list.lock().unwrap_or_else(PoisonError::into_inner);
        // also when the clock was put back: a list of the future is valid for nobody
        let fresh = |list: &&Crl| list.published() <= now && now < list.published().plus(LIST_EVERY_S);
        if let Some(list) = kept.as_ref().filter(fresh) {
            return Ok(list.clone());
        }
        let list = self.customers.issue_crl(now.0, &[], now, now.plus(LIST_VALID_S))?;
        *kept = Some(list.clone());
        Ok(list)
    }
}

#[cfg(test)]
mod tests;
