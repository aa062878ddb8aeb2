//! A person's wallet: a [`Holder`] in one of the two privacy regimes.
//!
//! | regime | keys | who can tie what together |
//! |---|---|---|
//! | [`Privacy::Untraceable`] (f-1) | one long-lived licence for withdrawals, receipts and payments | payees and the issuer see that money is one person's, not whose (RN-P6) |
//! | [`Privacy::Unlinkable`] (f-2) | a fresh licence for each note and each receipt, from a stock drawn ahead | nobody but the authority; parts of one note stay linkable by its number (RN-P7, O7) |
//!
//! In both a key that withdrew or paid never signs to the person's account (RN-O19).

use std::ops::{Deref, DerefMut};

use zeni_holder::{Enrolment, Holder, Join, JoinError, Joined, Kind, Privacy};

/// A person's wallet. All of [`Holder`]'s operations are its own.
#[derive(Debug)]
pub struct Wallet(Holder);

impl Wallet {
    /// A wallet over a holder.
    pub fn new(holder: Holder) -> Self {
        Wallet(holder)
    }

    /// Joins as a person (RN-F1, F2.1).
    pub async fn join(&mut self, enrolment: Enrolment, privacy: Privacy) -> Result<Joined, JoinError> {
        self.0.join(Join { enrolment, privacy, kind: Kind::Wallet }).await
    }
}

impl Deref for Wallet {
    type Target = Holder;
    fn deref(&self) -> &Holder {
        &self.0
    }
}

impl DerefMut for Wallet {
    fn deref_mut(&mut self) -> &mut Holder {
        &mut self.0
    }
}

#[cfg(test)]
mod tests;
