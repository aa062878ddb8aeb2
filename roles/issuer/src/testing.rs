//! A world around a real issuer, for tests and benches: banks that sign blindly, a registrar that stands in for the
//! authority, notes in the register, chains and closings (from [`zeni_note::testing`]).
//!
//! Nothing of the issuer is replaced. [`Setup::enter_notes`] alone is a short cut: it registers and books notes as redeeming
//! does, without an RSA signature for each.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use zeni_crypto::{Digest, PublicKey, SecretKey, SharedEntropy, Signature, sha256, tagged};
use zeni_message::{
    Message, Role, Signed, Time,
    peer::{Peer, SendError},
    route::{Caller, Clock, MemoryTransport},
};
use zeni_money::Amount;
use zeni_note::{
    Chain, IssuanceRequest, KeyEntry, Licence, Nonce, Note, Right,
    keylist::Way,
    messages::issuer::{
        BankTotals, Counts, Issued, Redeem, RedeemRefusal, ReportCounts, Return, ReturnAnswer, ReturnItem,
        ReturnRefusal, SubmitKeys,
    },
    request::Possession,
    testing::{DAY, SERIES, START, World, amount, jpy, key, nonce},
};
use zeni_store::{Options, Store, Tx, params};
use zeroize::Zeroizing;

use crate::{
    BankConfig, Config, Done, Issuer, Keys, Limits, Policy, SCHEMA, SealedConfig, SeriesConfig,
    books::{self, Account, Posting, PostingIds},
    redeem::{Draft, register},
    schema,
};

mod banks;
mod registrar;
mod sealed;

pub use banks::TestBank;
pub use registrar::Registrar;
pub use sealed::{BankDesk, Purse};

/// Face values of the test series.
pub const FACES: [u64; 3] = [100, 500, 1_000];
/// Names of the banks.
pub const BANKS: [&str; 2] = ["aoba", "midori"];

/// A clock that stands where it was put.
#[derive(Default)]
pub struct StandingClock(AtomicU64);

impl StandingClock {
    /// Puts the clock to a time.
    pub fn put(&self, time: Time) {
        self.0.store(time.0, Ordering::Relaxed);
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::Relaxed))
    }
}

/// The series of this world whose notes are issued under seal, in the same face values.
pub const SEALED: u32 = 2;

/// An issuer with banks, registrar and clock, its key lists of this epoch and the next published.
pub struct Setup {
    /// Keys, licences, chains and closings.
    pub world: World,
    /// The issuer.
    pub issuer: Arc<Issuer>,
    /// Its store.
    pub store: Store,
    /// Its authority.
    pub registrar: Arc<Registrar>,
    /// Its clock.
    pub clock: Arc<StandingClock>,
    /// The banks.
    pub banks: Vec<TestBank>,
    /// Where the issuer asks each bank about overspenders.
    pub desks: Vec<Arc<BankDesk>>,
}

/// The configuration of this world: epochs of 30 days, of which epoch 1 begins at [`START`].
pub fn config(world: &World, policy: Policy) -> Config {
    let days = |days: u64| days * DAY;
    let series = SeriesConfig {
        series: SERIES,
        currency: jpy(),
        way: Way::Registered,
        faces: FACES.map(amount).to_vec(),
        withdraw_s: days(30),
        redeem_s: days(40),
        claim_s: days(60),
        valid_s: days(180),
        deposit_s: days(210),
        refund_s: days(240),
        retain_s: days(400),
        payments_max: 16,
        list_fresh_s: 7 * 86_400,
        stale_limit: amount(1_000),
    };
    let sealed = SeriesConfig { series: SEALED, way: Way::Sealed, ..series.clone() };
    let bank = |name: &&str| BankConfig {
        name: (*name).to_owned(),
        key: key(&format!("{name} documents")).public(),
        ceilings: vec![(jpy(), amount(1_000_000_000_000))],
        sealed: vec![SEALED],
        makes_keys: false,
    };
    Config {
        network: world.network(),
        authority: world.roots.authority,
        epochs_from: START.minus(days(30)),
        epoch_s: days(30),
        series: vec![series, sealed],
        banks: BANKS.iter().map(bank).collect(),
        policy,
        sealed: SealedConfig::default(),
        limits: Limits { fold_every_s: 0, prune_every_s: 0, ask_again_s: 0, ..Limits::default() },
    }
}

impl Setup {
    /// A world over an in-memory store with inline jobs, deterministic but for RSA keys.
    pub async fn new(policy: Policy) -> Setup {
        let store = Store::open_memory_with(&SCHEMA, Options::inline()).expect("a store in memory opens");
        let world = World::new("issuer tests");
        let config = config(&world, policy);
        Setup::with(world, store, config).await
    }

