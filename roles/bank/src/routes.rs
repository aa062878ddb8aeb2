//! The messages that a bank serves, on one listener with an optional client certificate.

use std::sync::Arc;

use zeni_message::{Role, route::Routes};
use zeni_note::messages::bank::{
    ClaimRequest, ContactCard, Deposit, DisputeSignature, Enrol, GetClearance, GetDeposit, GetSealedOrders,
    GetStatement, HandInTakings, IdentifyOverspender, OpenDeposit, OpenRefund, Withdraw, WithdrawSealed,
};

use crate::bank::Bank;

impl Bank {
    /// The table from path to handler.
    pub fn routes(self: &Arc<Self>) -> Routes {
        Routes::new(Role::Bank)
            .with::<Enrol, _>(self)
            .with::<Withdraw, _>(self)
            .with::<WithdrawSealed, _>(self)
            .with::<GetSealedOrders, _>(self)
            .with::<DisputeSignature, _>(self)
            .with::<OpenDeposit, _>(self)
            .with::<Deposit, _>(self)
            .with::<HandInTakings, _>(self)
            .with::<GetDeposit, _>(self)
            .with::<ClaimRequest, _>(self)
            .with::<IdentifyOverspender, _>(self)
            .with::<GetStatement, _>(self)
            .with::<ContactCard, _>(self)
            .with::<GetClearance, _>(self)
            .with::<OpenRefund, _>(self)
    }
}
