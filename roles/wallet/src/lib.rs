//! A person's wallet: a [`Holder`] in one of the two privacy regimes.
//!
//! | regime | keys | who can tie what together |
//! |---|---|---|
//! | [`Privacy::Untraceable`] (f-1) | one long-lived licence for withdrawals, receipts and payments | payees and the issuer see that money is one person's, not whose (RN-P6) |
//! | [`Privacy::Unlinkable`] (f-2) | a fresh licence for each note and each receipt, from a stock drawn ahead | nobody but the authority; parts of one note stay linkable by its number (RN-P7, O7) |
//!
//! In both a key that withdrew or paid never signs to the person's account (RN-O19).

use std::ops::{Deref, DerefMut};

use serde::Serialize;
use zeni_holder::{Explain, Holder, Join, JoinError, Joined, Kind, Privacy, Renewed, Resumed, Trouble};

/// A person's wallet. All of [`Holder`]'s operations are its own.
#[derive(Debug)]
pub struct Wallet(Holder);

/// What a person brings who joins. His name comes from the authority's file.
#[derive(Clone)]
pub struct Enrolment {
    /// Short name of his bank.
    pub bank: String,
    /// His account there.
    pub account: String,
    /// The bank's secret for the account.
    pub code: String,
    /// Certificate signing request for his connections to the bank, DER.
    pub csr: Vec<u8>,
    /// The authority's secret for the person.
    pub identity: String,
    /// Privacy regime.
    pub privacy: Privacy,
}

/// Shows no secret.
impl std::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enrolment").field("bank", &self.bank).field("privacy", &self.privacy).finish_non_exhaustive()
    }
}

/// What a round of housekeeping came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Round {
    /// What was unfinished.
    pub resumed: Vec<Resumed>,
    /// Holdings renewed because they were at their cap (RN-X34).
    pub renewed: Vec<Renewed>,
    /// Stable words of what could not be done now.
    pub put_off: Vec<&'static str>,
}

impl Wallet {
    /// A wallet over a holder.
    pub fn new(holder: Holder) -> Self {
        Wallet(holder)
    }

    /// Joins as a person (RN-F1, F2.1).
    pub async fn join(&mut self, enrolment: Enrolment) -> Result<Joined, JoinError> {
        let Enrolment { bank, account, code, csr, identity, privacy } = enrolment;
        self.0.join(Join { bank, account, code, csr, identity, privacy, kind: Kind::Wallet }).await
    }

    /// Housekeeping while there is a connection: finish what was cut, redeem what is due, fetch lists and licences, renew
    /// what is at its cap. What cannot be done now is put off and named.
    pub async fn run(&mut self) -> Result<Round, Trouble> {
        let mut round = Round { resumed: self.0.resume().await?, ..Round::default() };
        if let Err(error) = self.0.sync().await {
            round.put_off.push(error.code());
        }
        match self.0.renew().await {
            Ok(renewed) => round.renewed = renewed,
            Err(error) => round.put_off.push(error.code()),
        }
        Ok(round)
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
