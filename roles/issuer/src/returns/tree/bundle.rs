//! A bundle: the evidence of a note that one chain brought back whole, in a row shared with others instead of one a hop.
//!
//! Nearly every note comes back so, and nobody asks for it again. Its row in the archive is short and stands under its random
//! serial; its evidence is long and lies in a *lot*, a row written once, in the order of returns: so a return touches one
//! page of the archive however large that is. Reading a bundle gives the same nodes as rows would; whatever changes them
//! writes rows in the same transaction and leaves the bundle to be pruned with its lot.

use std::collections::BTreeMap;

use zeni_crypto::Digest;
use zeni_message::{Malformed, Network, decode, encode, identity, limits::MESSAGE_BYTES_MAX};
use zeni_money::Amount;
use zeni_note::{Hop, chain::Endorsement};
use zeni_store::{Kind, Row, Tx, TxError, params};

use super::{Closed, Node, NoteKey, Place, State, Tree};
use crate::{books::PostingIds, schema};

/// Bytes after which a lot is written and another begun: what is read to get one bundle.
const LOT_BYTES: usize = 32 * 1_024;
/// First of the columns that say where in which lot the bundle of an archived note lies.
const PLACE_COLUMN: usize = 18;

/// The hops of a chain over the whole value of its note, oldest first, and the closing of its leaf.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct Bundle {
    /// [`Node::evidence`] of the note itself.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    root: Vec<u8>,
    /// At least one.
    #[n(1)]
    hops: Vec<Bundled>,
    /// Identity of the closing.
    #[n(2)]
    closing: Digest,
    #[n(3)]
    bank: String,
    /// What the holder signed ([`Closed::signed`]).
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    signed: Vec<u8>,
}

/// One node of it.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
struct Bundled {
    #[n(0)]
    identity: Digest,
    /// [`Node::evidence`]: the hop, which says who holds.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    evidence: Vec<u8>,
}

/// Where a bundle lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlaceInLot {
    pub(super) lot: [u8; 16],
    /// Counted from 1, as SQL does.
    pub(super) start: u32,
    pub(super) length: u32,
}

/// The lots that one job is writing, one of each series and epoch.
pub(crate) struct Lots<'a> {
    ids: &'a mut PostingIds,
    open: BTreeMap<(u32, u32), Lot>,
}

struct Lot {
    id: [u8; 16],
    bytes: Vec<u8>,
}

