//! The issuer and the authority of the tests: they sign real answers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use zeni_crypto::{Digest, seal::SealKeyPair};
use zeni_message::{
    NoRefusal, Signed, encode,
    route::{Ctx, Failure, Handle},
};
use zeni_note::{
    Closing, KeyEntry, KeyList, LoadTicket, Nonce, RevocationList, SeriesTerms,
    keylist::{KeyListRecord, SealedEntry, Way},
    messages::{
        authority::GetRevocations,
        bank::SealedReply,
        issuer::{
            Decision, GetDecisions, GetKeyLists, GetTransfers, IssueSealed, IssueSealedRefusal, Outcome, ReportCounts,
            ReportCountsRefusal, Return, ReturnAnswer, ReturnRefusal, SealedAnswer, SealedIssue, SealedRefusal,
            SubmitKeys, SubmitKeysRefusal, Transfer, VoidRefusal, VoidRequest,
        },
    },
    sealed::{Envelope, KeyMaker, Reply, SealedContent},
    testing::{DAY, START, World, amount, key, terms},
};

use super::{BANK, FACES, lock};

/// What the issuer of the tests remembers.
#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) lists: Vec<KeyList>,
    pub(crate) outcomes: BTreeMap<Digest, Outcome>,
    pub(crate) batches: BTreeMap<[u8; 16], (Vec<u8>, Signed<ReturnAnswer>)>,
    pub(crate) paid: u64,
    pub(crate) decisions: Vec<Decision>,
    pub(crate) voids: BTreeMap<Digest, Nonce>,
    pub(crate) redeemed: Vec<Digest>,
    pub(crate) counts: Option<Signed<zeni_note::messages::issuer::Counts>>,
    /// Signs answers with a key that is not the issuer's.
    pub(crate) forged: bool,
    /// Digests on the revocation list.
    pub(crate) revoked: Vec<Digest>,
    /// The revocation list is an old one.
    pub(crate) older: bool,
    /// Answers about other items than were sent.
    pub(crate) short: bool,
    /// What became of requests under seal.
    pub(crate) sealed: BTreeMap<Digest, SealedAnswer>,
    /// What was in those that were issued: the issuer's inspection data base.
    pub(crate) opened: BTreeMap<Digest, SealedContent>,
    /// The answer to every new request under seal, if it is not a note.
    pub(crate) refuse: Option<SealedRefusal>,
    /// The key that it makes where the content names none (HC-F6).
    pub(crate) makes_keys: Option<zeni_crypto::PublicKey>,
    /// The bank believes it about keys that it made.
    pub(crate) believed: bool,
    /// What may be outstanding under seal.
    pub(crate) ceiling: Option<u64>,
    /// Transfers ordered.
    pub(crate) transfers: Vec<Transfer>,
}

/// Series 2 of the tests: issued under seal.
pub(crate) const SEALED: u32 = 2;

/// Terms of the series under seal.
pub(crate) fn sealed_terms() -> SeriesTerms {
    SeriesTerms { series: SEALED, way: Way::Sealed, ..terms() }
}

/// The key pair to which requests are sealed.
pub(crate) fn sealing() -> SealKeyPair {
    SealKeyPair::from_seed([5; 32])
}

/// E_I and D_I of the tests.
pub(crate) fn envelope(world: &World) -> Envelope {
    Envelope::new(world.network(), &(*sealing().public().as_bytes()).into()).expect("a real key")
}

pub(crate) struct TestIssuer {
    pub(super) world: Arc<World>,
    pub(super) document: zeni_crypto::PublicKey,
    pub(super) desk: Mutex<Desk>,
}

impl Handle<SubmitKeys> for TestIssuer {
    async fn handle(&self, _: &Ctx, message: SubmitKeys) -> Result<u32, Failure<SubmitKeysRefusal>> {
        let mut desk = lock(&self.desk);
        let epoch = message.entries[0].epoch;
        if desk.lists.iter().any(|list| list.record.epoch == epoch) {
            return Err(SubmitKeysRefusal::Published { epoch }.into());
        }
        desk.publish(&self.world, message.entries, self.document);
        Ok(epoch)
    }
}

