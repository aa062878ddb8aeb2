//! `GetSealedOrders`: where stored orders stand. Nothing is ordered, reserved or sent: rounds carry on what waits.

use zeni_message::route::{Ctx, Failure, Handle};
use zeni_note::messages::bank::{GetSealedOrders, GetSealedOrdersRefusal, SEALED_ITEMS_MAX, SealedState};
use zeni_store::Tx;

use crate::bank::{Bank, failure};

impl Handle<GetSealedOrders> for Bank {
    async fn handle(
        &self,
        ctx: &Ctx,
        message: GetSealedOrders,
    ) -> Result<Vec<Option<SealedState>>, Failure<GetSealedOrdersRefusal>> {
        let account = self.customer(ctx).await?.account;
        let found = u32::try_from(message.orders.len()).unwrap_or(u32::MAX);
        let max = u32::try_from(SEALED_ITEMS_MAX).unwrap_or(u32::MAX);
        if found == 0 || found > max {
            return Err(GetSealedOrdersRefusal::BatchSize { found, max }.into());
        }
        let read = move |tx: &mut Tx<'_>| {
            let mut states = Vec::with_capacity(message.orders.len());
            for id in &message.orders {
                states.push(super::state(tx, &account, id)?);
            }
            Ok(states)
        };
        self.store.read(read).await.map_err(failure)
    }
}
