//! `contact`: the card and its operator, the bank (docs/card.md "CONTACT"). Nobody else is shown the card's number or token.

use zeni_card::{CardError, Contact};
use zeni_crypto::PublicKey;
use zeni_message::peer::SendError;
use zeni_note::{
    licence::key_digest,
    messages::bank::{ClearanceRefusal, ContactCard, GetClearance},
    payment::{Checked, PaymentFault},
};

use crate::{
    Explain, Holder, ReceiveError, Trouble,
    record::{CardRefused, Holding, HoldingPhase, ONLY, OperatorWord},
};

/// What came of a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactOutcome {
    /// The card has a new token, and the newest rules and filter.
    Done,
    /// The card is frozen: it, or a copy of it, showed a token that is not its newest.
    Frozen,
    /// The bank could not be reached, or had no answer: the next contact shows the same.
    Away,
    /// Card or bank did not take the other's word.
    Refused(&'static str),
}

/// Whether the payer of what arrives may be believed to be licensed.
enum Standing {
    Good,
    /// The filter names him and the bank could not be asked.
    Unknown,
    Revoked,
}

impl Holder {
    /// Shows the card's token to its operator and takes the ticket, newer rules and a newer filter. Only where card or database
    /// themselves fail does it fail: a wallet does without its bank.
    ///
    /// Recovery after a cut: the next contact shows the same, and the bank answers with the same ticket.
    pub async fn contact(&mut self) -> Result<ContactOutcome, Trouble> {
        match self.settle().await {
            Err(Trouble::OpenPayment { .. }) => return Ok(ContactOutcome::Refused("open_payment")),
            settled => settled?,
        }
        if matches!(self.profile().await, Err(Trouble::NotJoined)) {
            return Ok(ContactOutcome::Refused("not_joined"));
        }
        match self.show_token().await {
            Err(Trouble::Card(error)) if is_no(&error) => {
                tracing::warn!(code = error.code(), "the card was not in contact with its bank: {error}");
                // frozen, retired or in the middle of a payment it is for reasons of its own
                if matches!(error, CardError::Operator | CardError::Older { .. } | CardError::RulesFirst { .. }) {
                    self.card_not_taken(&error).await?;
                }
                Ok(ContactOutcome::Refused(error.code()))
            }
            shown => shown,
        }
    }

    /// Why the bank does not take this card; none while it does, or has not been asked yet.
    pub async fn card_refused(&self) -> Result<Option<CardRefused>, Trouble> {
        Ok(self.operator_word().await?.refused)
    }

    pub(crate) async fn operator_word(&self) -> Result<OperatorWord, Trouble> {
        Ok(self.get(ONLY).await?.unwrap_or_default())
    }

    async fn card_not_taken(&self, error: &impl Explain) -> Result<(), Trouble> {
        let refused = CardRefused { code: error.code().into(), reason: error.to_string() };
        let word = self.operator_word().await?;
        self.heard(OperatorWord { refused: Some(refused), ..word }).await
    }

    async fn heard(&self, word: OperatorWord) -> Result<(), Trouble> {
        if self.operator_word().await? == word { Ok(()) } else { self.put(&word).await }
    }

    async fn show_token(&mut self) -> Result<ContactOutcome, Trouble> {
        let status = self.card.operator()?;
        if status.frozen {
            return Ok(ContactOutcome::Frozen);
        }
        let Contact { card, token, nonce } = self.card.open_contact()?;
        let mut message = ContactCard { card, token, nonce, rules: status.rules, filter: Some(status.filter) };
        match self.take_ticket(&message).await {
            // rules of another currency were held back from it: it is given all
            Err(Trouble::Card(CardError::RulesFirst { .. })) => {
                message.rules = 0;
                self.take_ticket(&message).await
            }
            taken => taken,
        }
    }

