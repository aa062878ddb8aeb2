//! The life of an order under seal.

use zeni_message::Refusal;
use zeni_note::messages::{
    bank::{SealedOutcome, SealedReply},
    issuer::SealedAnswer,
};
use zeni_store::{Row, TxError};

use crate::books::broken;

/// Where an order stands; what a restart does about it is said at each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Reserved; the next round sends it to the issuer, again if need be: the same bytes get the same answer.
    Pending,
    /// Final: debited; E_K is stored.
    Issued,
    /// Final: released; the word of the refusal is stored.
    Refused,
}

impl Phase {
    const ALL: [Phase; 3] = [Phase::Pending, Phase::Issued, Phase::Refused];

    /// The word in the database.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Phase::Pending => "pending",
            Phase::Issued => "issued",
            Phase::Refused => "refused",
        }
    }

    pub(crate) fn read(row: &Row, index: usize) -> Result<Phase, TxError> {
        let word = row.text(index)?;
        Phase::ALL.into_iter().find(|phase| phase.word() == word).ok_or_else(|| broken("an unknown state of an order"))
    }

    /// Where an answer of the issuer leads, and what of it is kept.
    pub(super) fn of(answer: &SealedAnswer) -> (Phase, Vec<u8>) {
        match answer {
            SealedAnswer::Issued(reply) => (Phase::Issued, reply.to_vec()),
            SealedAnswer::Refused(refusal) => (Phase::Refused, refusal.code().as_bytes().to_vec()),
        }
    }
}

/// What a customer is told of an order, from the columns state and answer at `index`: E_K as it came (HC-F2.17).
pub(super) fn told(row: &Row, index: usize) -> Result<SealedOutcome, TxError> {
    Ok(match Phase::read(row, index)? {
        Phase::Pending => SealedOutcome::Pending,
        Phase::Issued => SealedOutcome::Issued(SealedReply::from(row.array(index + 1)?)),
        Phase::Refused => {
            let word = String::from_utf8(row.blob(index + 1)?.to_vec());
            SealedOutcome::Refused(word.map_err(|_| broken("the word of a refusal is damaged"))?)
        }
    })
}
