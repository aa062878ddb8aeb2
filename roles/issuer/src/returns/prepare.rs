//! Before the transaction: each chain is followed once, every digest computed, all signatures verified together.

use zeni_crypto::{Digest, Signature, sha256, tagged};
use zeni_message::{Network, Signed, Time, encode, limits::BATCH_ITEMS_MAX, route::Failure, sig_structure};
use zeni_money::Amount;
use zeni_note::{
    Chain, Closing, ClosingPurpose, HandIn, SeriesTerms,
    closing::taking_identity,
    merkle,
    messages::issuer::{Return, ReturnItem, ReturnRefusal},
};
use zeni_store::{Tx, TxError, params};

use super::{
    checks::{Checks, Owner},
    tree::{NoteKey, PathNode},
};
use crate::{Done, Issuer, digest, failure_of_read, schema};

/// A batch of returns of which everything is known but the state of the notes.
pub(crate) struct PreparedBatch {
    pub(crate) bank: String,
    pub(crate) id: [u8; 16],
    /// Digest of leaves and closings, not of signatures or envelopes.
    pub(crate) content: Digest,
    pub(crate) now: Time,
    pub(crate) items: Vec<PreparedItem>,
    pub(crate) hand_ins: Vec<PreparedHandIn>,
}

/// A hand-in that covers its leaves and is truly signed, as it is kept for proofs.
pub(crate) struct PreparedHandIn {
    pub(crate) identity: Digest,
    pub(crate) signed: Vec<u8>,
    pub(crate) leaves: Vec<Digest>,
}

/// One item.
pub(crate) enum PreparedItem {
    /// The chain could not be followed to a leaf.
    Shapeless,
    /// A chain with a leaf.
    Followed(Box<Followed>),
}

/// A chain with its closing.
pub(crate) struct Followed {
    pub(crate) key: NoteKey,
    /// The note first, the leaf last.
    pub(crate) path: Vec<PathNode>,
    pub(crate) closing: Digest,
    pub(crate) kind: Kind,
    pub(crate) amount: Amount,
    /// [`ClosingEvidence`], encoded.
    pub(crate) signed: Vec<u8>,
    /// Well formed and every signature true.
    pub(crate) sound: bool,
    /// Whether the note's identity was in register or archive when the batch was prepared.
    pub(crate) registered: bool,
    /// Whether the note was issued under seal: it has an origin.
    pub(crate) sealed: bool,
    /// Whether the holder of the leaf shows a licence.
    pub(crate) licensed: bool,
    /// Terms, if the key list of the note's epoch has any.
    pub(crate) terms: Option<SeriesTerms>,
}

/// What a closing is for, as far as the issuer treats it differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Deposit,
    /// Of an exact rest.
    Refund,
    /// Of what is left of at most a rest that a backup knew; no child of its node.
    BackupRefund,
    Renewal,
}

/// What a holder signed to close a node, as it is kept for proofs.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) enum ClosingEvidence {
    /// By its own signature over the closing record with this purpose.
    #[n(0)]
    Single {
        #[n(0)]
        purpose: Digest,
        #[n(1)]
        signature: Signature,
    },
    /// Under a hand-in.
    #[n(1)]
    Taking {
        #[n(0)]
        hand_in: Digest,
        #[n(1)]
        index: u32,
    },
    /// By its own signature over a backup's refund: never shown in a proof.
    #[n(2)]
    Backup {
        #[n(0)]
        purpose: Digest,
        #[n(1)]
        signature: Signature,
    },
}

impl ClosingEvidence {
    /// What a single signature for `purpose` is kept as.
    fn single(network: Network, purpose: &ClosingPurpose, signature: Signature) -> ClosingEvidence {
        let digest = purpose.digest(network);
        match purpose {
            ClosingPurpose::BackupRefund(_) => ClosingEvidence::Backup { purpose: digest, signature },
            _ => ClosingEvidence::Single { purpose: digest, signature },
        }
    }
}

impl Followed {
    pub(crate) fn leaf(&self) -> &PathNode {
        self.path.last().expect("a walk begins with the note's node")
    }
}

