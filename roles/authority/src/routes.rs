//! The table of messages.

use std::sync::Arc;

use zeni_message::{Role, route::Routes};
use zeni_note::messages::authority::{
    CosignKeyList, Disclose, GetLicences, GetRevocations, GetSignedKeyLists, ReportLost, RevokeSealed, SamePerson,
};

use crate::Authority;

impl Authority {
    /// Everything this role serves, for one listener with an optional client certificate.
    #[must_use]
    pub fn routes(self: &Arc<Self>) -> Routes {
        Routes::new(Role::Authority)
            .with::<GetLicences, _>(self)
            .with::<GetRevocations, _>(self)
            .with::<GetSignedKeyLists, _>(self)
            .with::<CosignKeyList, _>(self)
            .with::<Disclose, _>(self)
            .with::<SamePerson, _>(self)
            .with::<RevokeSealed, _>(self)
            .with::<ReportLost, _>(self)
    }
}
