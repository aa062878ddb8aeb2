//! What a card is at heart: the rules of keys and counters of [`Card`] over any durable [`Memory`].
//!
//! It knows no commands and asks for no PIN: that is the [`Applet`](crate::Applet)'s. Who copies its memory copies the card:
//! against its own computer a card in software protects by tracing alone (RN-P12), against mistakes, crashes and other
//! people's messages as one in hardware does.
//!
//! Invariants, after every command and after a power cut at any point of it:
//! - per node, Σ endorsed + closed + remaining = value;
//! - a counter rises only by a load that was verified, once per node;
//! - a signature that moves money is in the memory, with its decrement, before it leaves.

pub mod backup;
mod contact;
mod filter;
mod keys;
pub mod legacy;
pub(crate) mod load;
pub mod memory;
mod operator;
mod pass;
mod payment;
pub(crate) mod pin;
pub(crate) mod record;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

use alloc::{boxed::Box, string::ToString, vec::Vec};
use core::fmt;

use zeni_crypto::{Digest, Entropy, PublicKey, SecretKey, Signature};
use zeni_message::{Record, Signed, Time, Wire, limits::BATCH_ITEMS_MAX, sig_structure};
use zeni_money::{Amount, Currency};
use zeni_note::{
    CardRules, Chain, Challenge, Clearance, ClosingPurpose, ContactTicket, HandIn, LoadTicket, Nonce, RevocationFilter,
    closing::ToAccount,
};
use zeroize::Zeroizing;

use crate::{
    Card, CardError, Contact, HoldingState, HoldingStatus, Identity, Life, Limits, OpenPayment, OperatorStatus,
    Statement,
};
use memory::{Memory, MemoryFault};
use pin::Pin;
use record::{CARD, CHALLENGES, CardRecord, ChallengeSlot, HOLDINGS, Holding, KEYS, KeyRecord, LATEST, LEFT};
use record::{LoadSlot, Origin, SLOTS, Writes};

/// Keys and counters over a memory.
pub struct Element<M> {
    memory: M,
    master: Zeroizing<[u8; 32]>,
    entropy: Box<dyn Entropy + Send>,
}

/// Shows neither keys nor counters.
impl<M> fmt::Debug for Element<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Element(…)")
    }
}

impl<M: Memory> Element<M> {
    /// The card in `memory`, whose secret keys lie under `master`. Reads nothing yet; a blank memory is first made a card
    /// by [`Element::personalise`].
    pub fn new(memory: M, master: Zeroizing<[u8; 32]>, entropy: impl Entropy + Send + 'static) -> Self {
        Element { memory, master, entropy: Box::new(entropy) }
    }

    /// Makes a blank memory the card of a network, under a transport PIN; tells the number that it drew. The same identity
    /// again tells the same number and leaves the PINs as they are.
    ///
    /// # Errors
    /// [`CardError::Life`] for a card that has another identity or its owner's PIN.
    pub fn personalise(&mut self, identity: &Identity, pin: &Pin, puk: &Pin) -> Result<Nonce, CardError> {
        if let Some(card) = self.read::<CardRecord>(CARD, &[])? {
            let same = card.life == Life::Personalised && card.identity == *identity;
            return if same { Ok(card.number) } else { Err(CardError::Life { life: card.life }) };
        }
        let number = self.fresh_nonce();
        let card = CardRecord {
            identity: identity.clone(),
            number,
            life: Life::Personalised,
            floor: Time::START,
            restored: None,
            restoring: None,
        };
        let mut writes = Writes::default();
        writes.put(CARD, &[], &card);
        self.put_pins(pin, puk, &mut writes);
        self.commit(writes)?;
        Ok(number)
    }

    /// Whose card this is and its number.
    pub fn identity(&mut self) -> Result<(Identity, Nonce), CardError> {
        let card = self.card()?;
        Ok((card.identity, card.number))
    }

