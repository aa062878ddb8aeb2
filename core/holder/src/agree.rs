//! Whether the card and the wallet's records are of one state. One file of the two that was put back is an older state: an older card
//! would pay what was paid, which names its owner; beside older records it holds money that they do not know.

use std::collections::BTreeSet;

use zeni_card::HoldingState;
use zeni_crypto::Digest;
use zeni_money::Money;
use zeni_note::licence::Keeper;

use crate::{
    Explain, Holder, Progress, Resumed, Trouble,
    record::{Holding, OwnPayment, PaymentState},
    refund_file::per_currency,
    resume::told,
    table,
};

impl Holder {
    /// Refuses a software card that is older than the records: it does not know their newest payment, or the last holding of which
    /// nothing is left, or it would spend one of those once more. A card that keeps its keys cannot be put back, and is not asked:
    /// each question is an exchange.
    ///
    /// What is in the middle of a deposit or a renewal is not looked at.
    pub(crate) async fn is_newest_card(&mut self) -> Result<(), Trouble> {
        if self.config.keeper != Keeper::Software {
            return Ok(());
        }
        if let Some(OwnPayment { answer, state: PaymentState::Ready(document), .. }) =
            table::newest::<OwnPayment>(&self.store).await?
            && let Some(given) = document.answers.first()
            && let Ok(walk) = given.chain.walk(&self.config.roots)
            && let Some(node) = walk.nodes.last()
            && self.card.endorsed(&node.identity, &answer)?.is_none()
        {
            return Err(Trouble::OlderCard);
        }
        if let Some(gone) = table::newest::<Holding>(&self.store).await?
            && self.card.holding(&gone.node)?.is_none()
        {
            return Err(Trouble::OlderCard);
        }
        let active: BTreeSet<Digest> = self.active::<Holding>().await?.into_iter().map(|it| it.node).collect();
        for status in self.card.holdings()? {
            let is_gone = status.state == HoldingState::Live && !active.contains(&status.node);
            if is_gone && self.get::<Holding>(&status.node.0).await?.is_some() {
                return Err(Trouble::OlderCard);
            }
        }
        Ok(())
    }

    /// What the card holds and the records know nothing of, per currency: they are older than the card. Without the chains, which
    /// were in the newer ones, it can be paid to nobody.
    pub(crate) async fn unknown_money(&mut self) -> Result<Vec<Money>, Trouble> {
        let mut unknown = Vec::new();
        for status in self.card.holdings()? {
            if self.get::<Holding>(&status.node.0).await?.is_none() {
                unknown.push(Money::new(status.remaining, status.currency));
            }
        }
        let mut unknown = per_currency(unknown);
        unknown.retain(|money| !money.amount.is_zero());
        Ok(unknown)
    }

    /// Tells where card and records are not of one state.
    pub(crate) async fn disagreements(&mut self) -> Result<Vec<Resumed>, Trouble> {
        let told = |progress, outcome, reason| told("card", progress, outcome, reason);
        let mut report = Vec::new();
        match self.is_newest_card().await {
            // the bank found it, which is told already
            Err(Trouble::OlderCard) if self.card.operator()?.frozen => {}
            Err(error @ Trouble::OlderCard) => report.push(told(Progress::Refused, error.code(), error.to_string())),
            is_newest => is_newest?,
        }
        for money in self.unknown_money().await? {
            // these records cannot finish it, nor does time
            report.push(told(Progress::Done, "unknown_money", unknown_money_is(&money)));
        }
        Ok(report)
    }
}

/// What is to be done about money that the records do not know.
pub fn unknown_money_is(money: &Money) -> String {
    format!(
        "the card holds {money} that these records do not know, since they are older than the card: put the newest wallet.db \
         back, or restore the newest backup; with these it can be paid to nobody"
    )
}
