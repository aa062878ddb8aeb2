//! Loading: the only way by which a counter rises.

use zeni_crypto::{Digest, PublicKey, SecretKey, Signature};
use zeni_message::{Signed, Time};
use zeni_money::{Amount, Currency};
use zeni_note::{
    Chain, ChainFault, Hop, LoadTicket, Node, Nonce, Note, Opening as Shown, Place, Right,
    challenge::give_back_opening, keylist::Roots,
};
use zeroize::Zeroizing;

use super::{
    Element, keys,
    memory::Memory,
    record::{
        ADOPTED, CHALLENGES, CardRecord, ChallengeSlot, GIVEN_BACK, Holding, KEYS, KeyRecord, LATEST, LOADING,
        LoadSlot, Origin, SLOTS, Writes,
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
    pub(crate) fn fresh_nonce(&mut self) -> Nonce {
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
        writes.put(ADOPTED, &[&key.0], nonce);
        self.commit(writes)?;
        Ok(key)
    }

    /// Begins a load, or goes on with the one of this note that was cut off; tells where it stands.
    pub(crate) fn load_begin(
        &mut self,
        note: &Signed<Note>,
        right: &Right,
        cut_off: CutOff,
    ) -> Result<Standing, CardError> {
        let card = self.loads(note.record.currency)?;
        if let Some(loading) = self.loading()?
            && cut_off == CutOff::GoOn
            && loading.place.note == note.identity(card.identity.network)
        {
            return Ok(loading.standing());
        }
        self.keep(Loading::begin(note, right, &card.identity.roots())?)
    }

    /// Takes the next endorsement of the load.
    pub(crate) fn load_link(&mut self, hop: &Hop) -> Result<Standing, CardError> {
        let card = self.operational()?;
        self.nothing_open()?;
        let loading = self.loading()?.ok_or(CardError::NoLoad)?;
        self.keep(loading.link(hop, &card.identity.roots())?)
    }

    /// Finishes a load.
    pub(crate) fn load_end(&mut self, finish: Finish<'_>) -> Result<HoldingStatus, CardError> {
        self.operational()?;
        let loading = self.loading()?.ok_or(CardError::NoLoad)?;
        self.loads(loading.place.currency)?;
        self.finish(&loading, finish)
    }

    /// Where the load that was begun stands.
    pub(crate) fn load_standing(&mut self) -> Result<Option<Standing>, CardError> {
        self.card()?;
        Ok(self.loading()?.map(|loading| loading.standing()))
    }

    pub(super) fn do_load_note(
        &mut self,
        chain: &Chain,
        ticket: &Signed<LoadTicket>,
    ) -> Result<HoldingStatus, CardError> {
        let loading = self.follow(chain)?;
        self.finish(&loading, Finish::Note(ticket))
    }

    pub(super) fn do_load_payment(&mut self, chain: &Chain) -> Result<HoldingStatus, CardError> {
        let loading = self.follow(chain)?;
        self.finish(&loading, Finish::Payment)
    }

    pub(super) fn do_load_closed(&mut self, chain: &Chain) -> Result<HoldingStatus, CardError> {
        let loading = self.follow(chain)?;
        self.finish(&loading, Finish::Closed)
    }

    /// A whole chain, every link checked as it would be alone.
    fn follow(&mut self, chain: &Chain) -> Result<Loading, CardError> {
        let card = self.loads(chain.currency())?;
        self.key(&chain.right().key())?;
        let roots = card.identity.roots();
        let mut loading = Loading::begin(&chain.note, &chain.holder, &roots)?;
        for hop in &chain.hops {
            loading = loading.link(hop, &roots)?;
        }
        Ok(loading)
    }

    fn loading(&mut self) -> Result<Option<Loading>, CardError> {
        self.read(LOADING, &[])
    }

    /// Stores where the load stands, so that it goes on from there.
    fn keep(&mut self, loading: Loading) -> Result<Standing, CardError> {
        let mut writes = Writes::default();
        writes.put(LOADING, &[], &loading);
        self.commit(writes)?;
        Ok(loading.standing())
    }

    /// Raises the counter of a chain whose every link was checked.
    fn finish(&mut self, loading: &Loading, finish: Finish<'_>) -> Result<HoldingStatus, CardError> {
        let key = loading.place.node.holder;
        self.key(&key)?;
        match finish {
            Finish::Note(ticket) => self.finish_note(loading, &key, ticket),
            Finish::Payment => self.finish_payment(loading, &key, false),
            Finish::Closed => self.finish_payment(loading, &key, true),
        }
    }

    fn finish_note(
        &mut self,
        loading: &Loading,
        key: &PublicKey,
        ticket: &Signed<LoadTicket>,
    ) -> Result<HoldingStatus, CardError> {
        let (roots, node) = (self.card()?.identity.roots(), loading.place.node.identity);
        let nonce = ticket.record.nonce;
        let slot: LoadSlot = self.read(SLOTS, &[&nonce[..]])?.ok_or(CardError::NoSlot)?;
        let used_otherwise = slot.loaded.is_some_and(|note| note != node);
        if slot.key != Some(*key) || used_otherwise {
            return Err(CardError::NoSlot);
        }
        if let Some(holding) = self.held(&node)? {
            return self.answer_again(&node, &holding, slot.loaded.is_some());
        }
        ticket.verify(roots.network, &roots.issuer).map_err(|_| CardError::Ticket)?;
        if ticket.record.note != node || loading.last.is_some() {
            return Err(CardError::Ticket);
        }
        let mut writes = Writes::default();
        let holding = loading.holding(self.state_of(slot.origin)?);
        writes.put_holding(&node, &holding);
        writes.put(SLOTS, &[&nonce[..]], &LoadSlot { loaded: Some(node), ..slot });
        writes.put(LATEST, &[&key.0], &nonce);
        writes.remove(LOADING, &[]);
        self.commit(writes)?;
        Ok(holding.status(&node))
    }

    fn finish_payment(&mut self, loading: &Loading, key: &PublicKey, closed: bool) -> Result<HoldingStatus, CardError> {
        let node = loading.place.node.identity;
        let last = loading.last.as_ref().ok_or(CardError::NoSlot)?;
        let opening = self.opening(&loading.place.node, last)?;
        if let Some(holding) = self.held(&node)? {
            if !closed || holding.state != HoldingState::Closed {
                return self.answer_again(&node, &holding, true);
            }
            self.forget_load()?;
            return self.closed_status(&node, &holding);
        }
        let closed = closed && matches!(opening, Opening::Challenge);
        if !closed && matches!(opening, Opening::Challenge) {
            self.payer_not_named(&last.payer.holder, loading.place.links)?;
        }
        let mut writes = Writes::default();
        let origin = self.key(key)?.origin;
        let mut holding = loading.holding(self.state_of(origin)?);
        if closed && holding.state == HoldingState::Live {
            (holding.state, holding.remaining) = (HoldingState::Closed, Amount::ZERO);
        }
        writes.put_holding(&node, &holding);
        if let Opening::GiveBack { parent } = opening {
            writes.put(GIVEN_BACK, &[&parent.0], &node);
        }
        let card = self.card()?;
        let floor = loading.seen.max(card.floor);
        if floor != card.floor {
            writes.put(super::CARD, &[], &CardRecord { floor, ..card });
        }
        writes.remove(LOADING, &[]);
        self.commit(writes)?;
        self.closed_status(&node, &holding)
    }

    /// A holding with what a closing took of it.
    pub(super) fn closed_status(&mut self, node: &Digest, holding: &Holding) -> Result<HoldingStatus, CardError> {
        Ok(HoldingStatus { closed: self.taken(node, holding)?, ..holding.status(node) })
    }

    /// The same load again: the same answer while the holding is as it was loaded, a refusal after that.
    fn answer_again(&mut self, node: &Digest, holding: &Holding, same_slot: bool) -> Result<HoldingStatus, CardError> {
        let untouched = holding.remaining == holding.value && holding.state != HoldingState::Closed;
        if !same_slot || !untouched {
            return Err(CardError::LoadedBefore);
        }
        self.forget_load()?;
        Ok(holding.status(node))
    }

    /// Ends a load of what the card has already.
    fn forget_load(&mut self) -> Result<(), CardError> {
        if self.loading()?.is_none() {
            return Ok(());
        }
        let mut writes = Writes::default();
        writes.remove(LOADING, &[]);
        self.commit(writes)
    }

    /// The card, if it loads money of that currency.
    pub(super) fn loads(&mut self, found: Currency) -> Result<CardRecord, CardError> {
        let card = self.operational()?;
        self.nothing_open()?;
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
    fn payer_not_named(&mut self, payer: &PublicKey, links: usize) -> Result<(), CardError> {
        let own = self.read::<KeyRecord>(KEYS, &[&payer.0])?.is_some();
        match !own && self.do_names(payer)? {
            true => Err(CardError::Revoked { hop: links.saturating_sub(1) }),
            false => Ok(()),
        }
    }

    /// The open slot that the last endorsement goes into.
    fn opening(&mut self, leaf: &Node, last: &Last) -> Result<Opening, CardError> {
        let answer = last.opening.answer_for(&leaf.holder);
        let slot: Option<ChallengeSlot> = self.read(CHALLENGES, &[&answer.0])?;
        if slot.is_some_and(|slot| slot.key == leaf.holder) {
            return Ok(Opening::Challenge);
        }
        // the endorsement given back was signed by the holder before it, as its link was checked: by this key itself
        let parent = last.payer.identity;
        if last.giver != Some(leaf.holder) || last.opening != give_back_opening(last.opening.time, &parent) {
            return Err(CardError::NoSlot);
        }
        match self.read::<Digest>(GIVEN_BACK, &[&parent.0])? {
            Some(node) if node != leaf.identity => Err(CardError::NoSlot),
            _ => Ok(Opening::GiveBack { parent }),
        }
    }
}

/// How a load is finished.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Finish<'a> {
    /// That of a note, by the issuer's leave.
    Note(&'a Signed<LoadTicket>),
    /// That of a payment.
    Payment,
    /// That of a payment, whoever made it: closed as a hand-in would leave it, so that it goes to an account and nowhere else.
    Closed,
}

/// What becomes of a load of the same note that was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CutOff {
    /// It goes on.
    GoOn,
    /// It is forgotten: the money came another way.
    Forget,
}

/// Where a load stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Identity of the note.
    pub(crate) note: Digest,
    /// Endorsements taken.
    pub(crate) links: usize,
    /// Signature of the last one, of the note before the first.
    pub(crate) signature: Signature,
}