    /// Ends the card's life for good: from now on it signs nothing and loads nothing.
    pub fn retire(&mut self) -> Result<(), CardError> {
        let card = self.card()?;
        match card.life {
            Life::Retired => return Ok(()),
            Life::Operational => {}
            life => return Err(CardError::Life { life }),
        }
        self.nothing_open()?;
        let mut writes = Writes::default();
        writes.put(CARD, &[], &CardRecord { life: Life::Retired, ..card });
        self.commit(writes)
    }

    /// Gives the memory back.
    pub fn into_memory(self) -> M {
        self.memory
    }

    fn card(&mut self) -> Result<CardRecord, CardError> {
        self.read(CARD, &[])?.ok_or(CardError::Life { life: Life::Manufactured })
    }

    fn operational(&mut self) -> Result<CardRecord, CardError> {
        let card = self.card()?;
        match card.life {
            Life::Operational if card.restoring.is_some() => Err(CardError::HalfRestored),
            Life::Operational => Ok(card),
            Life::Retired => Err(CardError::Retired),
            life => Err(CardError::Life { life }),
        }
    }

    fn key(&mut self, key: &PublicKey) -> Result<KeyRecord, CardError> {
        self.read(KEYS, &[&key.0])?.ok_or(CardError::UnknownKey)
    }

    fn secret(&mut self, key: &PublicKey) -> Result<SecretKey, CardError> {
        let record = self.key(key)?;
        Ok(keys::unseal(&self.master, key, &record)?)
    }

    fn sign<T: Record>(&mut self, card: &CardRecord, key: &PublicKey, record: &T) -> Result<Signature, CardError> {
        Ok(self.secret(key)?.sign(&sig_structure(card.identity.network, record)))
    }

    /// The key at a place in the ascending order of keys, and whether it came to be on this card.
    pub(crate) fn key_at(&mut self, index: u16) -> Result<Option<(PublicKey, Origin)>, CardError> {
        self.card()?;
        let (mut after, mut left) = (Vec::new(), usize::from(index));
        let (place, value) = loop {
            let keys = self.memory.scan_after(&[KEYS], &after, SCANNED)?;
            match (keys.get(left), keys.last()) {
                (Some(found), _) => break found.clone(),
                (None, Some((last, _))) => after.clone_from(last),
                (None, None) => return Ok(None),
            }
            left -= keys.len();
        };
        let key = PublicKey::from_slice(&place[1..]).ok_or_else(|| fault("its table of keys is damaged"))?;
        let record: KeyRecord = record::open(&place, &value)?;
        Ok(Some((key, record.origin)))
    }

    /// Holdings with something left, in the order of their nodes, from after one of them.
    pub(crate) fn holdings_after(
        &mut self,
        after: Option<&Digest>,
        max: usize,
    ) -> Result<Vec<HoldingStatus>, CardError> {
        self.card()?;
        let mut holdings = Vec::new();
        let after = after.map_or(Vec::new(), |after| record::place(LEFT, &[&after.0]));
        for (place, _) in self.memory.scan_after(&[LEFT], &after, max)? {
            let node = Digest::from_slice(&place[1..]).ok_or_else(|| fault("its index of holdings is damaged"))?;
            let holding = self.held(&node)?.ok_or_else(|| fault("its index of holdings is damaged"))?;
            holdings.push(holding.status(&node));
        }
        Ok(holdings)
    }

    fn held(&mut self, node: &Digest) -> Result<Option<Holding>, CardError> {
        let Some(holding) = self.read::<Holding>(HOLDINGS, &[&node.0])? else { return Ok(None) };
        // what a frozen card holds can be refunded only
        let state = match holding.state {
            HoldingState::Live if self.is_frozen()? => HoldingState::Restored,
            state => state,
        };
        Ok(Some(Holding { state, ..holding }))
    }

