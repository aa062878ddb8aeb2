//! What a holder stores. Every wait state that survives a restart is a variant whose doc line says the recovery action.

mod deposit;
mod holding;
mod payment;
mod person;
mod sealed;
mod withdrawal;

use zeni_crypto::Digest;
use zeni_message::Time;
use zeni_money::Money;

use crate::{
    schema,
    table::{Sql, Stored},
};

pub(crate) use deposit::{DepositKind, DepositPhase, OwnDeposit, Renewal, RenewalPhase};
pub(crate) use holding::{Holding, HoldingPhase};
pub(crate) use payment::{ChallengeState, OwnChallenge, OwnPayment, Part, PaymentState, SelfPayment};
pub use person::{CardRefused, Evidence, Kind, Privacy, Profile, Via};
pub(crate) use person::{LicenceUse, OperatorWord, OwnRight, StoredKeyList, StoredRevocations};
pub(crate) use sealed::{KeptContent, SealedOrder, SealedOrderState};
pub(crate) use withdrawal::{BlindItem, Request, RequestState, Withdrawal, WithdrawalState};

/// A line of the history.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct Line {
    /// The same event twice is one line.
    #[n(0)]
    pub(crate) event: Digest,
    #[n(1)]
    pub(crate) time: Time,
    #[n(2)]
    pub(crate) kind: String,
    #[n(3)]
    pub(crate) money: Money,
    #[n(4)]
    pub(crate) text: String,
    /// How the money was issued, where the line is about that.
    #[n(5)]
    pub(crate) via: Option<Via>,
}

impl Line {
    pub(crate) fn new(time: Time, kind: &str, subject: &[u8], money: Money, text: &str) -> Line {
        let event = zeni_crypto::tagged("zeni/history", &[kind.as_bytes(), subject]);
        Line { event, time, kind: kind.into(), money, text: text.into(), via: None }
    }

    /// The same line about money that was issued that way.
    pub(crate) fn via(self, via: Via) -> Line {
        Line { via: Some(via), ..self }
    }
}

macro_rules! stored {
    ($($type:ident in $table:ident, id $id:expr, active $active:expr;)*) => {$(
        impl Stored for $type {
            const SQL: &'static Sql = &schema::$table;
            fn id(&self) -> Vec<u8> {
                let id: fn(&$type) -> Vec<u8> = $id;
                id(self)
            }
            fn active(&self) -> bool {
                let active: fn(&$type) -> bool = $active;
                active(self)
            }
        }
    )*};
}

/// Id of the only row of a table.
pub(crate) const ONLY: &[u8] = &[0];

stored! {
    Profile in PROFILE, id |_| ONLY.to_vec(), active |_| true;
    OperatorWord in OPERATOR_WORD, id |_| ONLY.to_vec(), active |_| true;
    OwnRight in OWN_RIGHT, id |it| it.key().0.to_vec(), active |it| it.used != LicenceUse::Used;
    StoredKeyList in KEY_LIST, id |it| it.list.record.epoch.to_be_bytes().to_vec(), active |_| true;
    StoredRevocations in REVOCATIONS, id |_| ONLY.to_vec(), active |_| true;
    Evidence in EVIDENCE, id |it| zeni_crypto::sha256(&[&zeni_message::encode(it)]).0.to_vec(), active |_| true;
    Withdrawal in WITHDRAWAL, id |it| it.order.to_vec(), active |it| it.state == WithdrawalState::Ordered;
    Request in REQUEST, id |it| it.request.content_id().0.to_vec(), active |it| !matches!(
        it.state,
        RequestState::Redeemed | RequestState::Credited | RequestState::Lost(_)
    );
    SealedOrder in SEALED_ORDER, id |it| it.order.record.of.request.0.to_vec(), active |it| it.is_open() || it.is_doubted();
    Holding in HOLDING, id |it| it.node.0.to_vec(), active |it| it.phase != HoldingPhase::Gone;
    OwnChallenge in CHALLENGE, id |it| it.answer.0.to_vec(), active |it| it.state == ChallengeState::Open;
    OwnPayment in PAYMENT, id |it| it.answer.0.to_vec(), active |it| matches!(it.state, PaymentState::Endorsing(_));
    OwnDeposit in DEPOSIT, id |it| it.id.to_vec(), active |it| !matches!(
        it.phase,
        DepositPhase::Done(_) | DepositPhase::Refused(_)
    );
    Renewal in RENEWAL, id |it| it.node.0.to_vec(), active |it| matches!(
        it.phase,
        RenewalPhase::Moving(_) | RenewalPhase::Closing { .. }
    );
    Line in HISTORY, id |it| it.event.0.to_vec(), active |_| true;
}
