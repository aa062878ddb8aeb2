//! A shop: a [`Holder`] with one long-lived key and a name certificate, that hands in all its takings under one signature.
//!
//! The key is public and named, so it may sign to the shop's account; the shop's customers stay as private as their own
//! wallets make them.

use std::ops::{Deref, DerefMut};

use zeni_holder::{DepositError, DepositReport, Holder, Join, JoinError, Joined, Kind, Privacy};

/// A shop. All of [`Holder`]'s operations are its own.
#[derive(Debug)]
pub struct Shop(Holder);

/// What a shop brings that joins. Its name comes from the authority's file and is certified for its key.
#[derive(Clone)]
pub struct Enrolment {
    /// Short name of its bank.
    pub bank: String,
    /// Its account there.
    pub account: String,
    /// The bank's secret for the account.
    pub code: String,
    /// Certificate signing request for its connections to the bank, DER.
    pub csr: Vec<u8>,
    /// The authority's secret for the shop.
    pub identity: Option<String>,
}

/// Shows no secret.
impl std::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enrolment").field("bank", &self.bank).finish_non_exhaustive()
    }
}

impl Shop {
    /// A shop over a holder.
    pub fn new(holder: Holder) -> Self {
        Shop(holder)
    }

    /// Joins as a shop: one licence, one name certificate (RN-F1, X42).
    pub async fn join(&mut self, enrolment: Enrolment) -> Result<Joined, JoinError> {
        let Enrolment { bank, account, code, csr, identity } = enrolment;
        let privacy = Privacy::Untraceable;
        self.0.join(Join { bank, account, code, csr, identity, privacy, kind: Kind::Shop }).await
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
