//! What a holder has of his orders under seal.

use super::doubt::term;
use crate::{
    Holder, SealedReport, Trouble,
    record::{SealedOrder, SealedOrderState},
};

impl Holder {
    /// Orders under seal, oldest first, with what a dispute needs: the signed order, the sealed request, the bank's receipt and,
    /// where it was wrong, the answer (HC-X10, HC-X11). They outlive the notes: the order is also what the bank shows.
    pub async fn sealed_orders(&self) -> Result<Vec<SealedReport>, Trouble> {
        let account_key = self.profile().await?.account_key;
        let lists = self.key_lists().await?;
        let report = |it: SealedOrder| {
            let asked_until = if it.is_doubted() { term(&it, &lists) } else { None };
            let (state, reason, answer) = match &it.state {
                SealedOrderState::Ordered => ("ordered", None, None),
                SealedOrderState::Pending => ("pending", None, None),
                SealedOrderState::Disputed(answer) => ("disputed", None, Some(answer.to_vec())),
                SealedOrderState::Issued => ("issued", None, None),
                SealedOrderState::Refused(reason) => ("refused", Some(reason.clone()), None),
            };
            let (money, request) = (it.money(), it.request.to_vec());
            SealedReport {
                state,
                reason,
                asked_until,
                money,
                order: it.order,
                account_key,
                receipt: it.receipt,
                request,
                answer,
            }
        };
        Ok(self.all::<SealedOrder>().await?.into_iter().map(report).collect())
    }
}
