//! Homes of earlier versions, whose software card was a database.

use std::{convert::Infallible, fs};

use serde_json::{Value, json};
use zeni_card::element::memory::Memory;
use zeni_card_host::FileMemory;
use zeni_crypto::{Digest, OsEntropy, keyfile};
use zeni_store::{Caller, JobError, Migration, Options, Schema, Store, Tx, params};

use crate::cli::stage::{PASSPHRASE, Stage};

const SCHEMA: Schema = Schema {
    name: "card",
    migrations: &[Migration {
        id: 1,
        sentence: "What a software card remembers.",
        sql: &["CREATE TABLE card (place BLOB PRIMARY KEY, value BLOB NOT NULL)"],
    }],
};

/// Turns a home of today into one of then: a database in the place of the file, a master key in the place of PINs.
fn made_earlier(stage: &Stage, home: &str) {
    let keys = stage.path(&format!("{home}/keys.age"));
    let mut secrets: Value = serde_json::from_slice(&keyfile::read(&keys, PASSPHRASE).unwrap()).unwrap();
    let master = secrets["card"]["master"].as_str().unwrap().to_owned();
    secrets["card"] = json!(master);
    secrets.as_object_mut().unwrap().remove("bank");
    let bytes = serde_json::to_vec(&secrets).unwrap();
    keyfile::write(&keys, &bytes, PASSPHRASE, keyfile::WorkFactor::InsecureFast).unwrap();

    let file = stage.path(&format!("{home}/card.zeni"));
    let master: Digest = master.parse().unwrap();
    let mut pairs = FileMemory::open(&file, &master.0, OsEntropy).unwrap().scan(&[]).unwrap();
    pairs.retain(|(place, _)| b"ikqslnregch".contains(&place[0]));
    let card = &mut pairs.iter_mut().find(|(place, _)| place == b"i").unwrap().1;
    // the network leads the record of today; then it stood there with life, time floor and no backup
    let at = card.windows(2).position(|pair| pair == [0x58, 0x20]).unwrap();
    *card = [&[0x82, 0x01, 0x83], &card[at..at + 34], &[0x00, 0x00]].concat();
    // without threads of its own: closed, with all in one file, when it is dropped
    let store = Store::open_sqlite(stage.path(&format!("{home}/card.db")), &SCHEMA, Options::inline()).unwrap();
    let job = move |tx: &mut Tx<'_>| -> Result<(), JobError<Infallible>> {
        for (place, value) in &pairs {
            tx.execute("INSERT INTO card (place, value) VALUES (?1, ?2)", params![place, value])?;
        }
        Ok(())
    };
    store.write_blocking(Caller::default(), job).unwrap();
    drop(store);
    fs::remove_file(&file).unwrap();
}

/// The first command moves the card into its file; money, keys and signatures are those of before.
#[test]
fn a_home_of_an_earlier_version_goes_on() {
    let stage = Stage::new();
    stage.pay("wallet --home jiro", "wallet --home taro", 100, "before");
    made_earlier(&stage, "jiro");
    let database = fs::read(stage.path("jiro/card.db")).unwrap();
    assert_eq!(stage.holds("wallet --home jiro"), 900);
    assert!(!stage.path("jiro/card.db").exists(), "two memories of one card would spend twice");
    assert!(stage.path("jiro/card.zeni").exists());
    stage.pay("wallet --home jiro", "wallet --home taro", 200, "after");
    let again = stage.ok("wallet --home jiro pay before.request");
    assert_eq!(
        (again["again"].as_bool(), again["document"].as_str()),
        (Some(true), Some(&*stage.text("before.payment")))
    );
    // power failed before the database went: the file counts, the database goes
    fs::write(stage.path("jiro/card.db"), &database).unwrap();
    assert_eq!(stage.holds("wallet --home jiro"), 700);
    assert!(!stage.path("jiro/card.db").exists());
}

/// Power fails at any step of the move: the next command finishes it.
#[test]
fn a_move_that_was_cut_is_finished() {
    let stage = Stage::new();
    made_earlier(&stage, "jiro");
    let database = fs::read(stage.path("jiro/card.db")).unwrap();
    // after the key file, and in the middle of the file
    for begun in [None, Some(&b"zenicard\0\0"[..])] {
        assert_eq!(stage.holds("wallet --home jiro"), 1_000);
        fs::remove_file(stage.path("jiro/card.zeni")).unwrap();
        fs::write(stage.path("jiro/card.db"), &database).unwrap();
        if let Some(begun) = begun {
            stage.write("jiro/card.zeni.new", begun);
        }
    }
    assert_eq!(stage.holds("wallet --home jiro"), 1_000);
    stage.pay("wallet --home jiro", "wallet --home taro", 1_000, "all");
    // control: without database and file it is damaged, and nothing is made in their place
    made_earlier(&stage, "yuki");
    fs::remove_file(stage.path("yuki/card.db")).unwrap();
    stage.refused("wallet --home yuki balance", "damaged");
    assert!(!stage.path("yuki/card.zeni").exists());
}

/// A backup of an earlier version is restored into a card of today.
#[test]
fn a_backup_of_an_earlier_version_is_restored() {
    let stage = Stage::new();
    stage.ok("wallet --home jiro backup jiro.backup --move");
    let path = stage.path("jiro.backup");
    let mut backup: Value = serde_json::from_slice(&keyfile::read(&path, PASSPHRASE).unwrap()).unwrap();
    backup["secrets"]["card"] = backup["secrets"]["card"]["master"].take();
    backup["secrets"].as_object_mut().unwrap().remove("bank");
    let bytes = serde_json::to_vec(&backup).unwrap();
    keyfile::write(&path, &bytes, PASSPHRASE, keyfile::WorkFactor::InsecureFast).unwrap();
    stage.ok("wallet --home jiro2 restore jiro.backup");
    stage.pay("wallet --home jiro2", "wallet --home taro", 1_000, "all");
}