    /// A world over any store and configuration; key lists are published.
    ///
    /// # Panics
    /// When anything refuses.
    pub async fn with(world: World, store: Store, config: Config) -> Setup {
        let clock = Arc::new(StandingClock::default());
        clock.put(START.plus(DAY));
        let seed = |name: &str| key(&format!("issuer tests {name}"));
        let registrar = Registrar::new(world.roots, seed("authority"), clock.clone());
        let authority = registrar.peer();
        let keys = Keys { signing: seed("issuer"), sealing: Zeroizing::new(sha256(&[b"issuer tests sealing"]).0) };
        let banks = BANKS.iter().enumerate().map(|(at, name)| TestBank::new(&config, at, name)).collect();
        let entropy = SharedEntropy::seeded([3; 32]);
        let desks: Vec<Arc<BankDesk>> =
            config.banks.iter().map(|bank| BankDesk::new(&bank.name, world.roots)).collect();
        let peers = desks.iter().map(|desk| (desk.name.clone(), desk.peer(clock.clone()))).collect();
        let issuer = Issuer::new(config, keys, store.clone(), entropy, clock.clone(), authority, peers)
            .expect("the configuration of the tests is sound");
        let setup = Setup { world, issuer, store, registrar, clock, banks, desks };
        for bank in &setup.banks {
            let entries = bank.signers.iter().map(|(entry, _)| entry.clone()).collect();
            setup.member(bank.name, SubmitKeys { entries }).await.expect("keys are taken");
        }
        while setup.issuer.tick().await.expect("a round is done").more {}
        setup
    }

    /// Sends a message to the issuer as anyone.
    pub async fn public<M>(&self, message: M) -> Result<M::Reply, SendError<M::Refusal>>
    where
        M: Message<To = zeni_message::Issuer>,
    {
        let routes = Arc::new(self.issuer.public_routes());
        Peer::new(Arc::new(MemoryTransport::new(routes, self.clock.clone(), None))).send(&message).await
    }

    /// Sends a message to the issuer as a bank.
    pub async fn member<M>(&self, bank: &str, message: M) -> Result<M::Reply, SendError<M::Refusal>>
    where
        M: Message<To = zeni_message::Issuer>,
    {
        let caller = Caller { role: Role::Bank, name: bank.to_owned() };
        let routes = Arc::new(self.issuer.member_routes());
        Peer::new(Arc::new(MemoryTransport::new(routes, self.clock.clone(), Some(caller)))).send(&message).await
    }

    /// The bank of that name.
    pub fn bank(&self, name: &str) -> &TestBank {
        self.banks.iter().find(|bank| bank.name == name).expect("one of BANKS")
    }

    /// A request as a wallet ends up with it: blinded, signed by the bank, unblinded. The bank has not reported it.
    pub fn request(&self, bank: &str, face: u64, holder: &SecretKey, seed: u64) -> IssuanceRequest {
        let signers = &self.bank(bank).signers;
        let of_face = |(entry, _): &&(KeyEntry, _)| entry.face == amount(face) && entry.epoch == 1;
        let (entry, signer) = signers.iter().find(of_face).expect("one of FACES");
        let message = zeni_note::request::blind_message(&entry.digest(), &holder.public());
        let mut entropy = zeni_crypto::SeededEntropy::from_number(seed);
        let blinding = signer.public().blind(&message, &mut entropy).expect("a good key");
        let answer = signer.sign_blinded(blinding.blinded()).expect("below the modulus");
        let signature = blinding.finalize(signer.public(), &answer).expect("the bank has signed");
        IssuanceRequest {
            key: holder.public(),
            entry: entry.digest(),
            randomizer: signature.randomizer.into(),
            signature: signature.signature.into(),
        }
    }

    /// Reports that the bank has signed `count` times under each key of this epoch; `number` counts up.
    pub async fn report(&self, bank: &str, number: u64, count: u64, totals: Option<BankTotals>) {
        let bank = self.bank(bank);
        let mut signed: Vec<(Digest, u64)> = bank
            .signers
            .iter()
            .filter(|(entry, _)| entry.epoch == 1)
            .map(|(entry, _)| (entry.digest(), count))
            .collect();
        signed.sort_unstable();
        let totals = totals.into_iter().collect();
        let counts = Counts { bank: bank.name.to_owned(), number, signed, totals, identifications: None };
        let counts = Signed::sign(self.world.network(), counts, &bank.document);
        self.member(bank.name, ReportCounts { counts }).await.expect("counts are taken");
    }

    /// The message that redeems a request with a fresh nonce.
    pub async fn redeem_message(&self, request: IssuanceRequest, holder: &SecretKey, slot: &str) -> Redeem {
        let server = self.public(zeni_note::messages::issuer::GetNonce {}).await.expect("a nonce is given");
        let possession = Possession { content: request.content_id(), nonce: server };
        let possession = Signed::sign(self.world.network(), possession, holder).signature;
        let licence = self.world.licence(holder.public());
        Redeem { request, licence, slot: nonce(slot), nonce: server, possession }
    }

