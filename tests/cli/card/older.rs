//! Files of a home of which one is older than the others, of another wallet, or was never finished.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use serde_json::{Value, json};
use zeni_crypto::keyfile;

use super::{refusal, with};
use crate::cli::stage::{PASSPHRASE, Stage, until};

fn secrets(stage: &Stage) -> Value {
    serde_json::from_slice(&keyfile::read(&stage.path("jiro/keys.age"), PASSPHRASE).unwrap()).unwrap()
}

fn write_secrets(stage: &Stage, secrets: &Value) {
    let bytes = serde_json::to_vec(secrets).unwrap();
    keyfile::write(&stage.path("jiro/keys.age"), &bytes, PASSPHRASE, keyfile::WorkFactor::InsecureFast).unwrap();
}

/// A file with what SQLite keeps beside it, where it is a database.
fn whole(stage: &Stage, name: &str) -> [Option<Vec<u8>>; 3] {
    ENDINGS.map(|ending| fs::read(stage.path(&format!("{name}{ending}"))).ok())
}

/// Puts it in the place of another.
fn put(stage: &Stage, name: &str, files: &[Option<Vec<u8>>; 3]) {
    for (ending, bytes) in ENDINGS.into_iter().zip(files) {
        let path = stage.path(&format!("{name}{ending}"));
        match bytes {
            Some(bytes) => fs::write(path, bytes).unwrap(),
            None => drop(fs::remove_file(path)),
        }
    }
}

const ENDINGS: [&str; 3] = ["", "-wal", "-shm"];

/// RN-D15: an older `card.zeni` beside the newest records pays nothing, and the newest file put back does; beside older records the card
/// tells what they do not know.
#[test]
fn an_older_file_of_two_is_told() {
    let stage = Stage::new();
    let jiro = "wallet --home jiro";
    stage.pay(jiro, "wallet --home taro", 100, "first");
    let old = fs::read(stage.path("jiro/card.zeni")).unwrap();
    stage.pay(jiro, "wallet --home taro", 300, "second");
    let newest = fs::read(stage.path("jiro/card.zeni")).unwrap();
    fs::write(stage.path("jiro/card.zeni"), &old).unwrap();
    stage.ok("wallet --home taro request 200_JPY --out third.request");
    stage.refused(&format!("{jiro} pay third.request"), "older_card");
    stage.refused(&format!("{jiro} resume"), "older_card");
    fs::write(stage.path("jiro/card.zeni"), &newest).unwrap();
    stage.ok(&format!("{jiro} pay third.request"));

    let records = whole(&stage, "jiro/wallet.db");
    stage.pay("wallet --home taro", jiro, 250, "back");
    put(&stage, "jiro/wallet.db", &records);
    let told = stage.ok(&format!("{jiro} balance"));
    assert_eq!(
        (&told["unknown"], &told["balances"][0]["available"]),
        (&json!(["JPY:250"]), &json!("JPY:400")),
        "{told}"
    );
    let told = stage.run(&format!("{jiro} balance"));
    assert!(told.stdout.contains("250 JPY that these records do not know"), "{told:?}");
    let resumed = stage.ok(&format!("{jiro} resume"));
    assert_eq!(resumed["resumed"][0]["outcome"], "unknown_money", "{resumed}");
}

/// A change of the PIN that is cut off locks nobody out and wastes no try, wherever it was cut.
#[test]
fn a_change_of_the_pin_may_be_cut() {
    let stage = Stage::new();
    let jiro =
        |variables: &[(&str, &str)], rest: &str| with(&stage, variables, &format!("wallet --home jiro {rest} --json"));
    let tries = || stage.ok("wallet --home jiro card status")["pin_tries"].clone();
    let before = secrets(&stage);
    // the key file cannot be written: the card is left as it is
    fs::create_dir_all(stage.path("jiro/.keys.age.new/full")).unwrap();
    assert_ne!(jiro(&[("ZENI_NEW_PIN", "2468")], "card pin").exit, 0);
    fs::remove_dir_all(stage.path("jiro/.keys.age.new")).unwrap();
    assert_eq!((stage.holds("wallet --home jiro"), tries()), (1_000, json!(3)));
    // cut before the card had it
    let mut begun = before.clone();
    begun["card"]["next"] = json!("2468");
    write_secrets(&stage, &begun);
    assert_eq!((stage.holds("wallet --home jiro"), tries()), (1_000, json!(3)));
    assert_eq!(secrets(&stage), before);
    // cut after it: the owner has his PIN
    assert_eq!(jiro(&[("ZENI_NEW_PIN", "2468")], "card pin").exit, 0);
    write_secrets(&stage, &begun);
    for _ in 0..4 {
        assert_eq!(refusal(&jiro(&[], "balance")), (2, "usage".into()));
        assert_eq!(tries(), json!(3));
    }
    assert_eq!(jiro(&[("ZENI_PIN", "2468")], "balance").exit, 0);
    assert_eq!((&secrets(&stage)["card"]["pin"], &secrets(&stage)["card"]["next"]), (&Value::Null, &Value::Null));
}