    async fn take_ticket(&mut self, message: &ContactCard) -> Result<ContactOutcome, Trouble> {
        let reply = match self.peers.bank.send(message).await {
            Ok(reply) => reply,
            Err(SendError::Refused(refusal)) => {
                let refused = SendError::Refused(refusal);
                tracing::warn!(code = refused.code(), "the bank refuses the card's contact");
                self.card_not_taken(&refused).await?;
                return Ok(ContactOutcome::Refused(refused.code()));
            }
            Err(error) => {
                tracing::debug!(code = error.code(), "the bank could not be reached for the card's contact");
                return Ok(ContactOutcome::Away);
            }
        };
        for rules in &reply.rules {
            self.card.take_rules(rules)?;
        }
        if let Some(filter) = &reply.filter {
            self.card.take_filter(filter)?;
        }
        self.card.close_contact(&reply.ticket)?;
        self.heard(OperatorWord { currency: Some(reply.currency), refused: None }).await?;
        // the card may have ignored the ticket, as one that it took before
        Ok(if self.card.operator()?.frozen { ContactOutcome::Frozen } else { ContactOutcome::Done })
    }

    /// Asks the bank about a key that the card's filter names, over a connection that does not say whose wallet asks.
    async fn standing(&mut self, key: &PublicKey) -> Result<Standing, Trouble> {
        if !self.card.names(key)? {
            return Ok(Standing::Good);
        }
        let filter = self.card.operator()?.filter;
        let message = GetClearance { filter, keys: vec![key_digest(key)] };
        match self.peers.bank_public.fresh().send(&message).await {
            Ok(clearance) => match self.card.take_clearance(&clearance) {
                Ok(()) => Ok(Standing::Good),
                Err(error) if !is_no(&error) => Err(error.into()),
                Err(_) => Ok(Standing::Unknown),
            },
            Err(SendError::Refused(ClearanceRefusal::Revoked { .. })) => Ok(Standing::Revoked),
            // the next contact brings the newest filter
            Err(_) => Ok(Standing::Unknown),
        }
    }

    /// Refuses what the card would not load, before it is stored.
    pub(crate) async fn not_filtered(&mut self, checked: &Checked) -> Result<(), ReceiveError> {
        for (holding, one) in checked.received.iter().enumerate() {
            let payer = one.chain.hops.len().checked_sub(1).and_then(|place| one.chain.rights().nth(place));
            let Some(payer) = payer.map(|right| right.key()) else { continue };
            match self.standing(&payer).await? {
                Standing::Good => {}
                Standing::Unknown => return Err(ReceiveError::Filtered { holding }),
                Standing::Revoked => return Err(PaymentFault::Revoked { holding }.into()),
            }
        }
        Ok(())
    }

    /// Loads what was stored before the filter came that names its payer: the bank is asked first. Of a payer who is revoked it
    /// comes in closed: it was said to be taken, so it is its holder's, but it goes to the account and to nobody else.
    pub(crate) async fn load_cleared(&mut self, holding: Holding) -> Result<(), Trouble> {
        match self.load(holding.clone()).await {
            Err(Trouble::Card(CardError::Revoked { hop })) => {
                let Some(payer) = holding.chain.rights().nth(hop).map(|right| right.key()) else {
                    return Err(CardError::Revoked { hop }.into());
                };
                match self.standing(&payer).await? {
                    Standing::Good => self.load(holding).await,
                    Standing::Unknown => Err(CardError::Revoked { hop }.into()),
                    Standing::Revoked => {
                        self.card.load_closed(&holding.chain)?;
                        self.put(&holding.with(HoldingPhase::Closed { deposit: true })).await
                    }
                }
            }
            loaded => loaded,
        }
    }
}

/// Whether the card works and does not take the operator's word, or is past doing so.
fn is_no(error: &CardError) -> bool {
    use CardError as E;
    matches!(
        error,
        E::Operator | E::Older { .. } | E::RulesFirst { .. } | E::ResumeFirst { .. } | E::Frozen | E::Retired
    )
}
