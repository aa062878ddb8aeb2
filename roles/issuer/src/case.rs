//! Cases: a node out of balance, the proof against its holder, the name behind it (RN-F8, DESIGN §5 "Trace").
//!
//! ```text
//! open ──► proven ──► disclosed (licensed key: the authority told the name)
//!            ├──────► identified (key under seal: its bank has the name in its own case file, HC-F5)
//!            ├──────► unknown (the bank has no order for it, though it signed one: an alarm, HC-X40)
//!            └──────► refused (who was asked does not know the key, or finds no proof: an alarm, RN-X38, RN-X39)
//! ```
//! - `open`: the proof is built from stored rows and stored, for a key under seal with what was sealed;
//! - `proven`: sent to whoever can name the key, the same bytes each time; one that does not answer is asked again (HC-X47),
//!   `case/ask.rs`;
//! - `identified`, `unknown`, under seal `refused` as well, and `proven` for longer than [`BANK_WORD_S`]: the proof goes to the
//!   authority too, which verifies it by itself and lists the key as revoked (`case/list.rs`): no bank keeps a key off the list;
//! - `disclosed`, and `refused` for a licensed key: nothing more to do.
//!
//! The key's right says which door opens: one tree, one proof, one path up to there.

mod ask;
mod list;

use zeni_crypto::{Digest, PublicKey, Signature};
use zeni_message::{Signed, Time, decode, encode, limits::MESSAGE_BYTES_MAX, sig_structure};
use zeni_money::Amount;
use zeni_note::{
    HandIn, Hop, Note, OverspendingProof, Right,
    chain::Endorsement,
    closing::ClosingRecord,
    merkle,
    proof::{Child, Equation, Held},
};
use zeni_store::{Caller, Row, Tx, TxError, params};

use crate::{
    Done, Issuer, digest,
    returns::{
        origin,
        prepare::ClosingEvidence,
        tree::{Node, NoteKey, Tree},
    },
    schema,
    tick::{TickError, about, last_of_full},
    time_value,
};

/// Cases of one state that one round works on.
pub(crate) const CASES_OF_ROUND: u32 = 64;

/// How long payees wait for a bank's word on a case before its key is listed all the same, in seconds: a day.
pub(crate) const BANK_WORD_S: u64 = 86_400;

/// A case in some state.
struct Case {
    node: Digest,
    key: NoteKey,
    proof: Option<Vec<u8>>,
}

impl Case {
    /// The stored proof.
    fn proof(&self) -> Result<OverspendingProof, TickError> {
        let proof = self.proof.as_ref().and_then(|bytes| decode(bytes, MESSAGE_BYTES_MAX).ok());
        proof.ok_or(TickError::Stored { table: "misuse" })
    }
}

/// A node with all that its holder signed away, as stored.
struct Evidence {
    node: Node,
    parent: Option<Digest>,
    children: Vec<Node>,
    hand_in: Option<(Vec<u8>, Vec<u8>)>,
}

impl Issuer {
    /// Builds proofs for open cases.
    pub(crate) async fn prove_cases(&self) -> Result<u32, TickError> {
        let mut done = 0;
        for case in self.cases_in("open").await? {
            let node = case.node;
            done += u32::from(self.alone(node, self.prove(case).await).await?.unwrap_or(false));
        }
        Ok(done)
    }

    /// Asks who can name the keys of proven cases, and has keys under seal listed. Waits for answers of others.
    pub(crate) async fn ask_cases(&self) -> Result<u32, TickError> {
        let asked = self.ask(self.cases_in("proven").await?).await?;
        Ok(asked + self.list_sealed_keys().await?)
    }

