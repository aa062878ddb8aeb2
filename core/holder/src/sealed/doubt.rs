//! Orders that the bank calls refused. That is its word alone: the issuer may have made the note, whose answer the bank holds
//! back. What was sealed is kept and the bank asked again, until nothing can come of the note any more (HC-X9, HC-X11).

use zeni_message::Time;
use zeni_note::{
    KeyList,
    messages::bank::{GetSealedOrders, SEALED_ITEMS_MAX},
};

use super::Carried;
use crate::{
    Holder, SealedError, Trouble,
    record::{SealedOrder, SealedOrderState},
    table::Change,
};

/// Seconds after a refusal until the bank is asked again; they double each time.
const ASK_S: u64 = 60;
/// Longest pause between two questions.
const ASK_PAUSE_MAX_S: u64 = 86_400;

impl Holder {
    /// The order as the bank says it ended. K stays.
    pub(super) fn doubted(&self, order: SealedOrder, reason: &str) -> SealedOrder {
        let tries = if order.is_doubted() { order.tries.saturating_add(1) } else { 0 };
        let pause = ASK_S.saturating_mul(1u64.checked_shl(tries).unwrap_or(u64::MAX));
        let due = self.now().plus(pause.min(ASK_PAUSE_MAX_S));
        SealedOrder { state: SealedOrderState::Refused(reason.into()), due, tries, ..order }
    }

    /// Asks where the refused orders stand that are due, and takes what came of them after all; wipes K of those that nothing can
    /// come of. A bank that does not answer is asked another time.
    pub(super) async fn ask_refused(&mut self, now: Time) -> Result<Carried, Trouble> {
        let lists = self.key_lists().await?;
        let mut doubted = self.active::<SealedOrder>().await?;
        doubted.retain(SealedOrder::is_doubted);
        let (over, mut due): (Vec<_>, Vec<_>) =
            doubted.into_iter().partition(|it| term(it, &lists).is_some_and(|term| now > term));
        let wiped = over.into_iter().map(|it| Change::put(&SealedOrder { content: None, ..it }));
        self.commit(wiped.collect()).await?;
        due.retain(|it| it.due <= now);
        let mut carried = Carried::default();
        for orders in due.chunks(SEALED_ITEMS_MAX) {
            self.ask(orders, &lists, &mut carried).await?;
        }
        Ok(carried)
    }

    async fn ask(&mut self, orders: &[SealedOrder], lists: &[KeyList], carried: &mut Carried) -> Result<(), Trouble> {
        let message = GetSealedOrders { orders: orders.iter().map(|it| it.order.record.order).collect() };
        let states = match self.peers.bank.send(&message).await {
            Ok(states) if states.len() == orders.len() => states,
            Ok(_) => vec![None; orders.len()],
            Err(error) => {
                tracing::debug!(%error, "the bank does not say what became of refused orders");
                vec![None; orders.len()]
            }
        };
        for (order, state) in orders.iter().cloned().zip(states) {
            let SealedOrderState::Refused(reason) = order.state.clone() else { continue };
            let Some(state) = state else {
                self.put(&self.doubted(order, &reason)).await?;
                continue;
            };
            match self.take_state(order, state, lists, carried).await {
                Ok(()) => {}
                Err(SealedError::Trouble(trouble)) => return Err(trouble),
                Err(error) => tracing::warn!(%error, "an order that was refused has an answer that is not taken"),
            }
        }
        Ok(())
    }
}

/// Until when something can come of an order: records of its epoch are kept so long, and rests refunded. Unknown without its key
/// list.
pub(super) fn term(order: &SealedOrder, lists: &[KeyList]) -> Option<Time> {
    let of = &order.order.record.of;
    let list = lists.iter().find(|list| list.record.epoch == of.epoch)?;
    Some(list.record.terms(of.series)?.retain_until)
}
