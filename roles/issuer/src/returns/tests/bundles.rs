//! Bundles: what one chain brought back whole is read again as if it lay in rows.

use zeni_crypto::SecretKey;
use zeni_note::ClosingPurpose;
use zeni_store::{Row, Value};

use super::*;
use crate::returns::{prepare::note_key, tree::Tree};

/// What a refund is claimed as: an exact rest, or out of a backup.
type Purpose = fn(zeni_note::closing::ToAccount) -> ClosingPurpose;

/// The largest lot, in bytes.
const LOT_BYTES: usize = 32_768;
/// Column of an archived note that names its lot.
const LOT_COLUMN: usize = 18;

fn table(setup: &Setup, name: &str) -> Vec<Row> {
    let tables = crate::tests::dump(&setup.store);
    tables.into_iter().find(|(table, _)| table == name).unwrap().1
}

/// Archived notes, and how many of them are bundled.
fn archived(setup: &Setup) -> (usize, usize) {
    let notes = table(setup, "archive_note");
    let bundled = notes.iter().filter(|note| note.values()[LOT_COLUMN] != Value::Null).count();
    (notes.len(), bundled)
}

/// `count` notes of 100 that went through ueda's hands to the shop, each in a chain of two endorsements.
fn passed_on(setup: &Setup, count: usize) -> (Vec<Chain>, Vec<Chain>) {
    let (hanako, ueda, shop) = (setup.person("hanako"), setup.person("ueda"), setup.person("shop"));
    let middle = |n| {
        let chain = block_on(setup.note(&hanako, 100, &format!("n{n}")));
        setup.world.pay(&chain, &hanako, &ueda, 100, &format!("to ueda {n}"))
    };
    let middles: Vec<Chain> = (0..count).map(middle).collect();
    let taken = middles.iter().map(|chain| setup.world.pay(chain, &ueda, &shop, 100, "tea")).collect();
    (middles, taken)
}

/// RN-F7.5, RN-X27, RN-O21: a batch of notes that chains bring back whole fills lots one after another; each note is found
/// again in its own, and lots go with the notes they hold.
#[test]
fn lots_are_filled_found_again_and_pruned() {
    let setup = setup();
    let shop = setup.person("shop");
    let (_, taken) = passed_on(&setup, 70);
    let at = |bank: &str| -> Vec<ReturnItem> {
        taken.iter().zip(0..).map(|(chain, n)| setup.deposit(chain, &shop, bank, &format!("d{n}"))).collect()
    };
    assert_eq!(outcomes(&setup, AOBA, "b1", at(AOBA)), [Outcome::Paid; 70]);
    assert_eq!(archived(&setup), (70, 70));
    assert_eq!(table(&setup, "archive_node").len() + table(&setup, "node").len(), 0);
    let lots: Vec<usize> = table(&setup, "lot").iter().map(|lot| lot.blob(3).unwrap().len()).collect();
    let (all, bundle) = (lots.iter().sum::<usize>(), lots.iter().sum::<usize>() / 70);
    assert_eq!(lots.len(), all.div_ceil(LOT_BYTES / bundle * bundle), "{lots:?}");
    assert!(lots.len() > 1 && lots.iter().all(|bytes| *bytes <= LOT_BYTES), "{lots:?}");
    sound(&setup);

    let before = table(&setup, "archive_note");
    assert_eq!(outcomes(&setup, AOBA, "b2", at(AOBA)), [Outcome::Paid; 70]);
    assert_eq!(outcomes(&setup, MIDORI, "b1", at(MIDORI)), [Outcome::Duplicate; 70]);
    assert_eq!(table(&setup, "archive_note"), before, "looking changes nothing");

    setup.clock.put(START.plus(401 * DAY));
    block_on(setup.settle_down());
    assert_eq!((table(&setup, "archive_note").len(), table(&setup, "lot").len()), (0, 0));
}