impl<'a> Lots<'a> {
    pub(crate) fn new(ids: &'a mut PostingIds) -> Lots<'a> {
        Lots { ids, open: BTreeMap::new() }
    }

    /// Takes a bundle in; what does not fit is written first.
    pub(super) fn add(&mut self, tx: &mut Tx<'_>, key: NoteKey, bundle: &[u8]) -> Result<PlaceInLot, TxError> {
        let of = (key.epoch, key.series);
        if self.open.get(&of).is_some_and(|lot| lot.bytes.len() + bundle.len() > LOT_BYTES)
            && let Some(full) = self.open.remove(&of)
        {
            full.write(tx, of)?;
        }
        let ids = &mut *self.ids;
        let lot = self.open.entry(of).or_insert_with(|| Lot { id: ids.draw(), bytes: Vec::with_capacity(LOT_BYTES) });
        let narrow = |count: usize| u32::try_from(count).expect("a chain is shorter than a message");
        let place = PlaceInLot { lot: lot.id, start: narrow(lot.bytes.len() + 1), length: narrow(bundle.len()) };
        lot.bytes.extend_from_slice(bundle);
        Ok(place)
    }

    /// Writes what is left.
    pub(crate) fn finish(self, tx: &mut Tx<'_>) -> Result<(), TxError> {
        self.open.into_iter().try_for_each(|(of, lot)| lot.write(tx, of))
    }
}

impl Lot {
    fn write(self, tx: &mut Tx<'_>, (epoch, series): (u32, u32)) -> Result<(), TxError> {
        tx.execute(schema::INSERT_LOT, params![epoch, series, self.id, self.bytes]).map(drop)
    }
}

impl Bundle {
    /// Evidence of the note and its other nodes, oldest first, for a note of that identity and face value.
    pub(crate) fn into_nodes(self, root: Digest, face: Amount) -> Result<(Vec<u8>, Vec<Node>), Malformed> {
        let mut parent = root;
        let mut nodes: Vec<Node> = Vec::with_capacity(self.hops.len());
        for hop in self.hops {
            let holder = decode::<Hop>(&hop.evidence, MESSAGE_BYTES_MAX)?.payee.key();
            nodes.push(Node {
                identity: hop.identity,
                parent: Some(parent),
                value: face,
                holder,
                used: face,
                children: face,
                evidence: hop.evidence,
                closed: None,
                state: State::Bundled,
            });
            parent = hop.identity;
        }
        if let Some(leaf) = nodes.last_mut() {
            leaf.closed = Some(Closed {
                identity: self.closing,
                bank: self.bank,
                amount: face,
                paid: face,
                waiting: None,
                signed: self.signed,
            });
        }
        Ok((self.root, nodes))
    }
}

/// Where the bundle of an archived note lies; none for a note whose evidence lies in rows.
pub(crate) fn place_of(place: Place, row: &Row) -> Result<Option<PlaceInLot>, TxError> {
    if place == Place::Register {
        return Ok(None);
    }
    let Some(lot) = row.opt_array(PLACE_COLUMN)? else { return Ok(None) };
    let narrow = |column| row.u64(column).map(|value| u32::try_from(value).unwrap_or(u32::MAX));
    Ok(Some(PlaceInLot { lot, start: narrow(PLACE_COLUMN + 1)?, length: narrow(PLACE_COLUMN + 2)? }))
}

/// A bundle out of its lot; none if there is no such lot, or something else in its place.
pub(crate) fn read(tx: &mut Tx<'_>, key: NoteKey, place: &PlaceInLot) -> Result<Option<Bundle>, TxError> {
    let row = tx.row(schema::READ_LOT, params![key.epoch, key.series, place.lot, place.start, place.length])?;
    let Some(row) = row else { return Ok(None) };
    Ok(decode(row.blob(0)?, MESSAGE_BYTES_MAX).ok())
}

/// Whether the evidence of a bundled node says what the bundle says of it.
pub(crate) fn is_shown(node: &Node, network: Network) -> bool {
    let Some(parent) = node.parent else { return false };
    let Ok(hop) = decode::<Hop>(&node.evidence, MESSAGE_BYTES_MAX) else { return false };
    let endorsement = Endorsement { parent, amount: hop.amount, answer: hop.opening.answer_for(&node.holder) };
    hop.amount == node.value && identity(network, &endorsement) == node.identity
}

impl Tree {
    /// The bundle of a note that was not seen before and that one chain has brought back whole; none for any other.
    pub(super) fn bundle(&self) -> Option<Vec<u8>> {
        let face = self.face();
        let root = self.nodes.get(&self.root).filter(|root| root.closed.is_none() && root.children == face)?;
        let mut closed_nodes = self.nodes.values().filter(|node| node.closed.is_some());
        let leaf = closed_nodes.next().filter(|_| closed_nodes.next().is_none())?;
        let closed = leaf.closed.as_ref()?;
        if closed.amount != face || closed.paid != face || closed.waiting.is_some() || closed.is_of_backup() {
            return None;
        }
        let mut hops = Vec::with_capacity(self.nodes.len());
        let mut at = leaf;
        while let Some(parent) = &at.parent {
            if at.state != State::New || [at.value, at.used, at.children] != [face; 3] {
                return None;
            }
            hops.push(Bundled { identity: at.identity, evidence: at.evidence.clone() });
            at = self.nodes.get(parent)?;
        }
        hops.reverse();
        if hops.len() + 1 != self.nodes.len() {
            return None;
        }
        let (bank, signed) = (closed.bank.clone(), closed.signed.clone());
        Some(encode(&Bundle { root: root.evidence.clone(), hops, closing: closed.identity, bank, signed }))
    }

    /// Brings the bundle of an archived note into memory, if it has one.
    pub(super) fn load_bundle(&mut self, tx: &mut Tx<'_>, row: &Row) -> Result<(), TxError> {
        let Some(place) = place_of(self.place, row)? else { return Ok(()) };
        let malformed = TxError::Column { index: PLACE_COLUMN, expected: Kind::Blob, found: Kind::Missing };
        let read = read(tx, self.key, &place)?.and_then(|bundle| bundle.into_nodes(self.root, self.face()).ok());
        let (evidence, nodes) = read.ok_or(malformed)?;
        if let Some(root) = self.nodes.get_mut(&self.root) {
            root.evidence = evidence;
        }
        self.nodes.extend(nodes.into_iter().map(|node| (node.identity, node)));
        (self.stored, self.bundled) = (0, true);
        Ok(())
    }

    /// Makes rows of a bundle if anything has changed, to be written with the rest; answers whether anything has.
    pub(super) fn unbundle(&mut self) -> bool {
        if self.nodes.values().all(|node| matches!(node.state, State::Stored | State::Bundled)) {
            return false;
        }
        for node in self.nodes.values_mut() {
            match node.state {
                State::Bundled => node.state = State::New,
                // the note's own row has to take its evidence back
                State::Stored => node.state = State::Changed,
                State::New | State::Changed => {}
            }
        }
        self.bundled = false;
        true
    }
}

#[cfg(test)]
mod tests;
