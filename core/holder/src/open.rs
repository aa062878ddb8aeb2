//! The payment that the card has open: finished before anything else moves money (FX-D9, FX-F8).

use zeni_card::OpenPayment;

use crate::{
    Holder, Trouble,
    record::{OwnPayment, PaymentState, SelfPayment},
};

impl Holder {
    /// Finishes the payment that the card has open, from what this wallet stored of it before the first signature.
    ///
    /// # Errors
    /// [`Trouble::OpenPayment`] for one that the wallet knows nothing of: its database was lost or is an older one.
    pub(crate) async fn settle(&mut self) -> Result<(), Trouble> {
        let Some(OpenPayment { answer, .. }) = self.card.open_payment()? else { return Ok(()) };
        if let Some(payment) = self.get::<OwnPayment>(&answer.0).await? {
            if matches!(payment.state, PaymentState::Ready(_)) {
                return Ok(self.card.confirm(&answer)?);
            }
            return self.carry_payment(payment).await.map(drop);
        }
        let network = self.config.roots.network;
        let open = |moves: &SelfPayment| moves.challenge.record.answer(network) == answer;
        match self.begun_moves().await?.into_iter().find(open) {
            Some(moves) => self.carry_move(&moves).await.map(drop),
            None => Err(Trouble::OpenPayment { answer }),
        }
    }

    /// The payment that the card has open and this wallet's database knows nothing of, after everything it does know was
    /// finished.
    pub async fn unknown_payment(&mut self) -> Result<Option<OpenPayment>, Trouble> {
        match self.settle().await {
            Err(Trouble::OpenPayment { .. }) => Ok(self.card.open_payment()?),
            settled => settled.map(|()| None),
        }
    }

    /// Confirms the open payment that the database knows nothing of, and tells what was signed for it: without the chains,
    /// which were in the lost database, no payee can be paid with it. None where there is no such payment.
    pub async fn confirm_by_force(&mut self) -> Result<Option<OpenPayment>, Trouble> {
        let unknown = self.unknown_payment().await?;
        if let Some(open) = &unknown {
            self.card.confirm(&open.answer)?;
        }
        Ok(unknown)
    }
}
