//! Loading: the only way by which a counter rises.

use zeni_crypto::{Digest, PublicKey, SecretKey};
use zeni_message::{Signed, Time};
use zeni_note::{Chain, LoadTicket, Node, Nonce, challenge::give_back_opening};

use zeroize::Zeroizing;

use super::{
    Element, keys,
    memory::Memory,
    record::{
        CHALLENGES, CardRecord, ChallengeSlot, GIVEN_BACK, Holding, KEYS, KeyRecord, LATEST, LoadSlot, Origin, SLOTS,
        Writes,
    },
};
use crate::{CardError, HoldingState, HoldingStatus};

/// What lets a payment in.
enum Opening {
    /// A challenge that this card signed with the payee's key.
    Challenge,
    /// An endorsement by the payee's key, given back.
    GiveBack {
        /// The endorsement.
        parent: Digest,
    },
}

impl<M: Memory> Element<M> {
    /// The key's latest load slot.
    pub(super) fn latest_slot(&mut self, key: &PublicKey) -> Result<Option<(Nonce, LoadSlot)>, CardError> {
        let Some(nonce) = self.read::<Nonce>(LATEST, &[&key.0])? else { return Ok(None) };
        Ok(self.read(SLOTS, &[&nonce[..]])?.map(|slot| (nonce, slot)))
    }

    /// A fresh nonce for a slot.
    pub(super) fn fresh_nonce(&mut self) -> Nonce {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        bytes.into()
    }

    pub(super) fn do_adopt_key(&mut self, nonce: &Nonce, seed: &Zeroizing<[u8; 32]>) -> Result<PublicKey, CardError> {
        self.operational()?;
        let secret = SecretKey::from_seed(**seed);
        let key = secret.public();
        let slot: LoadSlot = self.read(SLOTS, &[&nonce[..]])?.ok_or(CardError::NoSlot)?;
        match slot.key {
            Some(before) if before == key => return Ok(key),
            Some(_) => return Err(CardError::NoSlot),
            None => {}
        }
        // a key that is here already was not made for this slot
        if self.read::<KeyRecord>(KEYS, &[&key.0])?.is_some() {
            return Err(CardError::NoSlot);
        }
        let mut writes = Writes::default();
        writes.put(KEYS, &[&key.0], &keys::seal(&self.master, &secret, slot.origin, &mut *self.entropy));
        writes.put(SLOTS, &[&nonce[..]], &LoadSlot { key: Some(key), ..slot });
        writes.put(LATEST, &[&key.0], nonce);
        self.commit(writes)?;
        Ok(key)
    }

    pub(super) fn do_load_note(
        &mut self,
        chain: &Chain,
        ticket: &Signed<LoadTicket>,
    ) -> Result<HoldingStatus, CardError> {
        let roots = self.loads(chain)?.identity.roots();
        let key = holder(chain);
        self.key(&key)?;
        let nonce = ticket.record.nonce;
        let slot: LoadSlot = self.read(SLOTS, &[&nonce[..]])?.ok_or(CardError::NoSlot)?;
        let node = leaf(&chain.walk(&roots)?.nodes).identity;
        let used_otherwise = slot.loaded.is_some_and(|note| note != node);
        if slot.key != Some(key) || used_otherwise {
            return Err(CardError::NoSlot);
        }
        if let Some(holding) = self.held(&node)? {
            return answer_again(&node, &holding, slot.loaded.is_some());
        }
        let verified = chain.verify_form(&roots)?;
        ticket.verify(roots.network, &roots.issuer).map_err(|_| CardError::Ticket)?;
        if ticket.record.note != node || !chain.hops.is_empty() {
            return Err(CardError::Ticket);
        }
        let mut writes = Writes::default();
        let holding = loaded(chain, leaf(&verified), self.state_of(slot.origin)?);
        writes.put_holding(&node, &holding);
        writes.put(SLOTS, &[&nonce[..]], &LoadSlot { loaded: Some(node), ..slot });
        writes.put(LATEST, &[&key.0], &nonce);
        self.commit(writes)?;
        Ok(holding.status(&node))
    }