    fn read<T: Wire>(&mut self, table: u8, id: &[&[u8]]) -> Result<Option<T>, CardError> {
        let place = record::place(table, id);
        let bytes = self.memory.get(&place)?;
        Ok(bytes.map(|bytes| record::open(&place, &bytes)).transpose()?)
    }

    fn commit(&mut self, writes: Writes) -> Result<(), CardError> {
        Ok(self.memory.commit(&writes.0)?)
    }
}

impl<M: Memory> Card for Element<M> {
    fn life(&mut self) -> Result<Life, CardError> {
        let Some(card) = self.read::<CardRecord>(CARD, &[])? else { return Ok(Life::Manufactured) };
        match card.life {
            Life::Personalised | Life::Operational if self.tries()?.pin == 0 => Ok(Life::Locked),
            life => Ok(life),
        }
    }

    fn generate_key(&mut self) -> Result<PublicKey, CardError> {
        self.operational()?;
        let secret = SecretKey::generate(&mut *self.entropy);
        let key = secret.public();
        let mut writes = Writes::default();
        writes.put(KEYS, &[&key.0], &keys::seal(&self.master, &secret, Origin::Own, &mut *self.entropy));
        self.commit(writes)?;
        Ok(key)
    }

    fn sign_statement(&mut self, key: &PublicKey, statement: &Statement<'_>) -> Result<Signature, CardError> {
        let card = self.operational()?;
        match statement {
            Statement::LicenceRequest(request) if request.key != *key => Err(CardError::UnknownKey),
            Statement::LicenceRequest(request) => self.sign(&card, key, *request),
            Statement::Possession(possession) => self.sign(&card, key, *possession),
            Statement::RequestClaim(claim) => {
                self.key(key)?;
                if self.latest_slot(key)?.is_some_and(|(_, slot)| slot.loaded.is_some()) {
                    return Err(CardError::LoadedBefore);
                }
                self.sign(&card, key, *claim)
            }
            Statement::WithdrawalOrder(order) => {
                self.key(key)?;
                if self.latest_slot(key)?.is_some() {
                    return Err(CardError::HoldsMoney);
                }
                self.sign(&card, key, *order)
            }
        }
    }

    fn sign_challenge(&mut self, challenge: &Challenge) -> Result<Signature, CardError> {
        let card = self.loads(challenge.currency)?;
        let (key, answer) = (challenge.payee, challenge.answer(card.identity.network));
        let record = self.key(&key)?;
        if self.read::<ChallengeSlot>(CHALLENGES, &[&answer.0])?.is_none() {
            if record.origin == Origin::Restored {
                return Err(CardError::Restored);
            }
            self.not_frozen()?;
            let mut writes = Writes::default();
            writes.put(CHALLENGES, &[&answer.0], &ChallengeSlot { key });
            self.commit(writes)?;
        }
        self.sign(&card, &key, challenge)
    }

    fn open_load(&mut self, key: &PublicKey) -> Result<Nonce, CardError> {
        self.operational()?;
        self.key(key)?;
        if let Some((nonce, slot)) = self.latest_slot(key)?
            && slot.loaded.is_none()
            && slot.origin == Origin::Own
        {
            return Ok(nonce);
        }
        let nonce = self.fresh_nonce();
        let mut writes = Writes::default();
        writes.put(SLOTS, &[&nonce[..]], &LoadSlot { key: Some(*key), loaded: None, origin: Origin::Own });
        writes.put(LATEST, &[&key.0], &nonce);
        self.commit(writes)?;
        Ok(nonce)
    }

    fn open_blank(&mut self) -> Result<Nonce, CardError> {
        self.operational()?;
        let nonce = self.fresh_nonce();
        let mut writes = Writes::default();
        writes.put(SLOTS, &[&nonce[..]], &LoadSlot { key: None, loaded: None, origin: Origin::Own });
        self.commit(writes)?;
        Ok(nonce)
    }

    fn adopt_key(&mut self, nonce: &Nonce, seed: &Zeroizing<[u8; 32]>) -> Result<PublicKey, CardError> {
        self.do_adopt_key(nonce, seed)
    }