    /// The next cases of a state that can be read, from the beginning again after the last.
    async fn cases_in(&self, state: &'static str) -> Result<Vec<Case>, TickError> {
        let after = self.rounds.take(state);
        let read = move |tx: &mut Tx<'_>| -> Done<Vec<Row>> {
            Ok(tx.rows(schema::CASES_IN_STATE, params![state, after, CASES_OF_ROUND])?)
        };
        let rows = self.store.read(read).await?;
        self.rounds.put(state, last_of_full(&rows, CASES_OF_ROUND));
        let mut cases = Vec::with_capacity(rows.len());
        for row in &rows {
            cases.extend(self.alone(about(row), case(row)).await?);
        }
        Ok(cases)
    }

    async fn prove(&self, case: Case) -> Result<bool, TickError> {
        let (key, at) = (case.key, case.node);
        let read = move |tx: &mut Tx<'_>| -> Done<_> { Ok((gather(tx, key, &at)?, origin::read(tx, key)?)) };
        let (evidence, origin) = self.store.read(read).await?;
        let proof = evidence.and_then(|evidence| self.proof(&evidence));
        let proof = proof.filter(|proof| proof.verify(&self.roots).is_ok());
        let Some(proof) = proof else {
            tracing::error!("alarm: no proof can be made for an open case");
            return Ok(false);
        };
        let Some(bytes) = sendable(&proof) else {
            tracing::error!(children = proof.children.len(), "alarm: the proof of a case is too large to be sent");
            return Ok(false);
        };
        let node = case.node;
        let now = self.clock.now();
        // whatever becomes of the note, its bank can still be asked
        let trace = origin.filter(|_| proof.right.licence().is_none());
        let put = move |tx: &mut Tx<'_>| -> Done<u64> {
            if let Some(origin) = &trace {
                let row = params![node.0, &origin.bank, origin.content.to_vec(), time_value(now)];
                tx.execute(schema::INSERT_TRACE, row)?;
            }
            Ok(tx.execute(schema::PROVE_CASE, params![node.0, "proven", &bytes])?)
        };
        Ok(self.store.write(Caller::default(), put).await? == 1)
    }

    /// The smallest set of children that exceeds what the holder had, with his right and nothing more.
    fn proof(&self, evidence: &Evidence) -> Option<OverspendingProof> {
        let node = &evidence.node;
        let (held, right) = self.held(node, evidence.parent)?;
        let mut children = Vec::with_capacity(evidence.children.len() + 1);
        for child in &evidence.children {
            children.push((child.value, self.endorsement(node, child)?));
        }
        if let Some(closed) = node.closed.as_ref().filter(|closed| !closed.is_of_backup()) {
            children.push((closed.amount, self.closing(evidence)?));
        }
        // the largest first: no other set of as few exceeds by more
        children.sort_by_key(|(value, _)| std::cmp::Reverse(*value));
        let mut sum = Amount::ZERO;
        let mut smallest = Vec::new();
        for (value, child) in children {
            if sum > node.value {
                break;
            }
            sum = sum.checked_add(value)?;
            smallest.push(child);
        }
        Some(OverspendingProof { held, children: smallest, right })
    }

    /// What the holder of a node held, and his right.
    fn held(&self, node: &Node, parent: Option<Digest>) -> Option<(Held, Right)> {
        let Some(parent) = parent else {
            let (note, right): (Signed<Note>, Right) = decode(&node.evidence, MESSAGE_BYTES_MAX).ok()?;
            // a registered note is known by its content, whatever signature came with it: sign it as it was issued
            let note = Signed::sign(self.network(), note.record, &self.keys.signing);
            return Some((Held::Note(note), right));
        };
        let hop: Hop = decode(&node.evidence, MESSAGE_BYTES_MAX).ok()?;
        let answer = hop.opening.answer_for(&node.holder);
        let endorsement = Endorsement { parent, amount: hop.amount, answer };
        Some((Held::Endorsement { endorsement, opening: hop.opening }, hop.payee))
    }

    fn endorsement(&self, node: &Node, child: &Node) -> Option<Child> {
        let hop: Hop = decode(&child.evidence, MESSAGE_BYTES_MAX).ok()?;
        let answer = hop.opening.answer_for(&child.holder);
        let endorsement = Endorsement { parent: node.identity, amount: hop.amount, answer };
        let equation = self.equation(&node.holder, &sig_structure(self.network(), &endorsement), &hop.signature);
        Some(Child::Endorsement { endorsement, signature: hop.signature, equation })
    }

    fn closing(&self, evidence: &Evidence) -> Option<Child> {
        let node = &evidence.node;
        let closed = node.closed.as_ref()?;
        match decode(&closed.signed, MESSAGE_BYTES_MAX).ok()? {
            ClosingEvidence::Single { purpose, signature } => {
                let closing = ClosingRecord { parent: node.identity, amount: closed.amount, purpose };
                let equation = self.equation(&node.holder, &sig_structure(self.network(), &closing), &signature);
                Some(Child::Closing { closing, signature, equation })
            }
            ClosingEvidence::Taking { index, .. } => {
                let (signed, leaves) = evidence.hand_in.as_ref()?;
                let hand_in: Signed<HandIn> = decode(signed, MESSAGE_BYTES_MAX).ok()?;
                let leaves: Option<Vec<Digest>> = leaves.chunks(32).map(Digest::from_slice).collect();
                let path = merkle::path(&leaves?, usize::try_from(index).ok()?)?;
                let message = sig_structure(self.network(), &hand_in.record);
                let equation = self.equation(&node.holder, &message, &hand_in.signature);
                Some(Child::Taking { hand_in, index, path, equation })
            }
            ClosingEvidence::Backup { .. } => None,
        }
    }

    /// Strict unless only the batch's equation holds (DESIGN §4).
    fn equation(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> Equation {
        if key.verify(message, signature).is_ok() { Equation::Strict } else { Equation::Zip215 }
    }
}

