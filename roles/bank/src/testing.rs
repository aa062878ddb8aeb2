//! A bank with an issuer, an authority, customers and cut lines, for tests. The issuer signs real answers; which outcome a
//! leaf gets is the test's to say.

mod dump;
mod issuer;
mod sealed;

use std::{
    collections::VecDeque,
    future::Future,
    path::PathBuf,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use zeni_crypto::{
    Digest, SecretKey, SharedEntropy,
    blind::{Blinding, RsaPublicKey},
};
use zeni_identity::{Ca, TlsKey, Validity};
use zeni_message::{
    Authority, Bank as BankParty, Message, Role, Time,
    peer::{BoxFuture, Fault, Peer, SendError, Transport},
    route::{Caller, Clock, MemoryTransport, Routes},
};
use zeni_money::Amount;
use zeni_note::{
    Chain, Closing, ClosingPurpose, IssuanceRequest, KeyEntry,
    closing::ToAccount,
    messages::{
        authority::GetRevocations,
        bank::{
            BlindSignatures, BlindedItem, ClosedChain, Deposit, DepositChallenge, DepositState, GetStatement,
            HandInTakings, OpenDeposit, Statement, Withdraw, WithdrawRefusal,
        },
        issuer::{GetDecisions, GetKeyLists, GetTransfers, IssueSealed, ReportCounts, Return, SubmitKeys, VoidRequest},
    },
    sealed::IssuerMadeKeys,
    testing::{DAY, EPOCH, SERIES, START, World, amount, jpy, key, nonce},
};
use zeni_store::{Options, Store};
use zeroize::Zeroizing;

use issuer::{Desk, TestIssuer};
pub(crate) use issuer::{SEALED, sealed_terms};
pub(crate) use sealed::{Purse, account_key, signing_request, transfer};

use crate::{AuditReport, Bank, ChoreError, Config, Keys, NewAccount, Progress, SCHEMA, SeriesConfig, code_digest};

/// Runs a future that waits for nothing: stores are inline, peers are in memory.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a test future waited"),
    }
}

pub(crate) struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::SeqCst))
    }
}

/// What happens to the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    Not,
    /// The request is lost.
    Before,
    /// The reply is lost.
    After,
    /// The reply arrives and the bank dies before it can store anything.
    Crash,
    /// Nothing arrives while the line is held.
    Hold,
}