/// What is nobody else's business is readable by nobody else, also in a directory that was there, and in homes made before.
#[test]
fn records_are_their_owners_alone() {
    let stage = Stage::running();
    fs::create_dir(stage.path("ren")).unwrap();
    fs::set_permissions(stage.path("ren"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(stage.join("wallet", "ren", "aoba", "A-3001", None).exit, 0);
    let rights = |name: &str| fs::metadata(stage.path(name)).unwrap().permissions().mode() & 0o777;
    let all = ["ren/wallet.db", "ren/card.zeni", "ren/keys.age"].map(rights);
    assert_eq!(all, [0o600; 3]);
    fs::set_permissions(stage.path("ren/wallet.db"), fs::Permissions::from_mode(0o644)).unwrap();
    let _stays = stage.start(&["wallet", "--home", "ren", "run"], "ren");
    // what SQLite keeps beside the database may be there from before
    let all = ["ren/wallet.db", "ren/wallet.db-wal", "ren/wallet.db-shm"];
    until("the records are open, to their owner alone", || {
        all.iter().all(|name| stage.path(name).exists() && rights(name) == 0o600)
    });
}

/// Files of two wallets in one directory are told as such, and what is no file is no card.
#[test]
fn files_of_two_wallets_are_told() {
    let stage = Stage::new();
    stage.copy("jiro", "kept");
    for name in ["keys.age", "wallet.db"] {
        put(&stage, &format!("jiro/{name}"), &whole(&stage, &format!("yuki/{name}")));
        let mixed = stage.run("wallet --home jiro balance --json");
        assert_eq!(refusal(&mixed), (1, "damaged".into()), "{mixed:?}");
        assert!(mixed.stderr.contains("not of one wallet") && !mixed.stderr.contains("KeyMismatch"), "{mixed:?}");
        fs::remove_dir_all(stage.path("jiro")).unwrap();
        stage.copy("kept", "jiro");
    }
    assert_eq!(stage.holds("wallet --home jiro"), 1_000);
    let card = stage.path("jiro/card.zeni");
    fs::rename(&card, stage.path("aside")).unwrap();
    fs::create_dir(&card).unwrap();
    fs::write(card.join("something"), "in it").unwrap();
    let no_file = stage.run("wallet --home jiro balance --json");
    assert_eq!(refusal(&no_file), (1, "damaged".into()), "{no_file:?}");
    assert!(no_file.stderr.contains("is no card's file"), "{no_file:?}");
    fs::remove_dir_all(&card).unwrap();
    symlink(stage.path("aside"), &card).unwrap();
    assert_eq!(stage.holds("wallet --home jiro"), 1_000, "another path to the same file is no second card");
}

/// A card whose making was cut after its key is made by the same command, under that key.
#[test]
fn a_card_that_was_not_finished_is_made_anew() {
    let stage = Stage::new();
    stage.ok("card --file one.zeni new");
    fs::remove_file(stage.path("one.zeni")).unwrap();
    let key = fs::read(stage.path("one.zeni.key")).unwrap();
    let wrong = with(&stage, &[("ZENI_PASSPHRASE", "another")], "card --file one.zeni new");
    assert_eq!(wrong.exit, 1, "{wrong:?}");
    stage.ok("card --file one.zeni new");
    assert_eq!(fs::read(stage.path("one.zeni.key")).unwrap(), key);
    assert_eq!(stage.ok("card --file one.zeni status")["life"], "manufactured");
    assert_eq!(stage.run("card --file one.zeni new").exit, 2, "there is one");
}