impl Issuer {
    pub(crate) async fn prepare_return(
        &self,
        now: Time,
        bank: String,
        message: Return,
    ) -> Result<PreparedBatch, Failure<ReturnRefusal>> {
        let (found, max) = (message.items.len(), BATCH_ITEMS_MAX);
        if found == 0 || found > max || message.hand_ins.len() > max {
            let found = u32::try_from(found.max(message.hand_ins.len())).unwrap_or(u32::MAX);
            let max = u32::try_from(max).unwrap_or(u32::MAX);
            return Err(ReturnRefusal::BatchSize { found, max }.into());
        }
        let known = self.registered(&message.items).await?;
        let epochs = message.items.iter().map(|item| item.chain.note.record.epoch);
        let lists = self.lists_of(epochs).await.map_err(failure_of_read)?;
        let hand_ins: Vec<Digest> = message.hand_ins.iter().map(|hand_in| hand_in.identity(self.network())).collect();
        let mut checks = Checks::new(found);
        let mut items = Vec::with_capacity(found);
        for (index, item) in message.items.iter().enumerate() {
            let note = &item.chain.note.record;
            let terms = lists.terms(note.series, note.epoch).cloned();
            let prepared =
                self.follow(&bank, index, item, known[index], terms, &message.hand_ins, &hand_ins, &mut checks);
            items.push(prepared);
        }
        let mut kept = self.cover(&bank, &message, &hand_ins, &mut items, &mut checks)?;
        let failed = self.verify(&checks);
        // identity leaves the signature out: a false one that was kept would shut out the true one and spoil its proofs
        let mut number = 0..;
        kept.retain(|_| number.next().is_some_and(|number| !failed.hand_ins.contains(&number)));
        for (index, item) in items.iter_mut().enumerate() {
            let PreparedItem::Followed(item) = item else { continue };
            let under = match &message.items[index].closing {
                Closing::Taking { hand_in, .. } => usize::try_from(*hand_in).ok(),
                Closing::Single { .. } => None,
            };
            if failed.items.contains(&index) || under.is_some_and(|under| failed.hand_ins.contains(&under)) {
                item.sound = false;
            }
        }
        let content = content_of(&message, &items);
        Ok(PreparedBatch { bank, id: *message.batch, content, now, items, hand_ins: kept })
    }