impl Desk {
    fn publish(&mut self, world: &World, entries: Vec<KeyEntry>, key: zeni_crypto::PublicKey) {
        let last = self.lists.last().map(|list| &list.record);
        let from = last.map_or(START, |last| last.until);
        let record = KeyListRecord {
            epoch: entries[0].epoch,
            previous: last.map(|last| last.identity(world.network())),
            from,
            until: from.plus(30 * DAY),
            entries,
            series: vec![terms(), sealed_terms()],
            sealing: Some((*sealing().public().as_bytes()).into()),
            sealed: vec![SealedEntry { bank: BANK.into(), series: SEALED, faces: FACES.map(amount).to_vec(), key }],
        };
        self.lists.push(world.sign_key_list(record));
    }
}

impl Handle<ReportCounts> for TestIssuer {
    async fn handle(&self, _: &Ctx, message: ReportCounts) -> Result<u64, Failure<ReportCountsRefusal>> {
        let mut desk = lock(&self.desk);
        let new = &message.counts;
        new.verify(self.world.network(), &self.document).map_err(|_| ReportCountsRefusal::BadSignature)?;
        if let Some(old) = &desk.counts {
            let (old, new) = (&old.record, &new.record);
            let falls = old.signed.iter().any(|(key, count)| new.signed.iter().any(|(k, c)| k == key && c < count));
            if new.number < old.number || (new.number == old.number && new != old) || falls {
                return Err(ReportCountsRefusal::Older { last: old.number }.into());
            }
        }
        let number = new.record.number;
        desk.counts = Some(message.counts);
        Ok(number)
    }
}

impl Handle<Return> for TestIssuer {
    async fn handle(&self, _: &Ctx, message: Return) -> Result<Signed<ReturnAnswer>, Failure<ReturnRefusal>> {
        let mut desk = lock(&self.desk);
        let bytes = encode(&message);
        if let Some((before, answer)) = desk.batches.get(&*message.batch) {
            return if *before == bytes { Ok(answer.clone()) } else { Err(ReturnRefusal::OtherBatch.into()) };
        }
        let mut outcomes = Vec::new();
        for item in &message.items {
            let leaf = self.world.leaf(&item.chain);
            let value = match &item.closing {
                Closing::Single { amount, .. } => *amount,
                Closing::Taking { hand_in, index } => {
                    let hand_in = &message.hand_ins[usize::try_from(*hand_in).expect("small")];
                    let holder = item.chain.hops.last().map_or(item.chain.note.record.holder, |hop| hop.payee.key());
                    assert!(hand_in.verify(self.world.network(), &holder).is_ok());
                    assert!(*index < hand_in.record.count);
                    item.chain.hops.last().map_or(item.chain.note.record.face, |hop| hop.amount)
                }
            };
            let outcome = desk.outcomes.get(&leaf).copied().unwrap_or(Outcome::Paid);
            desk.paid += match outcome {
                Outcome::Paid => value.minor(),
                Outcome::Partly { paid } => paid.minor(),
                _ => 0,
            };
            outcomes.push(outcome);
        }
        if desk.short {
            outcomes.pop();
        }
        let record = ReturnAnswer { batch: message.batch, bank: BANK.into(), outcomes };
        let signer = if desk.forged { key("forger") } else { key("bank issuer") };
        let answer = Signed::sign(self.world.network(), record, &signer);
        if !desk.forged && !desk.short {
            desk.batches.insert(*message.batch, (bytes, answer.clone()));
        }
        Ok(answer)
    }
}

impl TestIssuer {
    /// The bank's document key, as everybody knows it.
    pub(crate) fn document(&self) -> zeni_crypto::PublicKey {
        self.document
    }

