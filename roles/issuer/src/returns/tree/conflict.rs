//! Two payments over one `e`: a payer's second amount for a question that he answered before (HC-X49, HC-O7).
//!
//! Only the payee himself is refused, who asked once and took two answers. Whoever holds the money after him asked nothing
//! twice: there the answers count as what they are, two children of their giver.

use zeni_crypto::{Digest, PublicKey};
use zeni_message::{decode, limits::MESSAGE_BYTES_MAX};
use zeni_note::Hop;
use zeni_store::{Tx, TxError, params};

use super::{PathNode, Place, Tree, node_from_row};
use crate::schema;

impl Tree {
    /// Whether the leaf of a chain is new and answers an `e` that its giver answered with another amount before. Only the same
    /// payee can be asked by the same `e`, so that few nodes are looked at.
    pub(crate) fn conflicts(&self, tx: &mut Tx<'_>, path: &[PathNode]) -> Result<bool, TxError> {
        for pair in path.windows(2) {
            let [parent, child] = pair else { continue };
            if self.nodes.contains_key(&child.identity) {
                continue;
            }
            if path.last().is_none_or(|leaf| leaf.identity != child.identity) {
                return Ok(false);
            }
            // below a node that nobody has seen nothing was ever seen
            let Some(known) = self.nodes.get(&parent.identity) else { return Ok(false) };
            if known.children.is_zero() {
                return Ok(false);
            }
            let asked = answer(&child.evidence, &child.holder);
            let of_parent = self.nodes.values().filter(|node| node.parent == Some(parent.identity));
            let mut at_hand = of_parent.filter(|node| node.holder == child.holder);
            if at_hand.any(|node| answer(&node.evidence, &node.holder) == asked) {
                return Ok(true);
            }
            let statement = match self.place {
                Place::Register => schema::SIBLINGS,
                Place::Archive => schema::ARCHIVE_SIBLINGS,
            };
            let key = self.key;
            let at = params![key.epoch, key.series, key.serial, parent.identity.0, child.holder.0];
            for row in tx.rows(statement, at)? {
                let node = node_from_row(&row)?;
                if answer(&node.evidence, &node.holder) == asked {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        Ok(false)
    }
}

/// `e` of the hop to a holder.
fn answer(evidence: &[u8], holder: &PublicKey) -> Option<Digest> {
    let hop: Hop = decode(evidence, MESSAGE_BYTES_MAX).ok()?;
    Some(hop.opening.answer_for(holder))
}
