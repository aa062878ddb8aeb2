//! Wallets, banks and cases of the world under seal.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use zeni_crypto::{Digest, SecretKey, sha256};
use zeni_message::{
    Bank, Role, Signed,
    peer::{Peer, SendError},
    route::{Caller, Ctx, Failure, Handle, MemoryTransport, Routes},
};
use zeni_note::{
    Chain, KeyList, Right,
    keylist::{Roots, Way},
    messages::{
        bank::{Identification, IdentifyOverspender, IdentifyRefusal},
        issuer::{IssueSealed, IssueSealedRefusal, Issued, SealedAnswer, SealedIssue},
    },
    sealed::{Envelope, Evidence, IssuanceOrder, IssuerMadeKeys, KeyMaker, Reply, SealedContent},
    testing::{amount, jpy, key, nonce},
};

use super::{SEALED, Setup, StandingClock};

/// What a wallet and its bank keep of one request under seal.
#[derive(Clone, Debug)]
pub struct Purse {
    /// SS_U.
    pub user: Arc<SecretKey>,
    /// What is sealed.
    pub content: SealedContent,
    /// E_I with the bank's order.
    pub item: SealedIssue,
}

impl Purse {
    /// Digest of E_I.
    pub fn request(&self) -> Digest {
        Envelope::digest(&self.item.request)
    }
}

/// Stands in for a bank that the issuer asks about overspenders: it verifies the proof and looks up the requests that were
/// sent in its name, under the names it was given.
pub struct BankDesk {
    /// Short name.
    pub name: String,
    roots: Roots,
    lists: Mutex<Vec<KeyList>>,
    orders: Mutex<Vec<(Digest, String)>>,
    /// Its case file: who was identified.
    pub identified: Mutex<Vec<String>>,
    /// Whether it does not answer.
    pub silent: AtomicBool,
    /// Whether it refuses every proof, true ones too.
    pub lies: AtomicBool,
    /// Digests of the contents with which it was asked, in the order of the questions.
    pub questions: Mutex<Vec<Digest>>,
    /// Whether it accepts keys that the issuer made, and says so in its orders.
    pub believes: AtomicBool,
    /// How often it was asked.
    pub asked: AtomicU64,
}

impl BankDesk {
    pub(super) fn new(name: &str, roots: Roots) -> Arc<BankDesk> {
        Arc::new(BankDesk {
            name: name.to_owned(),
            roots,
            lists: Mutex::default(),
            orders: Mutex::default(),
            identified: Mutex::default(),
            silent: AtomicBool::new(false),
            lies: AtomicBool::new(false),
            questions: Mutex::default(),
            believes: AtomicBool::new(false),
            asked: AtomicU64::new(0),
        })
    }

    pub(super) fn peer(self: &Arc<Self>, clock: Arc<StandingClock>) -> Peer<Bank> {
        let routes = Routes::new(Role::Bank).with::<IdentifyOverspender, _>(self);
        let caller = Caller { role: Role::Issuer, name: "issuer".to_owned() };
        Peer::new(Arc::new(MemoryTransport::new(Arc::new(routes), clock, Some(caller))))
    }