    pub(super) fn do_load_payment(&mut self, chain: &Chain) -> Result<HoldingStatus, CardError> {
        let card = self.loads(chain)?;
        let roots = card.identity.roots();
        let key = holder(chain);
        let origin = self.key(&key)?.origin;
        let nodes = chain.walk(&roots)?.nodes;
        let node = leaf(&nodes).identity;
        let opening = self.opening(chain, &nodes)?;
        if let Some(holding) = self.held(&node)? {
            return answer_again(&node, &holding, true);
        }
        if let Opening::Challenge = opening {
            self.payer_not_named(&nodes)?;
        }
        let verified = chain.verify_form(&roots)?;
        let mut writes = Writes::default();
        let holding = loaded(chain, leaf(&verified), self.state_of(origin)?);
        writes.put_holding(&node, &holding);
        if let Opening::GiveBack { parent } = opening {
            writes.put(GIVEN_BACK, &[&parent.0], &node);
        }
        let floor = seen(chain).max(card.floor);
        if floor != card.floor {
            writes.put(super::CARD, &[], &CardRecord { floor, ..card });
        }
        self.commit(writes)?;
        Ok(holding.status(&node))
    }

    /// The card, if it loads money of that currency.
    fn loads(&mut self, chain: &Chain) -> Result<CardRecord, CardError> {
        let card = self.operational()?;
        self.nothing_open()?;
        let found = chain.currency();
        match card.identity.currency {
            Some(only) if only != found => Err(CardError::Currency { found }),
            _ => Ok(card),
        }
    }

    /// The state of what is loaded under an origin.
    fn state_of(&mut self, origin: Origin) -> Result<HoldingState, CardError> {
        Ok(if self.is_frozen()? { HoldingState::Restored } else { origin.state() })
    }

    /// Refuses what a key pays that the filter names. Who held the money before him passed it on before; a key of this card
    /// pays itself, which brings a revoked holder's own money to his account.
    fn payer_not_named(&mut self, nodes: &[Node]) -> Result<(), CardError> {
        let [before @ .., payer, _] = nodes else { return Ok(()) };
        let own = self.read::<KeyRecord>(KEYS, &[&payer.holder.0])?.is_some();
        match !own && self.do_names(&payer.holder)? {
            true => Err(CardError::Revoked { hop: before.len() }),
            false => Ok(()),
        }
    }

    /// The open slot that the last endorsement of `chain` goes into.
    fn opening(&mut self, chain: &Chain, nodes: &[Node]) -> Result<Opening, CardError> {
        let (Some(hop), [.., parent, leaf]) = (chain.hops.last(), nodes) else { return Err(CardError::NoSlot) };
        let answer = hop.opening.answer_for(&leaf.holder);
        let slot: Option<ChallengeSlot> = self.read(CHALLENGES, &[&answer.0])?;
        if slot.is_some_and(|slot| slot.key == leaf.holder) {
            return Ok(Opening::Challenge);
        }
        // the endorsement given back was signed by the holder before it; that its signature is this key's own, the
        // verification of the chain shows
        let [.., giver, _, _] = nodes else { return Err(CardError::NoSlot) };
        let parent = parent.identity;
        if giver.holder != leaf.holder || hop.opening != give_back_opening(hop.opening.time, &parent) {
            return Err(CardError::NoSlot);
        }
        match self.read::<Digest>(GIVEN_BACK, &[&parent.0])? {
            Some(node) if node != leaf.identity => Err(CardError::NoSlot),
            _ => Ok(Opening::GiveBack { parent }),
        }
    }
}

/// The key that holds a chain.
fn holder(chain: &Chain) -> PublicKey {
    chain.right().key()
}

fn leaf(nodes: &[Node]) -> &Node {
    nodes.last().expect("a walk begins with the note's node")
}

fn loaded(chain: &Chain, leaf: &Node, state: HoldingState) -> Holding {
    Holding { key: leaf.holder, currency: chain.currency(), value: leaf.value, remaining: leaf.value, state }
}

/// The same load again: the same answer while the holding is as it was loaded, a refusal after that.
fn answer_again(node: &Digest, holding: &Holding, same_slot: bool) -> Result<HoldingStatus, CardError> {
    let untouched = holding.remaining == holding.value && holding.state != HoldingState::Closed;
    if same_slot && untouched { Ok(holding.status(node)) } else { Err(CardError::LoadedBefore) }
}

/// The latest time that others signed in a chain. The last endorsement repeats the time of this card's own challenge.
fn seen(chain: &Chain) -> Time {
    let earlier = chain.hops.split_last().map_or(&[][..], |(_, earlier)| earlier);
    earlier.iter().map(|hop| hop.opening.time).max().unwrap_or(Time::START)
}
