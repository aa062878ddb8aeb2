//! A card in software: the rules of [`Card`] over any durable [`Memory`].
//!
//! Who copies its memory copies the card: against its own computer a software card protects by tracing alone (RN-P12),
//! against mistakes, crashes and other people's messages as a card in hardware does.
//!
//! Invariants, after every command and after a power cut at any point of it:
//! - per node, Σ endorsed + closed + remaining = value;
//! - a counter rises only by a load that was verified, once per node;
//! - a signature that moves money is in the memory, with its decrement, before it leaves.

pub mod backup;
mod keys;
mod load;
pub mod memory;
mod pass;
mod record;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

use alloc::{boxed::Box, string::ToString, vec::Vec};
use core::fmt;

use zeni_crypto::{Digest, Entropy, PublicKey, SecretKey, Signature};
use zeni_message::{Record, Signed, Time, Wire, sig_structure};
use zeni_money::Amount;
use zeni_note::{Chain, Challenge, ClosingPurpose, HandIn, LoadTicket, Nonce, closing::ToAccount, keylist::Roots};
use zeroize::Zeroizing;

use crate::{Card, CardError, HoldingStatus, Life, Statement};
use memory::{Memory, MemoryFault};
use record::{CARD, CHALLENGES, CardRecord, ChallengeSlot, HOLDINGS, Holding, KEYS, KeyRecord, LATEST, LEFT};
use record::{LoadSlot, Origin, SLOTS, Writes};

/// A card in software.
pub struct Element<M> {
    memory: M,
    master: Zeroizing<[u8; 32]>,
    roots: Roots,
    entropy: Box<dyn Entropy + Send>,
}

/// Shows neither keys nor counters.
impl<M> fmt::Debug for Element<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Element(of network {:?})", self.roots.network.0)
    }
}

impl<M: Memory> Element<M> {
    /// The card in `memory`, whose secret keys lie under `master`. Reads nothing yet; a blank memory is first made a card
    /// by [`Element::personalise`].
    pub fn new(memory: M, master: Zeroizing<[u8; 32]>, roots: Roots, entropy: impl Entropy + Send + 'static) -> Self {
        Element { memory, master, roots, entropy: Box::new(entropy) }
    }

    /// Makes a blank memory a card of the network; a card of that network already stays as it is.
    ///
    /// # Errors
    /// [`CardError::Memory`] when the memory fails or holds the card of another network.
    pub fn personalise(&mut self) -> Result<(), CardError> {
        if self.read::<CardRecord>(CARD, &[])?.is_some() {
            return self.card().map(|_| ());
        }
        let mut writes = Writes::default();
        let card =
            CardRecord { network: self.roots.network, life: Life::Operational, floor: Time::START, restored: None };
        writes.put(CARD, &[], &card);
        self.commit(writes)
    }

    /// Ends the card's life for good: from now on it signs nothing and loads nothing.
    pub fn retire(&mut self) -> Result<(), CardError> {
        let card = self.card()?;
        if card.life == Life::Retired {
            return Ok(());
        }
        let mut writes = Writes::default();
        writes.put(CARD, &[], &CardRecord { life: Life::Retired, ..card });
        self.commit(writes)
    }

    /// Gives the memory back.
    pub fn into_memory(self) -> M {
        self.memory
    }

    fn card(&mut self) -> Result<CardRecord, CardError> {
        let card: CardRecord = self.read(CARD, &[])?.ok_or_else(|| fault("it is blank: personalise the card first"))?;
        if card.network != self.roots.network {
            return Err(fault("it holds the card of another network"));
        }
        Ok(card)
    }

    fn operational(&mut self) -> Result<CardRecord, CardError> {
        let card = self.card()?;
        match card.life {
            Life::Operational => Ok(card),
            Life::Retired => Err(CardError::Retired),
        }
    }

    fn key(&mut self, key: &PublicKey) -> Result<KeyRecord, CardError> {
        self.read(KEYS, &[&key.0])?.ok_or(CardError::UnknownKey)
    }