    /// Redeems a request.
    pub async fn redeem(
        &self,
        request: IssuanceRequest,
        holder: &SecretKey,
        slot: &str,
    ) -> Result<Issued, SendError<RedeemRefusal>> {
        let message = self.redeem_message(request, holder, slot).await;
        self.public(message).await
    }

    /// Enters notes as if a bank's requests had been redeemed. Their face values are those of [`FACES`].
    ///
    /// # Panics
    /// When a serial is taken or the face value is another.
    pub async fn enter_notes(&self, bank: &str, notes: Vec<Signed<Note>>) {
        let signers = &self.bank(bank).signers;
        let of_face = |note: &Note| signers.iter().find(|(entry, _)| entry.face == note.face && entry.epoch == 1);
        let entry = |note: &Signed<Note>| of_face(&note.record).expect("one of FACES").0.digest();
        let network = self.world.network();
        let drafts: Vec<(Digest, Draft)> = notes
            .into_iter()
            .map(|note| {
                let identity = note.identity(network);
                let ticket = zeni_note::LoadTicket { note: identity, nonce: nonce("slot") };
                let ticket = Signed::sign(network, ticket, &self.world.issuer);
                (entry(&note), Draft { issued: Issued { note, ticket }, identity })
            })
            .collect();
        let bank = bank.to_owned();
        let seed = tagged("test postings", &[&self.issuer.entropy.bytes::<32>()]).0;
        let enter = move |tx: &mut Tx<'_>| -> Done<()> {
            let mut ids = PostingIds::new(seed);
            for (entry, draft) in &drafts {
                tx.execute(schema::ENTER_COUNTED, params![entry.0])?;
                let note = &draft.issued.note.record;
                assert!(register(tx, note, &draft.identity)?, "a serial is taken");
                let posting = Posting {
                    debit: Account::Issued(bank.clone()),
                    credit: Account::Outstanding(note.series),
                    currency: note.currency,
                    amount: note.face,
                    reference: "issue",
                };
                books::post(tx, &mut ids, &posting)?;
            }
            Ok(())
        };
        self.store.write(zeni_store::Caller::default(), enter).await.expect("the notes are entered");
    }

    /// A note of `face` to `holder` that is in the register.
    pub async fn note(&self, holder: &SecretKey, face: u64, serial: &str) -> Chain {
        let chain = self.world.note(holder, face, serial);
        self.enter_notes(BANKS[0], vec![chain.note.clone()]).await;
        chain
    }

    /// A licensed key of a person.
    pub fn person(&self, name: &str) -> SecretKey {
        let secret = key(name);
        self.registrar.enrol(secret.public(), name);
        secret
    }

    /// A deposit of a whole holding to an account at a bank.
    pub fn deposit(&self, chain: &Chain, holder: &SecretKey, bank: &str, id: &str) -> ReturnItem {
        let value = chain.hops.last().map_or(chain.note.record.face, |hop| hop.amount);
        let to = self.world.account(bank, "A-1", id);
        let purpose = zeni_note::ClosingPurpose::Deposit(to);
        let closing = self.world.close(chain, holder, value.minor(), purpose);
        ReturnItem { chain: chain.clone(), closing }
    }

    /// Returns items through a bank in one batch.
    pub async fn give_back(
        &self,
        bank: &str,
        batch: &str,
        items: Vec<ReturnItem>,
    ) -> Result<Signed<ReturnAnswer>, SendError<ReturnRefusal>> {
        self.member(bank, Return { batch: nonce(batch), hand_ins: Vec::new(), items }).await
    }

    /// Rounds until nothing is due.
    ///
    /// # Panics
    /// When a round fails.
    pub async fn settle_down(&self) {
        while self.issuer.tick().await.expect("a round is done").more {}
    }

    /// A licence that anyone could have signed.
    pub fn forged_licence(&self, holder: PublicKey) -> Signed<Licence> {
        Signed { signature: Signature([7; 64]), ..self.world.licence(holder) }
    }
}

/// Makes the authority's signature false.
///
/// # Panics
/// Without a licence.
pub fn spoil(right: &mut Right) {
    assert!(right.licence().is_some(), "there is no licence to spoil");
    if let Right::Licensed(licence) = right {
        licence.signature.0[1] ^= 1;
    }
}

/// 16 bytes of a word, for ids.
pub fn id(word: &str) -> Nonce {
    nonce(word)
}

/// Sum of amounts in minor units, for figures in tests.
pub fn total(amounts: impl IntoIterator<Item = Amount>) -> u64 {
    Amount::sum(amounts).expect("test amounts are small").minor()
}
