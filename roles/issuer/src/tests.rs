//! What several tests need.

mod sealed;

use curve25519_dalek::{
    constants::{ED25519_BASEPOINT_TABLE, EIGHT_TORSION},
    edwards::EdwardsPoint,
    scalar::Scalar,
    traits::Identity,
};
use futures::executor::block_on;
use sha2::{Digest as _, Sha512};
use zeni_crypto::{SecretKey, Signature};
use zeni_message::{Auth, Message, Role};
use zeni_note::{Chain, messages::issuer::GetKeyLists};
use zeni_store::{Row, Store, Tx, Value};

use crate::{
    Done, Policy, SCHEMA, StartError, schema,
    testing::{BANKS, Setup},
};

/// RFC 8032 with another nonce: a second valid signature over the same message by the same key.
pub(crate) fn sign_with_other_nonce(key: &SecretKey, message: &[u8]) -> Signature {
    sign(key, message, EdwardsPoint::identity())
}

/// A signature whose R has a component of small order: ZIP 215 accepts it, the strict equation does not.
pub(crate) fn sign_for_zip215_only(key: &SecretKey, message: &[u8]) -> Signature {
    sign(key, message, EIGHT_TORSION[1])
}

fn sign(key: &SecretKey, message: &[u8], torsion: EdwardsPoint) -> Signature {
    let expanded = Sha512::digest(*key.dangerous_seed());
    let mut secret: [u8; 32] = expanded[..32].try_into().unwrap();
    secret[0] &= 248;
    secret[31] &= 127;
    secret[31] |= 64;
    let secret = Scalar::from_bytes_mod_order(secret);
    let nonce = Scalar::from_bytes_mod_order_wide(&Sha512::digest([b"other nonce", message].concat()).into());
    let commitment = (&nonce * ED25519_BASEPOINT_TABLE + torsion).compress();
    let challenge =
        Sha512::new().chain_update(commitment.as_bytes()).chain_update(key.public().0).chain_update(message).finalize();
    let challenge = Scalar::from_bytes_mod_order_wide(&challenge.into());
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(commitment.as_bytes());
    signature[32..].copy_from_slice((nonce + challenge * secret).as_bytes());
    Signature(signature)
}

/// Whether any value of any row holds these bytes.
pub(crate) fn holds(dump: &[(String, Vec<Row>)], wanted: &[u8]) -> bool {
    let found = |bytes: &[u8]| bytes.windows(wanted.len()).any(|window| window == wanted);
    dump.iter().flat_map(|(_, rows)| rows).flat_map(Row::values).any(|value| match value {
        Value::Blob(bytes) => found(bytes),
        Value::Text(text) => found(text.as_bytes()),
        Value::Int(_) | Value::Null => false,
    })
}

/// Every row of every table, so that two states can be compared.
pub(crate) fn dump(store: &Store) -> Vec<(String, Vec<Row>)> {
    let read = |tx: &mut Tx<'_>| -> Done<Vec<(String, Vec<Row>)>> {
        let tables = tx.rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name", &[])?;
        let mut dump = Vec::new();
        for table in &tables {
            let name = table.text(0)?.to_owned();
            // statements are constants: a test may leak one
            let statement: &'static str = Box::leak(format!("SELECT * FROM {name}").into_boxed_str());
            dump.push((name, tx.rows(statement, &[])?));
        }
        Ok(dump)
    };
    store.read_blocking(read).unwrap()
}

/// DESIGN §6: every statement is one that the engine takes.
#[test]
fn every_statement_prepares() {
    zeni_store::testing::check_statements(&SCHEMA, schema::ALL);
}

