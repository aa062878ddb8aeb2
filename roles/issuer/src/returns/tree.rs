//! The balance of one note: who held how much, and what of it has come back.
//!
//! ```text
//! used(closing) = its amount
//! used(node)    = min(value, Σ used(children))
//! paid          = the least room (value − used) over a leaf and its ancestors
//! ```
//! A cheat exhausts only his own branch, and a node whose distinct children exceed its value convicts its holder. The
//! closings of a node count once: only the first is entered (RN-O12, RN-X28, RN-X29). A refund out of a backup uses room and
//! is no child: what it asks was never said to be left, so it convicts nobody (RN-X31). It asks at most value − Σ children:
//! what its holder is shown to have passed on is his payees', also while they wait and if they never come for it.

pub(crate) mod bundle;
mod conflict;
mod rows;

use std::collections::HashMap;

use zeni_crypto::{Digest, PublicKey};
use zeni_message::{decode, limits::MESSAGE_BYTES_MAX};
use zeni_money::{Amount, Currency};

use super::prepare::ClosingEvidence;

pub(crate) use rows::node_from_row;

/// Where the rows of a note lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NoteKey {
    pub(crate) epoch: u32,
    pub(crate) series: u32,
    pub(crate) serial: [u8; 16],
}

/// Register or archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Register,
    Archive,
}

/// How a node was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    /// Identity of the closing.
    pub(crate) identity: Digest,
    /// Bank that returned it; empty for a renewal.
    pub(crate) bank: String,
    pub(crate) amount: Amount,
    /// Paid as of right, once it is settled.
    pub(crate) paid: Amount,
    /// For a refund, until when it waits; nothing once it is settled.
    pub(crate) waiting: Option<u64>,
    /// What the holder signed, for proofs ([`ClosingEvidence`]).
    pub(crate) signed: Vec<u8>,
}

impl Closed {
    /// Whether it is "at most" out of a backup, and so no child of its node.
    pub(crate) fn is_of_backup(&self) -> bool {
        matches!(decode(&self.signed, MESSAGE_BYTES_MAX), Ok(ClosingEvidence::Backup { .. }))
    }
}

/// One holder's place in the tree of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) identity: Digest,
    /// None for the note itself.
    pub(crate) parent: Option<Digest>,
    pub(crate) value: Amount,
    pub(crate) holder: PublicKey,
    pub(crate) used: Amount,
    /// Sum of the values of its distinct children, its closing among them unless that is out of a backup.
    pub(crate) children: Amount,
    /// The note with its holder's licence, or the hop to this holder; empty for a note of which nothing has come back.
    pub(crate) evidence: Vec<u8>,
    pub(crate) closed: Option<Closed>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Stored,
    Changed,
    /// Stored in a bundle, without a row of its own.
    Bundled,
}

/// A note with those of its nodes that were looked at.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) key: NoteKey,
    pub(crate) place: Place,
    pub(crate) currency: Currency,
    pub(crate) root: Digest,
    nodes: HashMap<Digest, Node>,
    /// Rows below the note in the database.
    stored: u64,
    /// Whether its evidence and its nodes lie in a bundle ([`bundle`]) instead of rows; then all of them are at hand.
    bundled: bool,
    /// Σ y: sum of all amounts closed, as the papers add them up (RN-F7.2); what a backup asks is no such amount.
    pub(crate) returned: Amount,
}

/// A node as a chain shows it.
#[derive(Clone, Debug)]
pub(crate) struct PathNode {
    pub(crate) identity: Digest,
    pub(crate) value: Amount,
    pub(crate) holder: PublicKey,
    pub(crate) evidence: Vec<u8>,
}

/// A node whose room limited a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Culprit {
    pub(crate) node: Digest,
    pub(crate) holder: PublicKey,
}

/// What the tree says to a closing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    /// Asked: the closing's amount, out of a backup at most what its holder is not shown to have passed on.
    pub(crate) asked: Amount,
    /// Paid as of right.
    pub(crate) paid: Amount,
    /// Holders on the way whose children now exceed what they held.
    pub(crate) convicted: Vec<Culprit>,
    /// Of these, the ones whose lack of room kept something from being paid.
    pub(crate) limiting: Vec<Culprit>,
}

impl Node {
    pub(crate) fn new(shown: &PathNode, parent: Option<Digest>) -> Node {
        Node {
            identity: shown.identity,
            parent,
            value: shown.value,
            holder: shown.holder,
            used: Amount::ZERO,
            children: Amount::ZERO,
            evidence: shown.evidence.clone(),
            closed: None,
            state: State::New,
        }
    }

    /// A holder who deposited without showing a licence and passed the same money on with one is known by it: what a hop says is
    /// the same, only a licence makes it longer.
    fn take_licence(&mut self, shown: &PathNode) {
        if shown.evidence.len() > self.evidence.len() {
            self.evidence.clone_from(&shown.evidence);
            self.changed();
        }
    }