    /// HC-F2.9…F2.16 as the real issuer does it, without its books.
    fn issue(&self, desk: &mut Desk, item: &SealedIssue) -> Result<SealedReply, SealedRefusal> {
        let id = Envelope::digest(&item.request);
        let ordered = item.order.verify(self.world.network(), &self.document).map_err(|_| SealedRefusal::BadOrder)?;
        if ordered.record().bank != BANK || ordered.record().of.request != id {
            return Err(SealedRefusal::BadOrder);
        }
        if let Some(refusal) = &desk.refuse {
            return Err(refusal.clone());
        }
        let content = envelope(&self.world).open(&sealing(), &item.request).map_err(|_| SealedRefusal::Sealed)?;
        if content.ordered(id) != ordered.record().of {
            return Err(SealedRefusal::OtherAmount);
        }
        let issued: u64 = desk.opened.values().map(|content| content.face.minor()).sum();
        if desk.ceiling.is_some_and(|ceiling| issued + content.face.minor() > ceiling) {
            return Err(SealedRefusal::Ceiling);
        }
        let holder = match content.holder {
            KeyMaker::User(holder) => holder,
            KeyMaker::Issuer => desk.makes_keys.ok_or(SealedRefusal::KeyMaker)?,
        };
        let note = Signed::sign(self.world.network(), content.note(Way::Sealed, &holder), &self.world.issuer);
        let ticket = LoadTicket { note: note.identity(self.world.network()), nonce: content.slot };
        let ticket = Signed::sign(self.world.network(), ticket, &self.world.issuer);
        let reply = Reply { note: note.signature, ticket: ticket.signature, key: None }.encipher(&content.k, &id);
        desk.opened.insert(id, content);
        Ok(reply.into())
    }
}

impl Handle<IssueSealed> for TestIssuer {
    async fn handle(&self, _: &Ctx, message: IssueSealed) -> Result<Vec<SealedAnswer>, Failure<IssueSealedRefusal>> {
        let mut desk = lock(&self.desk);
        let mut answers = Vec::new();
        for item in &message.items {
            let id = Envelope::digest(&item.request);
            let answer = match desk.sealed.get(&id) {
                Some(before) => before.clone(),
                None => self.issue(&mut desk, item).map_or_else(SealedAnswer::Refused, SealedAnswer::Issued),
            };
            desk.sealed.insert(id, answer.clone());
            answers.push(answer);
        }
        if desk.short {
            answers.pop();
        }
        Ok(answers)
    }
}

impl Handle<GetTransfers> for TestIssuer {
    async fn handle(&self, _: &Ctx, message: GetTransfers) -> Result<Vec<Transfer>, Failure<NoRefusal>> {
        Ok(lock(&self.desk).transfers.iter().filter(|one| one.number > message.after).cloned().collect())
    }
}

impl Handle<GetDecisions> for TestIssuer {
    async fn handle(&self, _: &Ctx, message: GetDecisions) -> Result<Vec<Decision>, Failure<NoRefusal>> {
        Ok(lock(&self.desk).decisions.iter().filter(|one| one.number > message.after).cloned().collect())
    }
}

impl Handle<VoidRequest> for TestIssuer {
    async fn handle(&self, ctx: &Ctx, message: VoidRequest) -> Result<bool, Failure<VoidRefusal>> {
        let mut desk = lock(&self.desk);
        let id = message.request.content_id();
        if ctx.now <= terms().redeem_until {
            return Err(VoidRefusal::TooEarly.into());
        }
        if desk.redeemed.contains(&id) {
            return Err(VoidRefusal::Redeemed.into());
        }
        let claim = message.claim.record.id;
        if *desk.voids.entry(id).or_insert(claim) != claim {
            return Err(VoidRefusal::OtherClaim.into());
        }
        Ok(true)
    }
}

impl Handle<GetKeyLists> for TestIssuer {
    async fn handle(&self, _: &Ctx, message: GetKeyLists) -> Result<Vec<KeyList>, Failure<NoRefusal>> {
        let desk = lock(&self.desk);
        Ok(desk.lists.iter().filter(|list| list.record.epoch >= message.from_epoch).cloned().collect())
    }
}

impl Handle<GetRevocations> for TestIssuer {
    async fn handle(&self, ctx: &Ctx, _: GetRevocations) -> Result<Signed<RevocationList>, Failure<NoRefusal>> {
        let desk = lock(&self.desk);
        let number = if desk.older { 1 } else { 1 + ctx.now.0 };
        let list = RevocationList { number, revoked: desk.revoked.clone(), ..self.world.revocations(ctx.now) };
        let signer = if desk.forged { key("forger") } else { key("bank authority") };
        Ok(Signed::sign(self.world.network(), list, &signer))
    }
}