    fn load_note(&mut self, chain: &Chain, ticket: &Signed<LoadTicket>) -> Result<HoldingStatus, CardError> {
        self.do_load_note(chain, ticket)
    }

    fn load_payment(&mut self, chain: &Chain) -> Result<HoldingStatus, CardError> {
        self.do_load_payment(chain)
    }

    fn load_closed(&mut self, chain: &Chain) -> Result<HoldingStatus, CardError> {
        self.do_load_closed(chain)
    }

    fn endorse(&mut self, node: &Digest, amount: Amount, answer: &Digest) -> Result<Signature, CardError> {
        self.do_endorse(node, amount, answer)
    }

    fn close(&mut self, node: &Digest, purpose: &ClosingPurpose) -> Result<(Amount, Signature), CardError> {
        self.do_close(node, purpose)
    }

    fn hand_in_max(&mut self) -> Result<usize, CardError> {
        Ok(BATCH_ITEMS_MAX)
    }

    fn hand_in(&mut self, to: &ToAccount, leaves: &[Digest]) -> Result<Signed<HandIn>, CardError> {
        self.do_hand_in(to, leaves)
    }

    fn holding(&mut self, node: &Digest) -> Result<Option<HoldingStatus>, CardError> {
        self.card()?;
        let Some(holding) = self.held(node)? else { return Ok(None) };
        self.closed_status(node, &holding).map(Some)
    }

    fn endorsed(&mut self, node: &Digest, answer: &Digest) -> Result<Option<(Amount, Signature)>, CardError> {
        self.card()?;
        Ok(self.signed_before(node, answer)?.map(|endorsed| (endorsed.amount, endorsed.signature)))
    }

    fn holdings(&mut self) -> Result<Vec<HoldingStatus>, CardError> {
        self.holdings_after(None, usize::MAX)
    }

    fn time_floor(&mut self) -> Result<Time, CardError> {
        Ok(self.card()?.floor)
    }

    fn open_payment(&mut self) -> Result<Option<OpenPayment>, CardError> {
        self.do_open_payment()
    }

    fn confirm(&mut self, answer: &Digest) -> Result<(), CardError> {
        self.do_confirm(answer)
    }

    fn refund(&mut self, node: &Digest, to: &ToAccount) -> Result<(Amount, Signature), CardError> {
        self.do_refund(node, to)
    }

    fn operator(&mut self) -> Result<OperatorStatus, CardError> {
        self.do_operator()
    }

    fn limits(&mut self, currency: Currency) -> Result<Limits, CardError> {
        self.do_limits(currency)
    }

    fn take_rules(&mut self, rules: &Signed<CardRules>) -> Result<(), CardError> {
        self.do_take_rules(rules)
    }

    fn take_filter(&mut self, filter: &Signed<RevocationFilter>) -> Result<(), CardError> {
        self.do_take_filter(filter)
    }

    fn take_clearance(&mut self, clearance: &Signed<Clearance>) -> Result<(), CardError> {
        self.do_take_clearance(clearance)
    }

    fn names(&mut self, key: &PublicKey) -> Result<bool, CardError> {
        self.do_names(key)
    }

    fn open_contact(&mut self) -> Result<Contact, CardError> {
        self.do_open_contact()
    }

    fn close_contact(&mut self, ticket: &Signed<ContactTicket>) -> Result<(), CardError> {
        self.do_close_contact(ticket)
    }
}

impl From<MemoryFault> for CardError {
    fn from(fault: MemoryFault) -> CardError {
        if fault.full { CardError::Full } else { CardError::Memory(fault.to_string()) }
    }
}

/// Records that are read at once where a table may hold any number of them.
const SCANNED: usize = 16;

fn fault(reason: &str) -> CardError {
    CardError::Memory(reason.to_string())
}

#[cfg(test)]
mod tests;