    /// For each item, which identity the register or the archive has under its note's number.
    async fn registered(&self, items: &[ReturnItem]) -> Result<Vec<Option<Digest>>, Failure<ReturnRefusal>> {
        let keys: Vec<NoteKey> = items.iter().map(|item| note_key(&item.chain)).collect();
        let read = move |tx: &mut Tx<'_>| -> Done<Vec<Option<Digest>>> {
            Ok(keys.iter().map(|key| registered_identity(tx, *key)).collect::<Result<_, TxError>>()?)
        };
        self.store.read(read).await.map_err(failure_of_read)
    }

    #[expect(clippy::too_many_arguments, reason = "one item with all that the batch knows")]
    fn follow(
        &self,
        bank: &str,
        index: usize,
        item: &ReturnItem,
        known: Option<Digest>,
        terms: Option<SeriesTerms>,
        hand_ins: &[Signed<HandIn>],
        identities: &[Digest],
        checks: &mut Checks,
    ) -> PreparedItem {
        let Some(mut followed) = self.follow_chain(index, &item.chain, known, terms, checks) else {
            return PreparedItem::Shapeless;
        };
        let leaf = followed.leaf().clone();
        match &item.closing {
            Closing::Single { amount, purpose, signature } => {
                let whole = purpose.is_refund() || *amount == leaf.value;
                let ours = purpose.account().is_some_and(|to| to.bank == bank);
                if !whole || !ours || amount.is_zero() || *amount > leaf.value {
                    followed.sound = false;
                }
                self.add_closing(index, &mut followed, *amount, purpose, *signature, checks);
            }
            Closing::Taking { hand_in, index } => {
                followed.amount = leaf.value;
                let at = usize::try_from(*hand_in).ok().filter(|at| *at < hand_ins.len());
                let Some(at) = at else { return PreparedItem::Shapeless };
                followed.closing = taking_identity(&identities[at], &leaf.identity);
                followed.signed = encode(&ClosingEvidence::Taking { hand_in: identities[at], index: *index });
            }
        }
        PreparedItem::Followed(Box::new(followed))
    }

    /// Follows a chain and adds its signatures to the batch. A note whose identity is registered is genuine.
    fn follow_chain(
        &self,
        index: usize,
        chain: &Chain,
        known: Option<Digest>,
        terms: Option<SeriesTerms>,
        checks: &mut Checks,
    ) -> Option<Followed> {
        let walk = chain.walk(&self.roots).ok()?;
        let registered = known == Some(walk.nodes[0].identity);
        let currency = terms.as_ref().is_none_or(|terms| terms.currency == chain.note.record.currency);
        let sound = currency && walk.ended.is_none();
        for (place, check) in walk.checks.into_iter().enumerate() {
            if place > 0 {
                let (owner, keys) = (Owner::Item(index), &self.signing_keys);
                checks.add_holder(keys, owner, check.key, check.signature, check.message);
            } else if !registered {
                checks.add(Owner::Item(index), check.key, check.signature, &check.message);
            }
        }
        for licence in chain.rights().filter_map(zeni_note::Right::licence) {
            self.add_licence(index, licence, checks);
        }
        let root = std::iter::once_with(|| encode(&(&chain.note, &chain.holder)));
        let evidence = root.chain(chain.hops.iter().map(encode));
        let path = walk.nodes.iter().zip(evidence).map(|(node, evidence)| PathNode {
            identity: node.identity,
            value: node.value,
            holder: node.holder,
            evidence,
        });
        Some(Followed {
            key: note_key(chain),
            path: path.collect(),
            closing: Digest([0; 32]),
            kind: Kind::Deposit,
            amount: Amount::ZERO,
            signed: Vec::new(),
            sound,
            registered,
            sealed: chain.note.record.way.is_sealed(),
            licensed: chain.right().licence().is_some(),
            terms,
        })
    }

    fn add_closing(
        &self,
        index: usize,
        followed: &mut Followed,
        amount: Amount,
        purpose: &ClosingPurpose,
        signature: Signature,
        checks: &mut Checks,
    ) {
        let (leaf, holder) = (followed.leaf().identity, followed.leaf().holder);
        let message = purpose.message(self.network(), leaf, amount);
        followed.closing = sha256(&[&message]);
        followed.kind = purpose_kind(purpose);
        followed.amount = amount;
        followed.signed = encode(&ClosingEvidence::single(self.network(), purpose, signature));
        checks.add_holder(&self.signing_keys, Owner::Item(index), holder, signature, message);
    }

    /// Checks that each hand-in covers exactly the leaves that name it, in order, and adds its signature.
    fn cover(
        &self,
        bank: &str,
        message: &Return,
        identities: &[Digest],
        items: &mut [PreparedItem],
        checks: &mut Checks,
    ) -> Result<Vec<PreparedHandIn>, ReturnRefusal> {
        let mut places: Vec<Vec<Option<usize>>> =
            message.hand_ins.iter().map(|hand_in| vec![None; covered_max(hand_in.record.count)]).collect();
        for (at, item) in message.items.iter().enumerate() {
            let Closing::Taking { hand_in, index } = &item.closing else { continue };
            let refusal = ReturnRefusal::HandIn { hand_in: *hand_in };
            let place = usize::try_from(*hand_in)
                .ok()
                .and_then(|hand_in| places.get_mut(hand_in))
                .zip(usize::try_from(*index).ok())
                .and_then(|(places, index)| places.get_mut(index));
            match place {
                Some(place @ None) => *place = Some(at),
                _ => return Err(refusal),
            }
        }
        let mut kept = Vec::with_capacity(places.len());
        for ((hand_in, places), number) in message.hand_ins.iter().zip(places).zip(0u32..) {
            let refusal = ReturnRefusal::HandIn { hand_in: number };
            let places: Option<Vec<usize>> = places.into_iter().collect();
            let places = places.filter(|places| places.len() as u64 == u64::from(hand_in.record.count));
            let places = places.ok_or_else(|| refusal.clone())?;
            let leaves: Option<Vec<Digest>> = places.iter().map(|at| leaf_of(&items[*at])).collect();
            let leaves = leaves.ok_or_else(|| refusal.clone())?;
            let own = hand_in.record.to.bank == bank;
            let Some(first) = places.first().filter(|_| own && merkle::root(&leaves) == hand_in.record.root) else {
                return Err(refusal);
            };
            let PreparedItem::Followed(first) = &items[*first] else { return Err(refusal) };
            let signer = first.leaf().holder;
            for at in &places {
                if let PreparedItem::Followed(item) = &mut items[*at]
                    && item.leaf().holder != signer
                {
                    item.sound = false;
                }
            }
            let at = kept.len();
            let signed = sig_structure(self.network(), &hand_in.record);
            checks.add_holder(&self.signing_keys, Owner::HandIn(at), signer, hand_in.signature, signed);
            kept.push(PreparedHandIn { identity: identities[at], signed: encode(hand_in), leaves });
        }
        Ok(kept)
    }

    /// Follows and verifies one chain; its closing's signature is left to the caller.
    pub(crate) async fn prepare_single(
        &self,
        chain: &Chain,
        amount: Amount,
        purpose: &ClosingPurpose,
        signature: Signature,
    ) -> Result<Option<Followed>, zeni_store::WriteError<crate::Never>> {
        let key = note_key(chain);
        let known = self.store.read(move |tx| -> Done<_> { Ok(registered_identity(tx, key)?) }).await?;
        let lists = self.lists_of(std::iter::once(key.epoch)).await?;
        let terms = lists.terms(key.series, key.epoch).cloned();
        let mut checks = Checks::new(1);
        let Some(mut followed) = self.follow_chain(0, chain, known, terms, &mut checks) else {
            return Ok(None);
        };
        followed.sound &= self.verify(&checks).items.is_empty();
        self.add_closing(0, &mut followed, amount, purpose, signature, &mut checks);
        Ok(Some(followed))
    }
}