    /// Remembers that a customer ordered a request.
    pub fn ordered(&self, request: Digest, customer: &str) {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).push((request, customer.to_owned()));
    }

    /// Forgets all orders.
    pub fn forget(&self) {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Names in its case file.
    pub fn names(&self) -> Vec<String> {
        self.identified.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Handle<IdentifyOverspender> for BankDesk {
    async fn handle(&self, _: &Ctx, message: IdentifyOverspender) -> Result<Identification, Failure<IdentifyRefusal>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let subject = sha256(&[&message.content[..]]);
        self.questions.lock().unwrap_or_else(PoisonError::into_inner).push(subject);
        if self.silent.load(Ordering::Relaxed) {
            return Err(Failure::Busy);
        }
        if self.lies.load(Ordering::Relaxed) {
            return Err(IdentifyRefusal::NoProof.into());
        }
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let list = |epoch| lists.iter().map(|list| &list.record).find(|list| list.epoch == epoch);
        let issuer_made =
            if self.believes.load(Ordering::Relaxed) { IssuerMadeKeys::Accepted } else { IssuerMadeKeys::Refused };
        let Evidence { request, .. } =
            Evidence::check(&message.proof, &message.content, &self.roots, list, issuer_made)?;
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some((_, customer)) = orders.into_iter().find(|(ordered, _)| *ordered == request) else {
            return Ok(Identification::Unknown);
        };
        self.identified.lock().unwrap_or_else(PoisonError::into_inner).push(customer);
        Ok(Identification::Identified)
    }
}

impl Setup {
    /// E_I of an epoch, from the published list.
    ///
    /// # Panics
    /// When the epoch's list is not published.
    pub async fn envelope(&self, epoch: u32) -> Envelope {
        let lists = self.public(zeni_note::messages::issuer::GetKeyLists { from_epoch: 0 }).await.expect("lists");
        let list = lists.iter().find(|list| list.record.epoch == epoch);
        let sealing = list.and_then(|list| list.record.sealing).expect("a key to seal to");
        let envelope = Envelope::new(self.world.network(), &sealing).expect("an X-Wing key");
        for desk in &self.desks {
            desk.lists.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&lists);
        }
        envelope
    }

    /// What a wallet seals for a note of `face` in epoch 1, and its key.
    pub fn content(&self, seed: &str, face: u64) -> (Arc<SecretKey>, SealedContent) {
        let user = Arc::new(key(&format!("{seed} user")));
        let content = SealedContent {
            series: SEALED,
            epoch: 1,
            currency: jpy(),
            face: amount(face),
            k: sha256(&[b"K", seed.as_bytes()]).0,
            holder: KeyMaker::User(user.public()),
            tm: [0; 16].into(),
            slot: nonce(&format!("{seed} slot")),
        };
        (user, content)
    }

    /// A content sealed and ordered by a bank that is honest.
    pub async fn sealed(&self, bank: &str, user: Arc<SecretKey>, content: SealedContent) -> Purse {
        let request = self.envelope(content.epoch).await.seal(&content);
        let accepted = match self.desk(bank).believes.load(Ordering::Relaxed) {
            true => IssuerMadeKeys::Accepted,
            false => IssuerMadeKeys::Refused,
        };
        let order = IssuanceOrder::new(bank.to_owned(), content.ordered(Envelope::digest(&request)), accepted);
        let order = Signed::sign(self.world.network(), order, &self.bank(bank).document);
        Purse { user, content, item: SealedIssue { order, request } }
    }

    /// A customer's request for a note of `face` through a bank, which remembers whose it is.
    pub async fn purse(&self, bank: &str, customer: &str, seed: &str, face: u64) -> Purse {
        let (user, content) = self.content(seed, face);
        let purse = self.sealed(bank, user, content).await;
        self.desk(bank).ordered(purse.request(), customer);
        purse
    }

    /// Forwards requests as a bank.
    pub async fn forward(
        &self,
        bank: &str,
        purses: &[Purse],
    ) -> Result<Vec<SealedAnswer>, SendError<IssueSealedRefusal>> {
        let items = purses.iter().map(|purse| purse.item.clone()).collect();
        self.member(bank, IssueSealed { items }).await
    }

    /// Forwards one request.
    ///
    /// # Panics
    /// When the message is refused whole.
    pub async fn forward_one(&self, bank: &str, purse: &Purse) -> SealedAnswer {
        let mut answers = self.forward(bank, std::slice::from_ref(purse)).await.expect("one item is not too many");
        answers.remove(0)
    }

    /// What the wallet makes of an answer: its note, if the issuer's signatures on note and ticket are true.
    pub fn opened(&self, purse: &Purse, answer: &SealedAnswer) -> Option<(Arc<SecretKey>, Issued)> {
        let SealedAnswer::Issued(reply) = answer else { return None };
        let reply = Reply::decipher(&purse.content.k, &purse.request(), &reply[..])?;
        let user = reply.key.as_ref().map_or_else(|| purse.user.clone(), |seed| Arc::new(SecretKey::from_seed(**seed)));
        let (holder, issued) = purse.content.issued(self.world.network(), self.way(), &reply)?;
        let roots = &self.world.roots;
        let true_signatures = issued.note.verify(roots.network, &roots.issuer).is_ok()
            && issued.ticket.verify(roots.network, &roots.issuer).is_ok();
        (holder == user.public() && true_signatures).then_some((user, issued))
    }

    fn way(&self) -> Way {
        let series = &self.issuer.config().series;
        series.iter().find(|series| series.series == SEALED).map_or(Way::Sealed, |series| series.way)
    }

    /// A note issued under seal to a customer of a bank, with its key.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn sealed_note(&self, bank: &str, customer: &str, seed: &str, face: u64) -> (Arc<SecretKey>, Chain) {
        let purse = self.purse(bank, customer, seed, face).await;
        let answer = self.forward_one(bank, &purse).await;
        let (user, issued) = self.opened(&purse, &answer).expect("a note for an honest request");
        let holder = Right::Unlicensed(user.public());
        (user, Chain { note: issued.note, holder, hops: Vec::new() })
    }

    /// The desk of the bank of that name.
    ///
    /// # Panics
    /// When there is no such bank.
    pub fn desk(&self, bank: &str) -> &Arc<BankDesk> {
        self.desks.iter().find(|desk| desk.name == bank).expect("a bank of the configuration")
    }
}
