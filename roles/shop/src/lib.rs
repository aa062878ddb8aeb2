//! A shop: a [`Holder`] with one long-lived key and a name certificate, that hands in all its takings under one signature.
//!
//! The key is public and named, so it may sign to the shop's account; the shop's customers stay as private as their own
//! wallets make them.

use std::ops::{Deref, DerefMut};

use zeni_holder::{DepositError, DepositReport, Enrolment, Holder, Join, JoinError, Joined, Kind, Privacy};

/// A shop. All of [`Holder`]'s operations are its own.
#[derive(Debug)]
pub struct Shop(Holder);

impl Shop {
    /// A shop over a holder.
    pub fn new(holder: Holder) -> Self {
        Shop(holder)
    }

    /// Joins as a shop (RN-F1, X42); its name is certified for its key.
    pub async fn join(&mut self, enrolment: Enrolment) -> Result<Joined, JoinError> {
        self.0.join(Join { enrolment, privacy: Privacy::Untraceable, kind: Kind::Shop }).await
    }

    /// Hands in all takings, each currency under one signature (RN-F5.1, DESIGN §5).
    pub async fn deposit(&mut self) -> Result<Vec<DepositReport>, DepositError> {
        self.0.hand_in().await
    }
}

impl Deref for Shop {
    type Target = Holder;
    fn deref(&self) -> &Holder {
        &self.0
    }
}

impl DerefMut for Shop {
    fn deref_mut(&mut self) -> &mut Holder {
        &mut self.0
    }
}

#[cfg(test)]
mod tests;