fn registered_identity(tx: &mut Tx<'_>, key: NoteKey) -> Result<Option<Digest>, TxError> {
    let at = params![key.epoch, key.series, key.serial];
    let row = match tx.row(schema::NOTE_IDENTITY, at)? {
        Some(row) => Some(row),
        None => tx.row(schema::ARCHIVE_NOTE_IDENTITY, at)?,
    };
    row.map(|row| digest(&row, 0)).transpose()
}

pub(crate) fn note_key(chain: &Chain) -> NoteKey {
    let note = &chain.note.record;
    NoteKey { epoch: note.epoch, series: note.series, serial: *note.serial }
}

fn purpose_kind(purpose: &ClosingPurpose) -> Kind {
    match purpose {
        ClosingPurpose::Deposit(_) => Kind::Deposit,
        ClosingPurpose::Refund(_) => Kind::Refund,
        ClosingPurpose::BackupRefund(_) => Kind::BackupRefund,
        ClosingPurpose::Renewal { .. } => Kind::Renewal,
    }
}

fn leaf_of(item: &PreparedItem) -> Option<Digest> {
    match item {
        PreparedItem::Shapeless => None,
        PreparedItem::Followed(item) => Some(item.leaf().identity),
    }
}

/// A hand-in cannot cover more leaves than a batch has items.
fn covered_max(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX).min(BATCH_ITEMS_MAX + 1)
}

fn content_of(message: &Return, items: &[PreparedItem]) -> Digest {
    let mut parts = Vec::with_capacity(items.len());
    for (item, sent) in items.iter().zip(&message.items) {
        parts.push(match item {
            PreparedItem::Shapeless => sha256(&[&encode(sent)]),
            PreparedItem::Followed(item) => tagged("zeni/returned", &[&item.leaf().identity.0, &item.closing.0]),
        });
    }
    let parts: Vec<&[u8]> = parts.iter().map(|part| &part.0[..]).collect();
    tagged("zeni/return-content", &parts)
}
