//! The bench of this crate's tests: an authority over a store in memory, with three persons and the test world's keys.

use std::sync::atomic::{AtomicU64, Ordering};

use zeni_crypto::{Digest, SecretKey, Signature};
use zeni_message::{
    Message, Network, Role, Signed, encode,
    peer::{Peer, SendError},
    route::{Caller, MemoryTransport},
};
use zeni_note::{
    Chain, KeyList, LicenceRequest, OverspendingProof, SeriesTerms,
    chain::Endorsement,
    keylist::KeyListRecord,
    licence::{Keeper, person_digest},
    messages::authority::{CosignKeyList, Disclose, DiscloseRefusal, Disclosed, GetLicences, Licences},
    proof::{Child, Equation, Held},
    testing::{DAY, EPOCH, START, World, amount, key, terms},
};
use zeni_store::{JobError, Options, Row, Value, prepare_all, testing::block_on};

use super::*;

/// Secrets of the three persons.
pub(crate) const TARO: &str = "taro's secret";
pub(crate) const JIRO: &str = "jiro's secret";
pub(crate) const SHOP: &str = "the tea shop's secret";

/// A clock that stands still until it is set.
pub(crate) struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::Relaxed))
    }
}

pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) store: Store,
    pub(crate) clock: Arc<Hand>,
    pub(crate) authority: Arc<Authority>,
}