    fn secret(&mut self, key: &PublicKey) -> Result<SecretKey, CardError> {
        let record = self.key(key)?;
        Ok(keys::unseal(&self.master, key, &record)?)
    }

    fn sign<T: Record>(&mut self, key: &PublicKey, record: &T) -> Result<Signature, CardError> {
        Ok(self.secret(key)?.sign(&sig_structure(self.roots.network, record)))
    }

    fn held(&mut self, node: &Digest) -> Result<Option<Holding>, CardError> {
        self.read(HOLDINGS, &[&node.0])
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
        Ok(self.card()?.life)
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
        self.operational()?;
        match statement {
            Statement::LicenceRequest(request) if request.key != *key => Err(CardError::UnknownKey),
            Statement::LicenceRequest(request) => self.sign(key, *request),
            Statement::Possession(possession) => self.sign(key, *possession),
            Statement::RequestClaim(claim) => {
                self.key(key)?;
                if self.latest_slot(key)?.is_some_and(|(_, slot)| slot.loaded.is_some()) {
                    return Err(CardError::LoadedBefore);
                }
                self.sign(key, *claim)
            }
            Statement::WithdrawalOrder(order) => {
                self.key(key)?;
                if self.latest_slot(key)?.is_some() {
                    return Err(CardError::HoldsMoney);
                }
                self.sign(key, *order)
            }
        }
    }

    fn sign_challenge(&mut self, challenge: &Challenge) -> Result<Signature, CardError> {
        self.operational()?;
        let (key, answer) = (challenge.payee, challenge.answer(self.roots.network));
        let record = self.key(&key)?;
        if self.read::<ChallengeSlot>(CHALLENGES, &[&answer.0])?.is_none() {
            if record.origin == Origin::Restored {
                return Err(CardError::Restored);
            }
            let mut writes = Writes::default();
            writes.put(CHALLENGES, &[&answer.0], &ChallengeSlot { key });
            self.commit(writes)?;
        }
        self.sign(&key, challenge)
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

    fn endorse(&mut self, node: &Digest, amount: Amount, answer: &Digest) -> Result<Signature, CardError> {
        self.do_endorse(node, amount, answer)
    }

    fn close(&mut self, node: &Digest, purpose: &ClosingPurpose) -> Result<(Amount, Signature), CardError> {
        self.do_close(node, purpose)
    }

    fn hand_in(&mut self, to: &ToAccount, leaves: &[Digest]) -> Result<Signed<HandIn>, CardError> {
        self.do_hand_in(to, leaves)
    }

    fn holding(&mut self, node: &Digest) -> Result<Option<HoldingStatus>, CardError> {
        self.card()?;
        let Some(holding) = self.held(node)? else { return Ok(None) };
        let closed = self.taken(node, &holding)?;
        Ok(Some(HoldingStatus { closed, ..holding.status(node) }))
    }

    fn endorsed(&mut self, node: &Digest, answer: &Digest) -> Result<Option<(Amount, Signature)>, CardError> {
        self.card()?;
        Ok(self.signed_before(node, answer)?.map(|endorsed| (endorsed.amount, endorsed.signature)))
    }

    fn holdings(&mut self) -> Result<Vec<HoldingStatus>, CardError> {
        self.card()?;
        let mut holdings = Vec::new();
        for (place, _) in self.memory.scan(&[LEFT])? {
            let node = Digest::from_slice(&place[1..]).ok_or_else(|| fault("its index of holdings is damaged"))?;
            let holding = self.held(&node)?.ok_or_else(|| fault("its index of holdings is damaged"))?;
            holdings.push(holding.status(&node));
        }
        Ok(holdings)
    }

    fn time_floor(&mut self) -> Result<Time, CardError> {
        Ok(self.card()?.floor)
    }
}

impl From<MemoryFault> for CardError {
    fn from(fault: MemoryFault) -> CardError {
        CardError::Memory(fault.to_string())
    }
}

fn fault(reason: &str) -> CardError {
    CardError::Memory(reason.to_string())
}

#[cfg(test)]
mod tests;