/// DESIGN §6: the issuer's flows come to the same on PostgreSQL.
#[test]
fn flows_run_on_every_engine() {
    for store in zeni_store::testing::engines(&SCHEMA) {
        let world = zeni_note::testing::World::new("issuer tests");
        let config = crate::testing::config(&world, Policy::Refuse);
        let setup = block_on(Setup::with(world, store, config));
        let (hanako, shop) = (setup.person("hanako"), setup.person("shop"));
        block_on(setup.report(BANKS[0], 1, 5, None));
        let issued = block_on(setup.redeem(setup.request(BANKS[0], 500, &hanako, 1), &hanako, "slot")).unwrap();
        let holder = setup.world.licence(hanako.public());
        let chain = Chain { note: issued.note, holder: holder.into(), hops: Vec::new() };
        let items = [(300, "one"), (150, "two"), (200, "three")].map(|(value, word)| {
            let paid = setup.world.pay(&chain, &hanako, &shop, value, word);
            setup.deposit(&paid, &shop, BANKS[1], word)
        });
        for (item, word) in items.into_iter().zip(["one", "two", "three"]) {
            block_on(setup.give_back(BANKS[1], word, vec![item])).unwrap();
        }
        block_on(setup.settle_down());
        assert_eq!(block_on(setup.issuer.cases()).unwrap()[0].name.as_deref(), Some("hanako"));
        block_on(setup.issuer.settle()).unwrap();
        setup.clock.put(zeni_note::testing::START.plus(401 * zeni_note::testing::DAY));
        block_on(setup.settle_down());
        let report = block_on(setup.issuer.audit()).unwrap();
        assert_eq!(report.violations, Vec::<String>::new());
        assert_eq!((report.register, report.archive), (0, 0));
    }
}

/// RN-P15, RN-R2, RN-O18: nothing that the issuer stores of a note names a bank, and no column of it is in the order of issue;
/// the search finds a bank where it must be (control).
#[test]
fn no_note_names_a_bank() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let hanako = setup.person("hanako");
    block_on(setup.report(BANKS[1], 1, 5, None));
    for seed in 0..3 {
        block_on(setup.redeem(setup.request(BANKS[1], 500, &hanako, seed), &hanako, "slot")).unwrap();
    }
    let entries: Vec<Vec<u8>> =
        setup.bank(BANKS[1]).signers.iter().map(|(entry, _)| entry.digest().0.to_vec()).collect();
    let names_bank = |row: &Row| {
        row.values().iter().any(|value| match value {
            Value::Text(text) => text.contains(BANKS[1]),
            Value::Blob(bytes) => {
                entries.contains(bytes) || bytes.windows(BANKS[1].len()).any(|part| part == BANKS[1].as_bytes())
            }
            _ => false,
        })
    };
    let tables = dump(&setup.store);
    let found = |name: &str| {
        let (_, rows) = tables.iter().find(|(table, _)| table == name).unwrap();
        assert!(!rows.is_empty(), "{name} is empty");
        rows.iter().any(names_bank)
    };
    assert!(!found("note"));
    assert!(!found("request"));
    assert!(found("key_count"));
    assert!(found("ledger_posting"));
}

/// DESIGN §4 "transport": what is public asks for no certificate; members are banks, and besides the key lists, which anyone
/// may read, all that is served to them asks for theirs.
#[test]
fn the_public_listener_serves_only_anonymous_messages() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (public, member) = (setup.issuer.public_routes(), setup.issuer.member_routes());
    assert!(public.iter().all(|(_, route)| route.auth == Auth::Anonymous));
    for (path, route) in member.iter().filter(|(path, _)| *path != GetKeyLists::PATH) {
        assert_eq!((route.auth, route.from), (Auth::Certificate, &[Role::Bank][..]), "{path}");
    }
    assert_eq!((public.iter().count(), member.iter().count()), (4, 8));
}

/// DESIGN §5 "Return", RN-O20: an issuer whose retention does not cover every way back does not start.
#[test]
fn terms_out_of_order_do_not_start() {
    let world = zeni_note::testing::World::new("issuer tests");
    let mut config = crate::testing::config(&world, Policy::Refuse);
    assert_eq!(config.check(), Ok(()));
    config.series[0].retain_s = config.series[0].refund_s - 1;
    assert_eq!(config.check(), Err(StartError::Terms { series: 1 }));
    config.series[0].retain_s = config.series[0].refund_s;
    config.series[0].faces.clear();
    assert_eq!(config.check(), Err(StartError::Series { series: 1 }));
    config.banks[1].name = config.banks[0].name.clone();
    assert_eq!(config.check(), Err(StartError::Bank { name: BANKS[0].to_owned() }));
}

/// The memory of verified licences is bounded, and keeps what was seen last.
#[test]
fn the_licence_cache_is_bounded() {
    let cache = crate::licences::VerifiedLicences::new(8);
    let digest = |number: u32| zeni_crypto::sha256(&[&number.to_be_bytes()]);
    cache.remember((0..1_000).map(digest));
    let kept = (0..1_000).filter(|number| cache.contains(&digest(*number))).count();
    assert!((4..=8).contains(&kept));
    assert!(cache.contains(&digest(999)));
}