    fn culprit(&self) -> Culprit {
        Culprit { node: self.identity, holder: self.holder }
    }

    /// What its closing asks for: out of a backup at most what its holder is not shown to have passed on. Room would be too
    /// much: a payee's refund that waits beside it has used none yet, and what a payee lost to an overspender before them is
    /// no second loss of his payer's.
    fn asked(&self) -> Amount {
        let Some(closed) = &self.closed else { return Amount::ZERO };
        if !closed.is_of_backup() {
            return closed.amount;
        }
        closed.amount.min(self.value.checked_sub(self.children).unwrap_or(Amount::ZERO))
    }

    fn changed(&mut self) {
        match self.state {
            State::Stored => self.state = State::Changed,
            State::Bundled => self.state = State::New,
            State::New | State::Changed => {}
        }
    }

    fn add_child(&mut self, value: Amount) {
        self.children = self.children.checked_add(value).unwrap_or(Amount::MAX);
        self.changed();
    }
}

impl Tree {
    /// The tree of a note of which nothing has come back.
    #[cfg(test)]
    pub(crate) fn fresh(key: NoteKey, currency: Currency, root: &PathNode) -> Tree {
        let mut node = Node::new(root, None);
        node.state = State::Stored;
        Tree {
            key,
            place: Place::Register,
            currency,
            root: root.identity,
            nodes: HashMap::from([(root.identity, node)]),
            stored: 0,
            bundled: false,
            returned: Amount::ZERO,
        }
    }

    pub(crate) fn node(&self, identity: &Digest) -> Option<&Node> {
        self.nodes.get(identity)
    }

    fn face(&self) -> Amount {
        self.nodes[&self.root].value
    }

    /// Whether everything has come back.
    pub(crate) fn is_complete(&self) -> bool {
        let root = &self.nodes[&self.root];
        root.used == root.value
    }

    /// Enters the nodes of a chain, the note first; answers who is convicted by what is new.
    pub(crate) fn enter(&mut self, path: &[PathNode]) {
        if let Some(shown) = path.first()
            && let Some(root) = self.nodes.get_mut(&self.root)
            && root.evidence.is_empty()
        {
            root.evidence.clone_from(&shown.evidence);
            root.changed();
        }
        for pair in path.windows(2) {
            let [parent, child] = pair else { continue };
            if let Some(node) = self.nodes.get_mut(&child.identity) {
                node.take_licence(child);
                continue;
            }
            self.nodes.insert(child.identity, Node::new(child, Some(parent.identity)));
            if let Some(parent) = self.nodes.get_mut(&parent.identity) {
                parent.add_child(child.value);
            }
        }
    }

    /// Enters the closing of a leaf, as a child of it unless out of a backup; it is not settled yet. The leaf must be open.
    pub(crate) fn close(&mut self, leaf: &Digest, closed: Closed) {
        let signed_away = if closed.is_of_backup() { Amount::ZERO } else { closed.amount };
        self.returned = self.returned.checked_add(signed_away).unwrap_or(Amount::MAX);
        if let Some(root) = self.nodes.get_mut(&self.root) {
            root.changed();
        }
        let node = self.nodes.get_mut(leaf).expect("the chain was entered before its closing");
        assert!(node.closed.is_none(), "a leaf is closed once");
        node.add_child(signed_away);
        node.closed = Some(closed);
    }

    /// Pays the closing of a leaf up to the least room on its way to the note.
    pub(crate) fn settle(&mut self, leaf: &Digest) -> Balance {
        let mut balance = Balance::default();
        let mut flow = self.nodes[leaf].asked();
        balance.asked = flow;
        let mut at = Some(*leaf);
        while let Some(identity) = at {
            let node = self.nodes.get_mut(&identity).expect("a leaf's ancestors are loaded with it");
            let room = node.value.checked_sub(node.used).expect("a node is never used beyond its value");
            let passed = flow.min(room);
            if node.children > node.value {
                balance.convicted.push(node.culprit());
                if passed < flow {
                    balance.limiting.push(node.culprit());
                }
            }
            node.used = node.used.checked_add(passed).expect("it is at most the node's value");
            node.changed();
            flow = passed;
            at = node.parent;
        }
        let closed = self.nodes.get_mut(leaf).and_then(|node| node.closed.as_mut());
        if let Some(closed) = closed {
            closed.paid = flow;
            closed.waiting = None;
        }
        balance.paid = flow;
        balance
    }

    /// Holders from a leaf up to the note whose children exceed what they held.
    pub(crate) fn convicted(&self, leaf: &Digest) -> Vec<Culprit> {
        let mut found = Vec::new();
        let mut at = self.nodes.get(leaf);
        while let Some(node) = at {
            if node.children > node.value {
                found.push(node.culprit());
            }
            at = node.parent.as_ref().and_then(|parent| self.nodes.get(parent));
        }
        found
    }
}

#[cfg(test)]
mod tests;
