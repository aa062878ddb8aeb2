//! The balance of one note: who held how much, and what of it has come back.
//!
//! ```text
//! used(closing) = its amount
//! used(node)    = min(value, Σ used(children))
//! paid          = the least room (value − used) over a leaf and its ancestors
//! ```
//! A cheat exhausts only his own branch, and a node whose distinct children exceed its value convicts its holder. The
//! closings of a node count once: only the first is entered (RN-O12, RN-X28, RN-X29).

use std::collections::HashMap;

use zeni_crypto::{Digest, PublicKey};
use zeni_money::{Amount, Currency};
use zeni_store::{Row, Tx, TxError, Value, params};

use crate::{digest, schema};

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
    /// What the holder signed, for proofs ([`super::prepare::ClosingEvidence`]).
    pub(crate) signed: Vec<u8>,
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
    /// Sum of the values of its distinct children, its closing among them.
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
    /// Σ y: sum of all amounts closed, as the papers add them up (RN-F7.2).
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

    fn culprit(&self) -> Culprit {
        Culprit { node: self.identity, holder: self.holder }
    }

    fn changed(&mut self) {
        if self.state == State::Stored {
            self.state = State::Changed;
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
            if self.nodes.contains_key(&child.identity) {
                continue;
            }
            self.nodes.insert(child.identity, Node::new(child, Some(parent.identity)));
            if let Some(parent) = self.nodes.get_mut(&parent.identity) {
                parent.add_child(child.value);
            }
        }
    }

    /// Enters the closing of a leaf as a child of it; it is not settled yet. The leaf must be open.
    pub(crate) fn close(&mut self, leaf: &Digest, closed: Closed) {
        self.returned = self.returned.checked_add(closed.amount).unwrap_or(Amount::MAX);
        if let Some(root) = self.nodes.get_mut(&self.root) {
            root.changed();
        }
        let node = self.nodes.get_mut(leaf).expect("the chain was entered before its closing");
        assert!(node.closed.is_none(), "a leaf is closed once");
        node.add_child(closed.amount);
        node.closed = Some(closed);
    }

    /// Pays the closing of a leaf up to the least room on its way to the note.
    pub(crate) fn settle(&mut self, leaf: &Digest) -> Balance {
        let mut balance = Balance::default();
        let mut flow = self.nodes[leaf].closed.as_ref().map_or(Amount::ZERO, |closed| closed.amount);
        let mut at = Some(*leaf);
        while let Some(identity) = at {
            let node = self.nodes.get_mut(&identity).expect("a leaf's ancestors are loaded with it");
            let room = node.value.checked_sub(node.used).expect("a node is never used beyond its value");
            let passed = flow.min(room);
            if passed < flow {
                balance.limiting.push(node.culprit());
            }
            if node.children > node.value {
                balance.convicted.push(node.culprit());
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

// What follows reads and writes rows.

impl Tree {
    /// Reads a note from register or archive; none if it is in neither, or if its identity is another.
    pub(crate) fn load(tx: &mut Tx<'_>, key: NoteKey) -> Result<Option<Tree>, TxError> {
        let at = params![key.epoch, key.series, key.serial];
        let mut place = Place::Register;
        let mut row = tx.row(schema::READ_NOTE, at)?;
        if row.is_none() {
            place = Place::Archive;
            row = tx.row(schema::READ_ARCHIVE_NOTE, at)?;
        }
        row.map(|row| Tree::from_row(&row, key, place)).transpose()
    }

    pub(crate) fn from_row(row: &Row, key: NoteKey, place: Place) -> Result<Tree, TxError> {
        let root = digest(row, 3)?;
        let node = Node {
            identity: root,
            parent: None,
            value: row.amount(5)?,
            holder: PublicKey(row.array(6)?),
            used: row.amount(7)?,
            children: row.amount(8)?,
            evidence: row.opt_blob(11)?.unwrap_or_default().to_vec(),
            closed: closed_from_row(row, 12)?,
            state: State::Stored,
        };
        let found = zeni_store::Kind::Text;
        let currency = Currency::from_code(row.text(4)?);
        let currency = currency.ok_or(TxError::Column { index: 4, expected: zeni_store::Kind::Array(3), found })?;
        Ok(Tree {
            key,
            place,
            currency,
            root,
            nodes: HashMap::from([(root, node)]),
            stored: row.u64(9)?,
            returned: row.amount(10)?,
        })
    }

    /// Reads those of the nodes of a chain that are stored and not at hand yet.
    pub(crate) fn load_path(&mut self, tx: &mut Tx<'_>, path: &[PathNode]) -> Result<(), TxError> {
        for shown in path.iter().skip(1) {
            if self.nodes.contains_key(&shown.identity) {
                continue;
            }
            // below a node that nobody has seen nothing was ever seen
            if self.stored == 0 || !self.load_node(tx, &shown.identity)? {
                break;
            }
        }
        Ok(())
    }

    /// Reads a leaf and its ancestors; answers whether there is such a leaf.
    pub(crate) fn load_leaf(&mut self, tx: &mut Tx<'_>, leaf: &Digest) -> Result<bool, TxError> {
        let mut at = *leaf;
        loop {
            if !self.nodes.contains_key(&at) && !self.load_node(tx, &at)? {
                return Ok(false);
            }
            match self.nodes[&at].parent {
                Some(parent) => at = parent,
                None => return Ok(true),
            }
        }
    }

    fn load_node(&mut self, tx: &mut Tx<'_>, identity: &Digest) -> Result<bool, TxError> {
        let statement = match self.place {
            Place::Register => schema::READ_NODE,
            Place::Archive => schema::READ_ARCHIVE_NODE,
        };
        let row = tx.row(statement, params![self.key.epoch, self.key.series, self.key.serial, identity.0])?;
        let Some(row) = row else { return Ok(false) };
        self.nodes.insert(*identity, node_from_row(&row)?);
        Ok(true)
    }

    /// Reads the children of a node, its closing aside.
    pub(crate) fn load_children(&mut self, tx: &mut Tx<'_>, parent: &Digest) -> Result<Vec<Node>, TxError> {
        let statement = match self.place {
            Place::Register => schema::CHILD_NODES,
            Place::Archive => schema::ARCHIVE_CHILD_NODES,
        };
        let rows = tx.rows(statement, params![self.key.epoch, self.key.series, self.key.serial, parent.0])?;
        rows.iter().map(node_from_row).collect()
    }

    /// Writes what changed; a note that has come back in full goes to the archive, which is written first
    /// (RN-F7.5, RN-X36).
    pub(crate) fn save(mut self, tx: &mut Tx<'_>) -> Result<(), TxError> {
        let key = [self.key.epoch.into(), self.key.series.into(), Value::from(self.key.serial)];
        let fresh = self.nodes.values().filter(|node| node.state == State::New).count() as u64;
        let stored = self.stored;
        self.stored += fresh;
        let moves = self.place == Place::Register && self.is_complete();
        if moves {
            if stored > 0 {
                tx.execute(schema::MOVE_NODES, &key)?;
            }
            tx.execute(schema::INSERT_ARCHIVE_NOTE, &self.note_row())?;
            self.place = Place::Archive;
        } else if self.nodes[&self.root].state == State::Changed {
            let statement = match self.place {
                Place::Register => schema::UPDATE_NOTE,
                Place::Archive => schema::UPDATE_ARCHIVE_NOTE,
            };
            tx.execute(statement, &self.note_changes())?;
        }
        for node in self.nodes.values().filter(|node| node.identity != self.root) {
            self.save_node(tx, node)?;
        }
        if moves {
            if stored > 0 {
                tx.execute(schema::DELETE_NODES, &key)?;
            }
            tx.execute(schema::DELETE_NOTE, &key)?;
        }
        Ok(())
    }

    fn save_node(&self, tx: &mut Tx<'_>, node: &Node) -> Result<(), TxError> {
        let mut row =
            vec![self.key.epoch.into(), self.key.series.into(), self.key.serial.into(), Value::from(node.identity.0)];
        let statement = match (node.state, self.place) {
            (State::Stored, _) => return Ok(()),
            (State::New, place) => {
                let parent = node.parent.expect("only the note has no parent, and it is never new");
                row.extend([parent.0.into(), node.value.into(), node.holder.0.into()]);
                row.extend([node.used.into(), node.children.into(), Value::from(&node.evidence)]);
                match place {
                    Place::Register => schema::INSERT_NODE,
                    Place::Archive => schema::INSERT_ARCHIVE_NODE,
                }
            }
            (State::Changed, place) => {
                row.extend([node.used.into(), node.children.into()]);
                match place {
                    Place::Register => schema::UPDATE_NODE,
                    Place::Archive => schema::UPDATE_ARCHIVE_NODE,
                }
            }
        };
        row.extend(closed_values(node.closed.as_ref()));
        tx.execute(statement, &row)?;
        Ok(())
    }

    fn note_row(&self) -> Vec<Value> {
        let root = &self.nodes[&self.root];
        let mut row: Vec<Value> = vec![
            self.key.epoch.into(),
            self.key.series.into(),
            self.key.serial.into(),
            root.identity.0.into(),
            self.currency.code().into(),
            self.face().into(),
            root.holder.0.into(),
        ];
        row.extend(self.note_figures(root));
        row
    }

    fn note_changes(&self) -> Vec<Value> {
        let mut row: Vec<Value> = vec![self.key.epoch.into(), self.key.series.into(), self.key.serial.into()];
        row.extend(self.note_figures(&self.nodes[&self.root]));
        row
    }

    fn note_figures(&self, root: &Node) -> Vec<Value> {
        let mut figures: Vec<Value> = vec![
            root.used.into(),
            root.children.into(),
            crate::count_value(self.stored),
            self.returned.into(),
            if root.evidence.is_empty() { Value::Null } else { Value::from(&root.evidence) },
        ];
        figures.extend(closed_values(root.closed.as_ref()));
        figures
    }
}

fn closed_values(closed: Option<&Closed>) -> [Value; 6] {
    match closed {
        None => [Value::Null, Value::Null, Value::Null, Value::Null, Value::Null, Value::Null],
        Some(closed) => [
            closed.identity.0.into(),
            Value::from(&closed.bank),
            closed.amount.into(),
            closed.paid.into(),
            closed.waiting.map_or(Value::Null, crate::count_value),
            Value::from(&closed.signed),
        ],
    }
}

fn closed_from_row(row: &Row, at: usize) -> Result<Option<Closed>, TxError> {
    let Some(identity) = row.opt_array(at)? else { return Ok(None) };
    Ok(Some(Closed {
        identity: Digest(identity),
        bank: row.text(at + 1)?.to_owned(),
        amount: row.amount(at + 2)?,
        paid: row.amount(at + 3)?,
        waiting: row.opt_int(at + 4)?.map(i64::unsigned_abs),
        signed: row.blob(at + 5)?.to_vec(),
    }))
}

pub(crate) fn node_from_row(row: &Row) -> Result<Node, TxError> {
    Ok(Node {
        identity: digest(row, 3)?,
        parent: Some(digest(row, 4)?),
        value: row.amount(5)?,
        holder: PublicKey(row.array(6)?),
        used: row.amount(7)?,
        children: row.amount(8)?,
        evidence: row.blob(9)?.to_vec(),
        closed: closed_from_row(row, 10)?,
        state: State::Stored,
    })
}

#[cfg(test)]
mod tests;