/// A line to the issuer that can be cut; keeps the bytes of all requests that were delivered.
pub(crate) struct Line {
    inner: MemoryTransport,
    cuts: Mutex<VecDeque<Cut>>,
    store: Mutex<Option<Store>>,
    sent: Mutex<Vec<(&'static str, Vec<u8>)>>,
    held: Mutex<bool>,
    /// The bank's setting, in force from its next start.
    pub(crate) counts_every_s: AtomicU64,
    /// The bank's setting, in force from its next start.
    pub(crate) cards: Mutex<Vec<crate::CardLimits>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The line as the bank holds it.
struct Handset(Arc<Line>);

impl Transport for Handset {
    fn call(&self, path: &'static str, body: Vec<u8>, max: usize) -> BoxFuture<'_, Result<(u16, Vec<u8>), Fault>> {
        Box::pin(async move {
            let broken = || Fault::Broken { place: "issuer".into(), cause: "cut".into() };
            let cut = lock(&self.0.cuts).pop_front().unwrap_or(Cut::Not);
            if cut == Cut::Before {
                return Err(broken());
            }
            lock(&self.0.sent).push((path, body.clone()));
            let held = |_: &mut Context<'_>| if *lock(&self.0.held) { Poll::Pending } else { Poll::Ready(()) };
            if cut == Cut::Hold {
                std::future::poll_fn(held).await;
            }
            let answer = self.0.inner.call(path, body, max).await;
            match cut {
                Cut::After => Err(broken()),
                Cut::Crash => {
                    let store = lock(&self.0.store).clone();
                    store.expect("a bank is up").stop();
                    answer
                }
                _ => answer,
            }
        })
    }

    fn fresh(&self) -> Arc<dyn Transport> {
        Arc::new(Handset(self.0.clone()))
    }
}

pub(crate) const BANK: &str = "aoba";
pub(crate) const NETWORK: &str = "test";
pub(crate) const FACES: [u64; 2] = [100, 1_000];
pub(crate) const OPENING: u64 = 10_000;

/// Everything around one bank.
pub(crate) struct Town {
    pub(crate) world: Arc<World>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) issuer: Arc<TestIssuer>,
    pub(crate) line: Arc<Line>,
    pub(crate) bank: Arc<Bank>,
    pub(crate) entropy: SharedEntropy,
    path: PathBuf,
    root: Ca,
    customers_pem: (String, Zeroizing<String>),
    _directory: tempfile::TempDir,
}

impl Town {
    /// A bank with customers, keys published, a day into the first epoch.
    pub(crate) fn new() -> Town {
        let mut town = Town::unkeyed();
        town.settle();
        town.enrol_all();
        town
    }

    /// The same before its first round.
    pub(crate) fn unkeyed() -> Town {
        let world = Arc::new(World::new("bank"));
        let clock = Arc::new(TestClock(AtomicU64::new(START.plus(DAY).0)));
        let issuer = Arc::new(TestIssuer {
            world: world.clone(),
            document: key("bank document").public(),
            desk: Mutex::default(),
        });
        let routes = Routes::new(Role::Issuer)
            .with::<SubmitKeys, _>(&issuer)
            .with::<ReportCounts, _>(&issuer)
            .with::<Return, _>(&issuer)
            .with::<GetDecisions, _>(&issuer)
            .with::<IssueSealed, _>(&issuer)
            .with::<GetTransfers, _>(&issuer)
            .with::<VoidRequest, _>(&issuer)
            .with::<GetKeyLists, _>(&issuer);
        let caller = Caller { role: Role::Bank, name: BANK.into() };
        let line = Arc::new(Line {
            inner: MemoryTransport::new(Arc::new(routes), clock.clone(), Some(caller)),
            cuts: Mutex::default(),
            store: Mutex::default(),
            sent: Mutex::default(),
            held: Mutex::default(),
            counts_every_s: AtomicU64::default(),
            cards: Mutex::default(),
        });
        let validity = Validity::days(clock.now(), 365);
        let root = Ca::generate(NETWORK, TlsKey::generate(), validity, [1; 16]).expect("a root");
        let customers_key = TlsKey::generate();
        let certificate =
            root.issue_customer_ca(BANK, &customers_key.public(), validity, [2; 16]).expect("a customer CA");
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("bank.db");
        let customers_pem = (certificate.pem(), customers_key.to_pem());
        let entropy = SharedEntropy::seeded([7; 32]);
        let bank = open(&world, &clock, &issuer, &line, (&path, Options::inline()), &customers_pem, &entropy);
        let town = Town { world, clock, issuer, line, bank, entropy, path, root, customers_pem, _directory: directory };
        now(town.bank.load_accounts(accounts())).expect("accounts");
        town
    }

    pub(crate) fn root(&self) -> &Ca {
        &self.root
    }

    /// Kills the bank and starts it again from its file.
    pub(crate) fn restart(&mut self) {
        self.restart_with(Options::inline());
    }

    /// The same with another kind of store.
    pub(crate) fn restart_with(&mut self, options: Options) {
        self.bank.store.stop();
        self.bank = open(
            &self.world,
            &self.clock,
            &self.issuer,
            &self.line,
            (&self.path, options),
            &self.customers_pem,
            &self.entropy,
        );
    }

    pub(crate) fn desk(&self) -> MutexGuard<'_, Desk> {
        lock(&self.issuer.desk)
    }

    pub(crate) fn cut(&self, cuts: &[Cut]) {
        *lock(&self.line.cuts) = cuts.iter().copied().collect();
    }

    /// Holds the line, or lets it go.
    pub(crate) fn hold(&self, held: bool) {
        *lock(&self.line.held) = held;
    }

    /// Bodies of all requests of one kind that reached the issuer.
    pub(crate) fn sent<M: Message>(&self) -> Vec<Vec<u8>> {
        lock(&self.line.sent).iter().filter(|(path, _)| *path == M::PATH).map(|(_, body)| body.clone()).collect()
    }

    /// Bodies of all requests that reached the issuer.
    pub(crate) fn all_sent(&self) -> Vec<Vec<u8>> {
        lock(&self.line.sent).iter().map(|(_, body)| body.clone()).collect()
    }

    pub(crate) fn set_time(&self, time: Time) {
        self.clock.0.store(time.0, Ordering::SeqCst);
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn tick(&self) -> Result<Progress, ChoreError> {
        now(self.bank.tick())
    }

    /// Starts the bank again with reports of counts in fixed stretches of time.
    pub(crate) fn report_every(&mut self, seconds: u64) {
        self.line.counts_every_s.store(seconds, Ordering::Relaxed);
        self.restart();
    }

    /// Ticks until nothing is due.
    pub(crate) fn settle(&mut self) {
        self.cut(&[]);
        for _ in 0..64 {
            self.advance(POLL_S);
            if self.tick().expect("a round") == Progress::Idle {
                return;
            }
        }
        panic!("the bank never rests");
    }

    pub(crate) fn customer(&self, account: &str) -> Peer<BankParty> {
        self.as_caller(Some(Caller { role: Role::Wallet, name: format!("{BANK}/{account}") }))
    }

    pub(crate) fn as_caller(&self, caller: Option<Caller>) -> Peer<BankParty> {
        let routes = Arc::new(self.bank.routes());
        Peer::new(Arc::new(MemoryTransport::new(routes, self.clock.clone(), caller)))
    }

    pub(crate) fn send<M: Message<To = BankParty>>(
        &self,
        account: &str,
        message: &M,
    ) -> Result<M::Reply, SendError<M::Refusal>> {
        now(self.customer(account).send(message))
    }

    /// The bank's published key for a face value of the first epoch.
    pub(crate) fn entry(&self, face: u64) -> KeyEntry {
        let desk = self.desk();
        let list = desk.lists.iter().find(|list| list.record.epoch == EPOCH).expect("a list");
        list.record.entries.iter().find(|entry| entry.face == amount(face)).expect("an entry").clone()
    }

    /// A user key blinded for a face value.
    pub(crate) fn blind(&self, face: u64, user: &SecretKey) -> (BlindedItem, Blinding) {
        let entry = self.entry(face);
        let message = zeni_note::request::blind_message(&entry.digest(), &user.public());
        let public = RsaPublicKey::from_modulus(*entry.modulus).expect("a modulus");
        let blinding = public.blind(&message, &mut self.entropy.clone()).expect("a fit key");
        (BlindedItem { entry: entry.digest(), blinded: (*blinding.blinded()).into() }, blinding)
    }

    pub(crate) fn order(&self, seed: &str, faces: &[u64]) -> (Withdraw, Vec<Blinding>) {
        let users = (0..faces.len()).map(|n| key(&format!("{seed} user {n}")));
        let (items, blindings) = faces.iter().zip(users).map(|(face, user)| self.blind(*face, &user)).unzip();
        (Withdraw { order: nonce(seed), items }, blindings)
    }

    pub(crate) fn withdraw(
        &self,
        account: &str,
        order: &Withdraw,
    ) -> Result<BlindSignatures, SendError<WithdrawRefusal>> {
        self.send(account, order)
    }

    /// A finished request of a user's key.
    pub(crate) fn request(&self, account: &str, seed: &str, face: u64) -> (IssuanceRequest, SecretKey) {
        let (order, blindings) = self.order(seed, &[face]);
        let signed = self.withdraw(account, &order).expect("a withdrawal");
        let entry = self.entry(face);
        let public = RsaPublicKey::from_modulus(*entry.modulus).expect("a modulus");
        let finished = blindings[0].finalize(&public, &signed.signatures[0]).expect("a right signature");
        let user = key(&format!("{seed} user 0"));
        let request = IssuanceRequest {
            key: user.public(),
            entry: entry.digest(),
            randomizer: finished.randomizer.into(),
            signature: finished.signature.into(),
        };
        (request, user)
    }

    /// The account as the deposit or claim of a seed names it.
    pub(crate) fn account_digest(&self, account: &str, id: &str) -> Digest {
        let account = account.to_owned();
        let read = move |tx: &mut zeni_store::Tx<'_>| {
            Ok::<_, zeni_store::JobError<()>>(crate::accounts::Customer::read(tx, &account)?)
        };
        let customer = self.bank.store.read_blocking(read).expect("a read").expect("an account");
        customer.digest(BANK, &nonce(id))
    }

    /// Opens a deposit; answers the account as closings name it.
    pub(crate) fn open_deposit(&self, account: &str, seed: &str) -> ToAccount {
        let DepositChallenge { time, nonce: challenge } =
            self.send(account, &OpenDeposit { deposit: nonce(seed) }).expect("a challenge");
        let account = self.account_digest(account, seed);
        ToAccount { time, bank: BANK.into(), account, deposit: nonce(seed), nonce: challenge }
    }

    pub(crate) fn closed(
        &self,
        chain: &Chain,
        holder: &SecretKey,
        value: u64,
        purpose: &ClosingPurpose,
    ) -> ClosedChain {
        let Closing::Single { amount, signature, .. } = self.world.close(chain, holder, value, purpose.clone()) else {
            unreachable!("a single closing");
        };
        ClosedChain { chain: chain.clone(), amount, signature }
    }

    /// A deposit of fresh notes of these face values.
    pub(crate) fn deposit_message(&self, account: &str, seed: &str, faces: &[u64]) -> Deposit {
        let purpose = ClosingPurpose::Deposit(self.open_deposit(account, seed));
        let items = (0..).zip(faces).map(|(n, face)| {
            let holder = key(&format!("{seed} holder {n}"));
            let chain = self.world.note(&holder, *face, &format!("{seed} serial {n}"));
            self.closed(&chain, &holder, *face, &purpose)
        });
        Deposit { items: items.collect(), purpose: purpose.clone() }
    }

    pub(crate) fn deposit(&self, account: &str, seed: &str, faces: &[u64]) -> (Deposit, DepositState) {
        let message = self.deposit_message(account, seed, faces);
        let state = self.send(account, &message).expect("a deposit");
        (message, state)
    }

    /// A shop's takings of these amounts, each from another note, under one key.
    pub(crate) fn takings(&self, account: &str, seed: &str, values: &[u64]) -> HandInTakings {
        let shop = key(&format!("{seed} shop"));
        let chains: Vec<Chain> = (0..)
            .zip(values)
            .map(|(n, value)| {
                let payer = key(&format!("{seed} payer {n}"));
                let note = self.world.note(&payer, 1_000, &format!("{seed} serial {n}"));
                self.world.pay(&note, &payer, &shop, *value, &format!("{seed} payment {n}"))
            })
            .collect();
        let to = self.open_deposit(account, seed);
        HandInTakings { hand_in: self.world.hand_in(&chains, &shop, to), chains }
    }

    pub(crate) fn statement(&self, account: &str) -> Statement {
        self.send(account, &GetStatement { after: 0 }).expect("a statement")
    }

    /// Available and held.
    pub(crate) fn balances(&self, account: &str) -> (u64, u64) {
        let statement = self.statement(account);
        (statement.balance.minor(), statement.held.minor())
    }

    pub(crate) fn audit(&self) -> AuditReport {
        now(self.bank.audit()).expect("an audit")
    }

    /// Fails unless the audit is sound.
    pub(crate) fn sound(&self) -> AuditReport {
        let report = self.audit();
        assert!(report.is_sound(), "{:?}", report.violations);
        report
    }
}

pub(crate) const POLL_S: u64 = 60;

fn accounts() -> Vec<NewAccount> {
    let account = |name: &str| NewAccount {
        account: name.into(),
        name: format!("person {name}"),
        opening: amount(OPENING),
        currency: jpy(),
        code: code_digest(BANK, name, &format!("code {name}")),
    };
    vec![account("A-1"), account("A-2")]
}

fn open(
    world: &World,
    clock: &Arc<TestClock>,
    issuer: &Arc<TestIssuer>,
    line: &Arc<Line>,
    (path, options): (&PathBuf, Options),
    customers: &(String, Zeroizing<String>),
    entropy: &SharedEntropy,
) -> Arc<Bank> {
    let store = Store::open_sqlite(path, &SCHEMA, options).expect("a store");
    *lock(&line.store) = Some(store.clone());
    let config = Config {
        network_name: NETWORK.into(),
        bank: BANK.into(),
        roots: world.roots,
        series: vec![SeriesConfig { series: SERIES, currency: jpy(), faces: FACES.map(amount).to_vec() }],
        first_epoch: EPOCH,
        certificate_days: 365,
        poll_s: POLL_S,
        issuer_made_keys: if lock(&issuer.desk).believed { IssuerMadeKeys::Accepted } else { IssuerMadeKeys::Refused },
        counts_every_s: line.counts_every_s.load(Ordering::Relaxed),
        cards: lock(&line.cards).clone(),
    };
    let keys = Keys {
        master: Zeroizing::new([9; 32]),
        document: key("bank document"),
        customers: Ca::load(&customers.0, &customers.1).expect("a customer CA"),
    };
    let authority = Routes::new(Role::Authority).with::<GetRevocations, _>(issuer);
    let authority = MemoryTransport::new(Arc::new(authority), clock.clone(), None);
    let authority: Peer<Authority> = Peer::new(Arc::new(authority));
    Bank::new(
        config,
        keys,
        store,
        entropy.clone(),
        clock.clone(),
        Peer::new(Arc::new(Handset(line.clone()))),
        authority,
    )
}

/// The refusal of an answer that must be one.
pub(crate) fn refusal<T: std::fmt::Debug, R: zeni_message::Refusal>(answer: Result<T, SendError<R>>) -> R {
    match answer {
        Err(SendError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

pub(crate) fn total(values: &[u64]) -> Amount {
    amount(values.iter().sum())
}