/// RN-X22, X29, RN-F7.6: whoever passed on more than he held is found in a bundle as in rows, at every node of it, and the
/// proof verifies; the honest ones beside him are not accused.
#[test]
fn a_bundle_convicts_as_rows_do() {
    let setup = setup();
    let (hanako, ueda, shop, taro) =
        (setup.person("hanako"), setup.person("ueda"), setup.person("shop"), setup.person("taro"));
    let (middles, taken) = passed_on(&setup, 3);
    let items: Vec<ReturnItem> =
        taken.iter().zip(0..).map(|(chain, n)| setup.deposit(chain, &shop, AOBA, &format!("d{n}"))).collect();
    assert_eq!(outcomes(&setup, AOBA, "b1", items.clone()), [Outcome::Paid; 3]);
    let again = |chain: &Chain, holder: &SecretKey, word: &str| {
        let paid = setup.world.pay(chain, holder, &taro, 30, word);
        outcomes(&setup, MIDORI, word, vec![setup.deposit(&paid, &taro, MIDORI, word)])[0]
    };
    let nothing = Outcome::Partly { paid: Amount::ZERO };
    let named = |name: &str| ("disclosed".to_owned(), Some(name.to_owned()));
    assert_eq!(again(&middles[0], &ueda, "ueda again"), nothing);
    assert_eq!(cases(&setup), [named("ueda")]);
    let first = Chain { hops: Vec::new(), ..middles[1].clone() };
    assert_eq!(again(&first, &hanako, "hanako again"), nothing);
    assert_eq!(again(&taken[2], &shop, "shop again"), nothing);
    let mut found = cases(&setup);
    found.sort_unstable();
    assert_eq!(found, [named("hanako"), named("shop"), named("ueda")]);
    assert_eq!(archived(&setup), (3, 0), "what has changed lies in rows");
    assert_eq!(outcomes(&setup, AOBA, "b2", items), [Outcome::Paid; 3]);
    // a second time, now out of rows
    assert_eq!(again(&middles[0], &ueda, "ueda once more"), nothing);
    assert_eq!(cases(&setup).len(), 3);
    for export in block_on(setup.issuer.export_proofs()).unwrap() {
        let proof: Signed<zeni_note::OverspendingProof> = Signed::from_document(&export.document).unwrap();
        assert!(proof.record.verify(&setup.world.roots).is_ok());
    }
}

/// Only what one chain brought back whole, in one go, is bundled; what has rows already or more than one leaf stays in rows,
/// and reads the same.
#[test]
fn what_is_no_single_chain_lies_in_rows() {
    let setup = setup();
    let (hanako, ueda, shop) = (setup.person("hanako"), setup.person("ueda"), setup.person("shop"));
    let note = |word: &str| block_on(setup.note(&hanako, 100, word));
    let to = |chain: &Chain, from: &SecretKey, payee: &SecretKey, value, word: &str| {
        setup.world.pay(chain, from, payee, value, word)
    };
    let mut batches: Vec<(&str, Vec<Chain>, bool)> = Vec::new();
    let mut add = |word: &'static str, chains, bundled| batches.push((word, chains, bundled));
    let one = note("one");
    add("whole", vec![to(&one, &hanako, &shop, 100, "w")], true);
    let two = note("two");
    add("parts", vec![to(&two, &hanako, &shop, 60, "p1"), to(&two, &hanako, &shop, 40, "p2")], false);
    let three = to(&note("three"), &hanako, &ueda, 100, "u3");
    add("below one node", vec![to(&three, &ueda, &shop, 60, "p3"), to(&three, &ueda, &shop, 40, "p4")], false);
    let four = note("four");
    add("overspent at once", vec![to(&four, &hanako, &shop, 100, "p5"), to(&four, &hanako, &shop, 50, "p6")], false);
    let five = to(&note("five"), &hanako, &ueda, 100, "u5");
    add("overspent below", vec![to(&five, &ueda, &shop, 100, "p7"), to(&five, &ueda, &shop, 50, "p8")], false);
    let mut expected = (0, 0);
    for (word, chains, bundled) in &batches {
        let items = chains.iter().zip(0..).map(|(chain, n)| setup.deposit(chain, &shop, AOBA, &format!("{word} {n}")));
        let items: Vec<ReturnItem> = items.collect();
        let first = outcomes(&setup, AOBA, word, items.clone());
        expected = (expected.0 + 1, expected.1 + usize::from(*bundled));
        assert_eq!(archived(&setup), expected, "{word}");
        assert_eq!(outcomes(&setup, AOBA, &format!("{word} again"), items), first, "{word}");
        sound(&setup);
    }
    // nobody passed it on; part of it was seen before; it waited for the end of the dispute term
    let own = note("own");
    assert_eq!(outcomes(&setup, AOBA, "own", vec![setup.deposit(&own, &hanako, AOBA, "own")]), [Outcome::Paid]);
    let late = to(&note("late"), &hanako, &shop, 100, "late");
    let kept = to(&note("kept"), &hanako, &shop, 100, "kept");
    setup.clock.put(START.plus(211 * DAY));
    let refunds: [(&Chain, Purpose); 2] = [(&late, ClosingPurpose::Refund), (&kept, ClosingPurpose::BackupRefund)];
    let items = refunds.map(|(chain, purpose)| {
        let closing = setup.world.close(chain, &shop, 100, purpose(setup.world.account(AOBA, "A-1", "refund")));
        ReturnItem { chain: chain.clone(), closing }
    });
    let dues = [START.plus(240 * DAY), START.plus(400 * DAY + 1)];
    let waiting = dues.map(|until| Outcome::Waiting { until });
    assert_eq!(outcomes(&setup, AOBA, "refunds", items.to_vec()), waiting);
    for due in dues {
        setup.clock.put(due);
        assert_eq!(block_on(setup.issuer.tick_refunds()).unwrap(), 1);
    }
    assert_eq!(outcomes(&setup, AOBA, "refunds again", items.to_vec()), waiting);
    assert_eq!(archived(&setup), (expected.0 + 3, 1));
    sound(&setup);
}

