//! The rows of trees in register and archive.

use std::collections::HashMap;

use zeni_crypto::{Digest, PublicKey};
use zeni_money::Currency;
use zeni_store::{Row, Tx, TxError, Value, params};

use super::{
    Closed, Node, NoteKey, PathNode, Place, State, Tree,
    bundle::{Lots, PlaceInLot},
};
use crate::{digest, schema};

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
        let Some(row) = row else { return Ok(None) };
        let mut tree = Tree::from_row(&row, key, place)?;
        tree.load_bundle(tx, &row)?;
        Ok(Some(tree))
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
            bundled: false,
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
        if self.bundled {
            return Ok(self.nodes.values().filter(|node| node.parent.as_ref() == Some(parent)).cloned().collect());
        }
        let statement = match self.place {
            Place::Register => schema::CHILD_NODES,
            Place::Archive => schema::ARCHIVE_CHILD_NODES,
        };
        let rows = tx.rows(statement, params![self.key.epoch, self.key.series, self.key.serial, parent.0])?;
        rows.iter().map(node_from_row).collect()
    }

    /// Writes what changed; a note that has come back in full goes to the archive, which is written first
    /// (RN-F7.5, RN-X36).
    /// The evidence of a note that one chain brought back whole goes into a lot.
    pub(crate) fn save(mut self, tx: &mut Tx<'_>, lots: &mut Lots<'_>) -> Result<(), TxError> {
        if self.bundled && !self.unbundle() {
            return Ok(());
        }
        let key = [self.key.epoch.into(), self.key.series.into(), Value::from(self.key.serial)];
        let fresh = self.nodes.values().filter(|node| node.state == State::New).count() as u64;
        let stored = self.stored;
        self.stored += fresh;
        let moves = self.place == Place::Register && self.is_complete();
        if moves {
            if stored > 0 {
                tx.execute(schema::MOVE_NODES, &key)?;
            }
            let lot = self.bundle().map(|bundle| lots.add(tx, self.key, &bundle)).transpose()?;
            tx.execute(schema::INSERT_ARCHIVE_NOTE, &self.archive_row(lot))?;
            if lot.is_some() {
                tx.execute(schema::DELETE_NOTE, &key)?;
                return Ok(());
            }
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
            (State::Stored | State::Bundled, _) => return Ok(()),
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
        if node.state == State::Changed {
            row.push(Value::from(&node.evidence));
        }
        tx.execute(statement, &row)?;
        Ok(())
    }

    /// With its evidence, or with the place where that lies.
    fn archive_row(&self, lot: Option<PlaceInLot>) -> Vec<Value> {
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
        match lot {
            None => row.extend([Value::Null, Value::Null, Value::Null]),
            Some(PlaceInLot { lot, start, length }) => {
                row[11] = Value::Null;
                row.extend([lot.into(), start.into(), length.into()]);
            }
        }
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