/// Everything in all tables: table by table, row by row.
pub(crate) type Dump = Vec<(&'static str, Vec<Row>)>;

const TABLES: [(&str, &str); 8] = [
    ("person", "SELECT * FROM person ORDER BY 1"),
    ("licence", "SELECT * FROM licence ORDER BY 1"),
    ("name_certificate", "SELECT * FROM name_certificate ORDER BY 1"),
    ("key_list", "SELECT * FROM key_list ORDER BY 1"),
    ("disclosure", "SELECT * FROM disclosure ORDER BY 1"),
    ("sealed_key", "SELECT * FROM sealed_key ORDER BY 1"),
    ("answer", "SELECT * FROM answer ORDER BY 1"),
    ("revocation_list", "SELECT * FROM revocation_list ORDER BY 1"),
];

pub(crate) fn file() -> Vec<Person> {
    let person = |id: &str, name: &str, secret: &str, public_name, keeper| Person {
        id: id.into(),
        name: name.into(),
        secret: person_digest(secret),
        public_name,
        keeper,
    };
    vec![
        person("p1", "Yamada Taro", TARO, false, Keeper::Software),
        person("p2", "Suzuki Jiro", JIRO, false, Keeper::Card),
        person("p3", "Tea Shop", SHOP, true, Keeper::Software),
    ]
}

pub(crate) fn config(world: &World) -> Config {
    Config {
        network: world.network(),
        issuer: world.issuer.public(),
        grid: LicenceGrid { origin: START, step_s: NonZeroU64::new(30 * DAY).unwrap(), steps: 12 },
        retain_s: 30 * DAY,
        list_fresh_s: DAY,
        licences_max: LICENCES_MAX,
    }
}

pub(crate) fn open(world: &World, store: &Store, clock: &Arc<Hand>) -> Arc<Authority> {
    let signing = key("bench authority");
    assert_eq!(signing.public(), world.authority.public());
    let keys = Keys { signing, handles: Zeroizing::new([7; 32]) };
    Authority::new(config(world), keys, store.clone(), clock.clone())
}

impl Bench {
    /// Persons loaded, the key list of the test epoch signed.
    pub(crate) fn new() -> Bench {
        let bench = Bench::empty();
        block_on(bench.authority.load_persons(&file())).unwrap();
        bench.cosign(bench.world.key_list().record).unwrap();
        bench
    }

    /// The same under another configuration.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Bench {
        let mut bench = Bench::new();
        Arc::get_mut(&mut bench.authority).map(|authority| change(&mut authority.config)).expect("nobody else has it");
        bench
    }

    pub(crate) fn empty() -> Bench {
        let world = World::new("bench");
        let store = Store::open_memory_with(&SCHEMA, Options::inline()).unwrap();
        let clock = Arc::new(Hand(AtomicU64::new(START.plus(DAY).0)));
        let authority = open(&world, &store, &clock);
        Bench { world, store, clock, authority }
    }

    pub(crate) fn at(&self, time: Time) {
        self.clock.0.store(time.0, Ordering::Relaxed);
    }

    /// Sends as somebody certified in `role`.
    pub(crate) fn send_as<M: Message<To = zeni_message::Authority>>(
        &self,
        role: Role,
        message: &M,
    ) -> Result<M::Reply, SendError<M::Refusal>> {
        let caller = Some(Caller { role, name: role.word().into() });
        let routes = Arc::new(self.authority.routes());
        let transport = MemoryTransport::new(routes, self.clock.clone(), caller);
        block_on(Peer::new(Arc::new(transport)).send(message))
    }

    /// Sends as the issuer.
    pub(crate) fn send<M: Message<To = zeni_message::Authority>>(&self, message: &M) -> Result<M::Reply, M::Refusal> {
        self.send_as(Role::Issuer, message).map_err(refused)
    }

    pub(crate) fn cosign(
        &self,
        record: KeyListRecord,
    ) -> Result<Signature, zeni_note::messages::authority::CosignKeyListRefusal> {
        let issuer = record.sign(self.network(), &self.world.issuer);
        self.send(&CosignKeyList { record, issuer })
    }

    pub(crate) fn network(&self) -> Network {
        self.world.network()
    }

    pub(crate) fn request(&self, secret: &str, key: &SecretKey) -> Signed<LicenceRequest> {
        let key_list = self.world.key_list().record.identity(self.network());
        let record = LicenceRequest { key: key.public(), person: person_digest(secret), epoch: EPOCH, key_list };
        Signed::sign(self.network(), record, key)
    }

    pub(crate) fn asking(&self, secret: &str, keys: &[&SecretKey]) -> GetLicences {
        GetLicences {
            secret: secret.into(),
            requests: keys.iter().map(|key| self.request(secret, key)).collect(),
            keeper: Keeper::Software,
            certify_name: false,
        }
    }

    pub(crate) fn license(&self, secret: &str, keys: &[&SecretKey]) -> Licences {
        self.send(&self.asking(secret, keys)).unwrap()
    }

    pub(crate) fn dump(&self) -> Dump {
        let dump = self.store.read_blocking(|tx| {
            let names = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'store_%'";
            let tables = tx.row(names, &[])?.unwrap().u64(0)?;
            assert_eq!(usize::try_from(tables).unwrap(), TABLES.len(), "a table is not in the dump");
            let mut dump = Vec::new();
            for (table, sql) in TABLES {
                dump.push((table, tx.rows(sql, &[])?));
            }
            Ok::<_, JobError<()>>(dump)
        });
        dump.unwrap()
    }

    /// The same database under a new process.
    pub(crate) fn restarted(self) -> Bench {
        let Bench { world, store, clock, authority } = self;
        drop(authority);
        let authority = open(&world, &store, &clock);
        Bench { world, store, clock, authority }
    }

    /// Runs a statement behind the authority's back.
    pub(crate) fn tamper(&self, sql: &'static str, params: &'static [Value]) {
        let changed =
            self.store.write_blocking(Default::default(), move |tx| Ok::<_, JobError<()>>(tx.execute(sql, params)?));
        assert_eq!(changed.unwrap(), 1);
    }

    /// What `holder` signs to pass `value` of `chain` on.
    pub(crate) fn child(&self, chain: &Chain, holder: &SecretKey, value: u64, seed: &str) -> Child {
        let challenge = self.world.challenge(&key(seed), value, seed, START);
        let answer = challenge.answer(self.network());
        let endorsement = Endorsement { parent: self.world.leaf(chain), amount: amount(value), answer };
        let signature = Signed::sign(self.network(), endorsement, holder).signature;
        Child::Endorsement { endorsement, signature, equation: Equation::Strict }
    }

    /// A genuine proof: `cheat` passed a note of 1,000 on twice.
    pub(crate) fn proof(&self, cheat: &SecretKey, serial: &str) -> OverspendingProof {
        let chain = self.world.note(cheat, 1_000, serial);
        let children =
            ["one", "two"].map(|payee| self.child(&chain, cheat, 1_000, &format!("{serial} {payee}"))).to_vec();
        OverspendingProof { held: Held::Note(chain.note), children, right: chain.holder }
    }

    pub(crate) fn disclose(&self, proof: OverspendingProof) -> Result<Disclosed, DiscloseRefusal> {
        self.send(&Disclose { proof })
    }

    pub(crate) fn audit(&self) -> AuditReport {
        block_on(self.authority.audit()).unwrap()
    }
}

pub(crate) fn refused<R: zeni_message::Refusal>(error: SendError<R>) -> R {
    match error {
        SendError::Refused(refusal) => refusal,
        error => panic!("not a refusal: {error:?}"),
    }
}

/// Rows of one table of a dump.
pub(crate) fn rows<'a>(dump: &'a Dump, table: &str) -> &'a [Row] {
    &dump.iter().find(|(name, _)| *name == table).unwrap().1
}

