//! What the bank does by itself: one bounded round per call, everything due found in the database.

use std::convert::Infallible;

use zeni_crypto::blind::RsaKeyError;
use zeni_message::{Message, Refusal, Time, peer::SendError};
use zeni_note::keylist::KeyListFault;
use zeni_store::WriteError;

use crate::bank::Bank;

/// Whether another round has something to do at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing is due.
    Idle,
    /// More is due.
    More,
}

impl Progress {
    fn and(self, other: Progress) -> Progress {
        if self == Progress::More { self } else { other }
    }
}

/// Why a chore was not finished. The next round begins it again from what is stored.
#[derive(Debug, thiserror::Error)]
pub enum ChoreError {
    /// The store.
    #[error("the bank's store: {0}")]
    Store(#[from] WriteError<Infallible>),
    /// No reply to a message.
    #[error("{message}: {cause}")]
    Peer {
        /// Path of the message.
        message: &'static str,
        /// What happened.
        cause: String,
    },
    /// A message was refused that an honest bank's never is.
    #[error("{message} was refused: {code}")]
    Refused {
        /// Path of the message.
        message: &'static str,
        /// Stable word of the refusal.
        code: &'static str,
    },
    /// An answer of the issuer about a batch is not signed by it, or not about that batch.
    #[error("the issuer's answer about a batch of returns is not its signed word on this batch")]
    Answer,
    /// The issuer answered about another number of orders than were sent: nothing of it is booked (HC-X48).
    #[error("the issuer's answer about orders under seal is not about these orders")]
    SealedAnswer,
    /// A key list that is not to be used.
    #[error("the issuer sent a key list that is not to be used: {0}")]
    KeyList(#[from] KeyListFault),
    /// A revocation list that is not the authority's.
    #[error("the revocation list is not signed by the authority")]
    Revocations,
    /// A key could not be made.
    #[error("a blind-signing key could not be made: {0}")]
    Key(#[from] RsaKeyError),
}

impl ChoreError {
    pub(crate) fn sent<M: Message>(error: SendError<M::Refusal>) -> ChoreError {
        match error {
            SendError::Refused(refusal) => ChoreError::Refused { message: M::PATH, code: refusal.code() },
            other => ChoreError::Peer { message: M::PATH, cause: other.to_string() },
        }
    }
}

pub(crate) type Chore = Result<Progress, ChoreError>;

impl Bank {
    /// One round: counts to the issuer and into their keys, orders under seal, one batch of returns, decisions, transfers, one
    /// claim, key lists, revocations, one key or the
    /// submission of an epoch's keys, forgetting, releasing. A chore that fails does not stop the others; the first failure
    /// is told.
    pub async fn tick(&self) -> Result<Progress, ChoreError> {
        let now = self.clock.now();
        let rounds = [
            self.report_counts().await,
            self.send_orders(now).await,
            self.fold_counts().await,
            self.return_items(now).await,
            self.ask_decisions(now).await,
            self.ask_transfers(now).await,
            self.void_claims(now).await,
            self.ask_key_lists(now).await,
            self.ask_revocations(now).await,
            self.ensure_epoch_keys(now).await,
            self.fold_books(now).await,
            self.forget(now).await,
            self.forget_orders(now).await,
            self.forget_certificates(now).await,
            self.release(now).await,
        ];
        rounds.into_iter().try_fold(Progress::Idle, |all, one| Ok(all.and(one?)))
    }

    /// Whether a question asked at `last` may be asked again; notes that it was.
    pub(crate) fn due(&self, last: &mut Option<Time>, now: Time) -> bool {
        let due = last.is_none_or(|last| now.since(last) >= self.config.poll_s);
        if due {
            *last = Some(now);
        }
        due
    }
}