/// The case of a row.
fn case(row: &Row) -> Result<Case, TickError> {
    let read = || -> Result<Case, TxError> {
        let narrow = |column| row.u64(column).map(|value| u32::try_from(value).unwrap_or(u32::MAX));
        let key = NoteKey { epoch: narrow(1)?, series: narrow(2)?, serial: row.array(3)? };
        Ok(Case { node: digest(row, 0)?, key, proof: row.opt_blob(4)?.map(<[u8]>::to_vec) })
    };
    read().map_err(|_| TickError::Stored { table: "misuse" })
}

/// The right of a node's holder; none for a note of which nothing has come back.
pub(crate) fn right_of(node: &Node) -> Option<Right> {
    if node.parent.is_some() {
        return decode::<Hop>(&node.evidence, MESSAGE_BYTES_MAX).ok().map(|hop| hop.payee);
    }
    decode::<(Signed<Note>, Right)>(&node.evidence, MESSAGE_BYTES_MAX).ok().map(|(_, right)| right)
}

/// Stores that something is wrong about a case, once.
pub(crate) fn alarm(tx: &mut Tx<'_>, kind: &'static str, node: &Digest, now: Time) -> Result<(), TxError> {
    let id = zeni_crypto::tagged("zeni/case-alarm", &[kind.as_bytes(), &node.0]);
    tx.execute(schema::INSERT_ALARM, params![id.0, time_value(now), kind, node.0]).map(drop)
}

fn gather(tx: &mut Tx<'_>, key: NoteKey, at: &Digest) -> Result<Option<Evidence>, TxError> {
    let Some(mut tree) = Tree::load(tx, key)? else { return Ok(None) };
    if !tree.load_leaf(tx, at)? {
        return Ok(None);
    }
    let children = tree.load_children(tx, at)?;
    let Some(node) = tree.node(at).cloned() else { return Ok(None) };
    let taking = node.closed.as_ref().and_then(|closed| decode(&closed.signed, MESSAGE_BYTES_MAX).ok());
    let hand_in = match taking {
        Some(ClosingEvidence::Taking { hand_in, .. }) => {
            let row = tx.row(schema::READ_HAND_IN, params![hand_in.0])?;
            row.map(|row| Ok::<_, TxError>((row.blob(0)?.to_vec(), row.blob(1)?.to_vec()))).transpose()?
        }
        _ => None,
    };
    Ok(Some(Evidence { parent: node.parent, node, children, hand_in }))
}

/// The proof in bytes, if a message to the authority carries it. A cheat who passed on a great many tiny amounts needs so
/// many of them that it does not; larger ones that come later make it shorter.
fn sendable(proof: &OverspendingProof) -> Option<Vec<u8>> {
    Some(encode(proof)).filter(|bytes| bytes.len() <= MESSAGE_BYTES_MAX - FRAME_BYTES)
}

/// What a message adds to its proof, at most: the other payee's key and the frame around both.
const FRAME_BYTES: usize = 64;

#[cfg(test)]
mod tests;
