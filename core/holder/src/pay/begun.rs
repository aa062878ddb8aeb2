//! Payments that were begun: one of which the card signed something goes on with the parts that were planned, and with no others;
//! a plan of which nothing was signed binds nobody, so that the money in it may have gone elsewhere.

use zeni_card::CardError;
use zeni_crypto::Digest;
use zeni_message::Retry;

use super::PayError;
use crate::{
    Explain, Holder, Progress, Resumed, Trouble,
    record::{OwnPayment, Part, PaymentState},
    resume::told,
    table::Change,
};

impl Holder {
    /// The payment that answers a request already: it is whole, or something of it was signed.
    pub(super) async fn begun(&mut self, answer: &Digest) -> Result<Option<OwnPayment>, Trouble> {
        let Some(payment) = self.get::<OwnPayment>(&answer.0).await? else { return Ok(None) };
        Ok(self.is_signed(&payment)?.then_some(payment))
    }

    /// Whether the card has signed anything of it. What is stored is planned before the card hears of it, and a plan goes only when
    /// nothing of it was signed: so no two plans for one request are ever signed.
    fn is_signed(&mut self, payment: &OwnPayment) -> Result<bool, CardError> {
        let PaymentState::Endorsing(parts) = &payment.state else { return Ok(true) };
        self.any_signed(parts, &payment.answer)
    }

    /// Whether the card has signed any of these parts.
    pub(crate) fn any_signed(&mut self, parts: &[Part], answer: &Digest) -> Result<bool, CardError> {
        for part in parts {
            if self.card.endorsed(&part.node, answer)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Carries on a payment that was cut. One of which nothing was signed is planned anew; if its request cannot be paid any more, it
    /// is given up, and told.
    pub(crate) async fn resume_payment(&mut self, payment: OwnPayment) -> Resumed {
        let (progress, outcome, reason) = match self.carry_on(payment).await {
            Ok(None) => (Progress::Done, "done", String::new()),
            Ok(Some(why)) => (Progress::Refused, "given_up", format!("given up, nothing of it was signed: {why}")),
            Err(error) => (Progress::Open, error.code(), error.to_string()),
        };
        told("payment", progress, outcome, reason)
    }

    /// As [`Holder::resume_payment`]; tells why it was given up.
    async fn carry_on(&mut self, payment: OwnPayment) -> Result<Option<PayError>, Trouble> {
        let request = match &payment.asked {
            // what is given back is passed on whole or not at all: there is nothing to plan
            Some(request) if !self.is_signed(&payment)? => request.clone(),
            _ => return self.carry_payment(payment).await.map(|_| None),
        };
        match self.pay(&request).await {
            Ok(_) => Ok(None),
            Err(PayError::Trouble(trouble)) if !trouble.is_of_one_request() || trouble.retry() == Retry::Later => {
                Err(trouble)
            }
            Err(why) => self.commit(vec![Change::remove::<OwnPayment>(&payment.answer.0)]).await.map(|()| Some(why)),
        }
    }
}