/// Whether any value of any row holds these bytes, as such or in hexadecimal.
pub(crate) fn holds(dump: &Dump, wanted: &[u8]) -> bool {
    let hex = zeni_crypto::hex(wanted);
    let found = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    dump.iter().flat_map(|(_, rows)| rows).flat_map(Row::values).any(|value| match value {
        Value::Blob(bytes) => found(bytes, wanted),
        Value::Text(text) => found(text.as_bytes(), wanted) || text.contains(&hex),
        Value::Int(_) | Value::Null => false,
    })
}

/// The key list after that of the test epoch.
pub(crate) fn second_list(bench: &Bench) -> KeyListRecord {
    let first = bench.world.key_list().record;
    KeyListRecord {
        epoch: first.epoch + 1,
        previous: Some(first.identity(bench.network())),
        from: first.until,
        until: first.until.plus(30 * DAY),
        entries: Vec::new(),
        series: vec![SeriesTerms { payments_max: 8, ..terms() }],
        sealing: None,
        sealed: Vec::new(),
    }
}

pub(crate) fn is_signed(list: &KeyList, bench: &Bench) -> bool {
    list.check(&bench.world.roots).is_ok()
}

/// Every statement runs on both engines.
#[test]
fn statements_prepare_on_both_engines() {
    let store = Store::open_memory(&SCHEMA).unwrap();
    assert_eq!(prepare_all(&store, schema::ALL), Ok(()));
    if let Some(database) = zeni_store::testing::postgres() {
        let store = database.open(&SCHEMA, Options::default());
        assert_eq!(prepare_all(&store, schema::ALL), Ok(()));
    }
}

/// RN-V5, RN-R1, RN-P14: the tables have no column for money, accounts, notes or payments; the search would find one.
#[test]
fn no_column_for_what_the_authority_must_not_know() {
    let tables: Vec<&str> = SCHEMA.migrations.iter().flat_map(|step| step.sql).copied().collect();
    let tables = tables.join(" ").to_lowercase();
    let words: Vec<&str> = tables.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    for word in ["amount", "value", "face", "balance", "account", "bank", "serial", "note", "payment", "payee", "shop"]
    {
        assert!(!words.contains(&word), "there is a column about {word}");
    }
    assert!(words.contains(&"name") && words.contains(&"key"));
}

/// RN-P7: whenever in a step of the grid a licence is made, it ends at the same time.
#[test]
fn licences_end_on_the_grid() {
    let grid = LicenceGrid { origin: START, step_s: NonZeroU64::new(DAY).unwrap(), steps: 2 };
    assert_eq!(grid.end(START), START.plus(3 * DAY));
    assert_eq!(grid.end(START.plus(DAY - 1)), START.plus(3 * DAY));
    assert_eq!(grid.end(START.plus(DAY)), START.plus(4 * DAY));
    assert_eq!(grid.end(Time(0)), START.plus(3 * DAY));
}

/// DESIGN §1.1: messages about cases and key lists come from the issuer's certificate only.
#[test]
fn only_the_issuer_asks_for_disclosures() {
    let bench = Bench::new();
    let cheat = key("cheat");
    bench.license(TARO, &[&cheat]);
    let before = bench.dump();
    let message = Disclose { proof: bench.proof(&cheat, "n") };
    for role in [Role::Bank, Role::Shop, Role::Wallet, Role::Authority] {
        let error = bench.send_as(role, &message).unwrap_err();
        assert!(matches!(error, SendError::Forbidden { .. }), "{role:?}");
    }
    assert_eq!(bench.dump(), before);
    assert!(bench.send_as(Role::Issuer, &message).is_ok());
}

/// RN-P14, RN-R1: after a case the tables hold nothing of the note, the payments or their payees; the search finds the
/// licensed key, so it would find them.
#[test]
fn evidence_is_digested_and_forgotten() {
    let bench = Bench::new();
    let cheat = key("cheat");
    bench.license(TARO, &[&cheat]);
    let proof = bench.proof(&cheat, "n");
    let Held::Note(note) = proof.held.clone() else { panic!("a note") };
    bench.disclose(proof.clone()).unwrap();
    let dump = bench.dump();
    let mut secrets: Vec<Vec<u8>> = vec![note.record.serial.to_vec(), note.identity(bench.network()).0.to_vec()];
    for child in &proof.children {
        let Child::Endorsement { endorsement, signature, .. } = child else { panic!("an endorsement") };
        secrets.push(endorsement.answer.0.to_vec());
        secrets.push(signature.0.to_vec());
        secrets.push(encode(endorsement));
    }
    for secret in secrets {
        assert!(!holds(&dump, &secret));
    }
    assert!(holds(&dump, &cheat.public().0));
}

pub(crate) fn digest_of(seed: &str) -> Digest {
    zeni_crypto::sha256(&[seed.as_bytes()])
}