/// RN-F8.1: the children of each node of a bundle are those of the chain, and its leaf has none but its closing.
#[test]
fn a_bundle_tells_children() {
    let setup = setup();
    let shop = setup.person("shop");
    let (_, taken) = passed_on(&setup, 1);
    assert_eq!(outcomes(&setup, AOBA, "b1", vec![setup.deposit(&taken[0], &shop, AOBA, "d1")]), [Outcome::Paid]);
    assert_eq!(archived(&setup), (1, 1));
    let nodes: Vec<_> = taken[0].walk(setup.issuer.roots()).unwrap().nodes.iter().map(|node| node.identity).collect();
    let key = note_key(&taken[0]);
    let children = |at: usize| {
        let parent = nodes[at];
        let read = move |tx: &mut Tx<'_>| -> Result<Vec<zeni_crypto::Digest>, JobError<()>> {
            let children = Tree::load(tx, key)?.unwrap().load_children(tx, &parent)?;
            Ok(children.iter().map(|child| child.identity).collect())
        };
        setup.store.read_blocking(read).unwrap()
    };
    assert_eq!([0, 1, 2].map(children), [vec![nodes[1]], vec![nodes[2]], vec![]]);
}

/// RN-P22: a bundle in the place of another of the same length is a violation: its evidence shows other nodes.
#[test]
fn another_notes_bundle_is_found() {
    let setup = setup();
    let shop = setup.person("shop");
    let (_, taken) = passed_on(&setup, 2);
    let items = taken.iter().zip(0..).map(|(chain, n)| setup.deposit(chain, &shop, AOBA, &format!("d{n}")));
    assert_eq!(outcomes(&setup, AOBA, "b1", items.collect()), [Outcome::Paid; 2]);
    sound(&setup);
    let job =
        |tx: &mut Tx<'_>| -> Result<u64, JobError<()>> { Ok(tx.execute("UPDATE archive_note SET start = 1", &[])?) };
    assert_eq!(setup.store.write_blocking(Caller::default(), job).unwrap(), 2);
    assert!(!block_on(setup.issuer.audit()).unwrap().is_sound());
}

/// RN-F7.5, RN-X36: a note that came back in parts moves to the archive with all its rows; none stays behind.
#[test]
fn a_note_in_parts_moves_with_its_rows() {
    let setup = setup();
    let (hanako, shop) = (setup.person("hanako"), setup.person("shop"));
    let chain = block_on(setup.note(&hanako, 100, "n1"));
    let rows = || ["note", "node", "archive_note", "archive_node"].map(|name| table(&setup, name).len());
    for (value, expected) in [(60, [1, 1, 0, 0]), (30, [1, 2, 0, 0]), (10, [0, 0, 1, 3])] {
        let word = format!("part {value}");
        let paid = setup.world.pay(&chain, &hanako, &shop, value, &word);
        assert_eq!(outcomes(&setup, AOBA, &word, vec![setup.deposit(&paid, &shop, AOBA, &word)]), [Outcome::Paid]);
        assert_eq!(rows(), expected, "{word}");
    }
    sound(&setup);
}

/// HC-P21, HC-N10: what an archived note takes is told with its evidence, which lies in a lot.
#[test]
fn evidence_in_lots_is_counted() {
    let setup = setup();
    let (hanako, shop) = (setup.person("hanako"), setup.person("shop"));
    let chain = block_on(setup.note(&hanako, 100, "n1"));
    let paid = setup.world.pay(&chain, &hanako, &shop, 100, "tea");
    assert_eq!(outcomes(&setup, AOBA, "b1", vec![setup.deposit(&paid, &shop, AOBA, "d1")]), [Outcome::Paid]);
    let storage = block_on(setup.issuer.storage()).unwrap();
    assert_eq!((storage.register_rows, storage.archive_rows), (0, 1));
    assert!(storage.archive_bytes > zeni_message::encode(&paid.hops).len() as u64, "{storage:?}");
}
