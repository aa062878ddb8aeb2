//! Which messages each of the two listeners serves (DESIGN §4 "transport").

use std::sync::Arc;

use zeni_message::{
    Message, Role,
    route::{Ctx, Failure, Handle, Routes},
};
use zeni_note::messages::issuer::{
    GetDecisions, GetKeyLists, GetNonce, GetTransfers, IssueSealed, Redeem, Renew, ReportCounts, Return, SubmitKeys,
    VoidRequest,
};

use crate::Issuer;

impl Issuer {
    /// What is served without asking for a client certificate.
    pub fn public_routes(self: &Arc<Self>) -> Routes {
        Routes::new(Role::Issuer)
            .with::<GetKeyLists, _>(self)
            .with::<GetNonce, _>(self)
            .with::<Redeem, _>(self)
            .with::<Renew, _>(self)
    }

    /// What is served to banks, each by its certificate.
    pub fn member_routes(self: &Arc<Self>) -> Routes {
        Routes::new(Role::Issuer)
            .with::<GetKeyLists, _>(self)
            .with::<SubmitKeys, _>(self)
            .with::<ReportCounts, _>(self)
            .with::<Return, _>(self)
            .with::<GetDecisions, _>(self)
            .with::<VoidRequest, _>(self)
            .with::<IssueSealed, _>(self)
            .with::<GetTransfers, _>(self)
    }
}

impl Handle<GetNonce> for Issuer {
    async fn handle(
        &self,
        ctx: &Ctx,
        message: GetNonce,
    ) -> Result<<GetNonce as Message>::Reply, Failure<<GetNonce as Message>::Refusal>> {
        self.nonce(ctx, &message)
    }
}

macro_rules! handlers {
    ($($message:ident => $operation:ident),* $(,)?) => { $(
        impl Handle<$message> for Issuer {
            async fn handle(
                &self,
                ctx: &Ctx,
                message: $message,
            ) -> Result<<$message as Message>::Reply, Failure<<$message as Message>::Refusal>> {
                self.$operation(ctx, message).await
            }
        }
    )* };
}

handlers! {
    GetKeyLists => get_key_lists,
    Redeem => redeem,
    Renew => renew,
    SubmitKeys => submit_keys,
    ReportCounts => report_counts,
    Return => take_return,
    GetDecisions => get_decisions,
    VoidRequest => void_request,
    IssueSealed => issue_sealed,
    GetTransfers => get_transfers,
}