/// A chain on its way into the card, each link of it checked: all that the next one is checked against, and what the end
/// asks of the last.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
struct Loading {
    #[n(0)]
    place: Place,
    #[n(1)]
    signature: Signature,
    #[n(2)]
    last: Option<Last>,
    /// The latest time that others signed. The last endorsement repeats the time of this card's own challenge.
    #[n(3)]
    seen: Time,
}

/// The last endorsement of a chain.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
struct Last {
    #[n(0)]
    opening: Shown,
    /// Place of who signed it.
    #[n(1)]
    payer: Node,
    /// Key that held the money before him.
    #[n(2)]
    giver: Option<PublicKey>,
}

impl Loading {
    fn begin(note: &Signed<Note>, right: &Right, roots: &Roots) -> Result<Loading, ChainFault> {
        let place = Place::start_verified(note, right, roots)?;
        Ok(Loading { place, signature: note.signature, last: None, seen: Time::START })
    }

    fn link(&self, hop: &Hop, roots: &Roots) -> Result<Loading, ChainFault> {
        let before = self.last.as_ref();
        Ok(Loading {
            place: self.place.link_verified(hop, roots)?,
            signature: hop.signature,
            last: Some(Last {
                opening: hop.opening,
                payer: self.place.node,
                giver: before.map(|before| before.payer.holder),
            }),
            seen: before.map_or(self.seen, |before| self.seen.max(before.opening.time)),
        })
    }

    fn standing(&self) -> Standing {
        Standing { note: self.place.note, links: self.place.links, signature: self.signature }
    }

    fn holding(&self, state: HoldingState) -> Holding {
        let Place { currency, node, .. } = self.place;
        Holding { key: node.holder, currency, value: node.value, remaining: node.value, state }
    }
}
