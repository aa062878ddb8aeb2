use tempfile::TempDir;
use zeni_card::{ApduCard, Applet, Card, CardError, Identity, InProcess, KeyPolicy, Life, Pin};
use zeni_crypto::{SecretKey, SeededEntropy, sha256};
use zeni_message::Network;

use super::*;

const MASTER: [u8; 32] = [7; 32];

fn place() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("card.zeni");
    (dir, path)
}

fn create(path: &Path) -> FileMemory {
    FileMemory::create(path, &MASTER, SeededEntropy::new([1; 32])).expect("a new file")
}

fn open(path: &Path) -> Result<FileMemory, FileError> {
    FileMemory::open(path, &MASTER, SeededEntropy::new([2; 32]))
}

fn put(key: &[u8], value: &[u8]) -> Write {
    (key.to_vec(), Some(value.to_vec()))
}

fn value(memory: &mut FileMemory, key: &[u8]) -> Option<Vec<u8>> {
    memory.get(key).expect("reads")
}

/// A file with one pair, and the bytes of the file that a second commit puts into its place.
fn before_and_after(path: &Path) -> (Vec<u8>, Vec<u8>) {
    let mut memory = create(path);
    memory.commit(&[put(b"a", b"before")]).expect("commits");
    let before = fs::read(path).expect("reads");
    memory.commit(&[put(b"a", b"after")]).expect("commits");
    (before, fs::read(path).expect("reads"))
}

#[test]
fn keeps_what_is_committed_and_scans_by_prefix() {
    let (_dir, path) = place();
    let mut memory = create(&path);
    memory.commit(&[put(&[1, 0xFF], b"a"), put(&[1, 0xFF, 3], b"b"), put(&[2], b"c")]).expect("commits");
    drop(memory);
    let mut memory = open(&path).expect("opens");
    assert_eq!(value(&mut memory, &[2]), Some(b"c".to_vec()));
    assert_eq!(value(&mut memory, &[3]), None);
    assert_eq!(memory.scan(&[1, 0xFF]).expect("reads").len(), 2);
    assert_eq!(memory.scan(&[1]).expect("reads")[0], (vec![1, 0xFF], b"a".to_vec()));
    assert_eq!(memory.scan(&[]).expect("reads").len(), 3);
    memory.commit(&[(vec![2], None), put(&[1, 0xFF], b"d")]).expect("commits");
    drop(memory);
    let mut memory = open(&path).expect("opens");
    assert_eq!(value(&mut memory, &[2]), None);
    assert_eq!(value(&mut memory, &[1, 0xFF]), Some(b"d".to_vec()));
}

/// What it holds cannot be read from it, and the same again does not look the same.
#[test]
fn the_file_shows_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let (_dir, path) = place();
    let mut memory = create(&path);
    let secret = b"a key that nobody may read";
    memory.commit(&[put(b"key", secret)]).expect("commits");
    let first = fs::read(&path).expect("reads");
    memory.commit(&[put(b"key", secret)]).expect("commits");
    let second = fs::read(&path).expect("reads");
    assert!(!first.windows(secret.len()).any(|window| window == secret));
    assert!(first[HEAD_LEN..HEAD_LEN + NONCE_LEN] != second[HEAD_LEN..HEAD_LEN + NONCE_LEN], "a fresh nonce each time");
    assert_eq!(fs::metadata(&path).expect("is there").permissions().mode() & 0o777, OWNER_ONLY);
    drop(memory);
    let other = FileMemory::open(&path, &[8; 32], SeededEntropy::new([2; 32]));
    assert!(matches!(other, Err(FileError::Sealed { .. })), "{other:?}");
}

/// Cut at any length, it is refused with a reason, and left as it was.
#[test]
fn a_file_cut_at_any_length_is_refused_and_kept() {
    let (_dir, path) = place();
    let (_, whole) = before_and_after(&path);
    for len in 0..whole.len() {
        fs::write(&path, &whole[..len]).expect("writes");
        let error = open(&path).expect_err("a cut file");
        assert!(matches!(error, FileError::Length { .. }), "{len}: {error}");
        assert_eq!(fs::read(&path).expect("reads"), whole[..len], "left as it was");
    }
    fs::write(&path, [&whole[..], b"x"].concat()).expect("writes");
    assert!(matches!(open(&path), Err(FileError::Length { .. })), "a byte too many");
    fs::write(&path, &whole).expect("writes");
    assert_eq!(value(&mut open(&path).expect("control: the whole file opens"), b"a"), Some(b"after".to_vec()));
}

/// Altered in any byte, it is refused.
#[test]
fn a_file_altered_in_any_byte_is_refused() {
    let (_dir, path) = place();
    let (_, whole) = before_and_after(&path);
    for at in 0..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        fs::write(&path, &altered).expect("writes");
        let error = open(&path).expect_err("an altered file");
        let expected = match at {
            0..8 => matches!(error, FileError::Foreign { .. }),
            8..12 => matches!(error, FileError::Version { .. }),
            12..20 => matches!(error, FileError::Length { .. }),
            _ => matches!(error, FileError::Sealed { .. }),
        };
        assert!(expected, "{at}: {error}");
    }
    fs::write(&path, b"a letter to somebody").expect("writes");
    assert!(matches!(open(&path), Err(FileError::Foreign { .. })));
    fs::remove_file(&path).expect("removes");
    assert!(matches!(open(&path), Err(FileError::Missing { .. })));
    assert!(!path.exists(), "nothing is made in its place");
}

/// Every state of the directory that a power cut during a commit can leave is the memory before or after it.
#[test]
fn a_commit_cut_anywhere_happened_or_did_not() {
    let (_dir, path) = place();
    let (before, after) = before_and_after(&path);
    let second = beside(&path, ".new");
    // the second file is there with none, some or all of its bytes: not renamed, so it did not happen
    for len in 0..=after.len() {
        fs::write(&path, &before).expect("writes");
        fs::write(&second, &after[..len]).expect("writes");
        let mut memory = open(&path).expect("opens");
        assert_eq!(value(&mut memory, b"a"), Some(b"before".to_vec()));
        assert!(!second.exists(), "what was left behind is gone");
        memory.commit(&[put(b"b", b"more")]).expect("goes on");
        assert_eq!(value(&mut memory, b"b"), Some(b"more".to_vec()));
    }
    // renamed: it happened
    fs::write(&path, &after).expect("writes");
    assert_eq!(value(&mut open(&path).expect("opens"), b"a"), Some(b"after".to_vec()));
    // cut while the first file of all was written: there is no card yet, and it can be made
    fs::remove_file(&path).expect("removes");
    fs::write(&second, &after[..10]).expect("writes");
    assert!(matches!(open(&path), Err(FileError::Missing { .. })));
    create(&path);
}

/// A commit that fails changes nothing, and the memory goes on when what hindered it is gone.
#[test]
fn a_commit_that_fails_is_told_and_the_old_file_stays() {
    let (_dir, path) = place();
    let mut memory = create(&path);
    memory.commit(&[put(b"a", b"before")]).expect("commits");
    let bytes = fs::read(&path).expect("reads");
    let hindrance = beside(&path, ".new");
    fs::create_dir(&hindrance).expect("a directory where the second file should be");
    assert!(memory.commit(&[put(b"a", b"after")]).is_err());
    assert_eq!(fs::read(&path).expect("reads"), bytes);
    assert_eq!(value(&mut memory, b"a"), Some(b"before".to_vec()), "asked again, the file says so");
    fs::remove_dir(&hindrance).expect("removes");
    memory.commit(&[put(b"a", b"after")]).expect("commits");
    assert_eq!(value(&mut memory, b"a"), Some(b"after".to_vec()));
}

/// A commit whose error came after the rename did happen, and the memory says so.
#[test]
fn after_an_error_the_file_decides() {
    for happened in [false, true] {
        let (_dir, path) = place();
        let mut memory = create(&path);
        memory.commit(&[put(b"a", b"before")]).expect("commits");
        let mut map = memory.map.take().expect("what the file holds");
        map.insert(b"a".to_vec().into(), b"after".to_vec().into());
        let sealed = memory.seal(&zeni_message::encode(&map)).expect("small");
        memory.write_second(sealed.start, &sealed.rest).expect("writes");
        if happened {
            fs::rename(beside(&path, ".new"), &path).expect("renamed, and nobody was told");
        }
        let expected = if happened { b"after".to_vec() } else { b"before".to_vec() };
        assert_eq!(value(&mut memory, b"a"), Some(expected));
        memory.commit(&[put(b"b", b"more")]).expect("goes on");
    }
}

/// A memory that would be larger than it may be: the card says that it is full, its file is the same as before, and what it holds it
/// still tells and lets go.
#[test]
fn a_full_memory() {
    let (_dir, path) = place();
    let mut memory = create(&path);
    memory.most = 3_000;
    let mut card = ApduCard::new(InProcess(Applet::new(memory, MASTER.into(), SeededEntropy::new([3; 32]))), None);
    let [transport, puk, pin] =
        ["000000", "31415926", "2580"].map(|it| Pin::from_digits(it.as_bytes()).expect("a PIN"));
    let [issuer, authority, operator] = [1, 2, 3].map(|seed| SecretKey::from_seed([seed; 32]).public());
    let network = Network(sha256(&[b"network"]));
    let keys = KeyPolicy::Stay;
    let identity = Identity { network, issuer, authority, operator, currency: None, keys };
    card.personalise(&identity, &transport, &puk).expect("room for a card");
    card.change_pin(&transport, &pin).expect("and its PIN");
    let mut made = 0;
    let refused = loop {
        let before = fs::read(&path).expect("reads");
        match card.generate_key() {
            Ok(_) => made += 1,
            Err(error) => {
                assert_eq!(fs::read(&path).expect("reads"), before, "nothing has changed");
                break error;
            }
        }
    };
    assert!(made > 5, "control: while there was room it went on");
    assert_eq!(refused, CardError::Full);
    assert!(refused.to_string().contains("move what it holds"), "{refused}");
    assert_eq!(card.generate_key(), Err(CardError::Full));
    assert_eq!(card.holdings(), Ok(Vec::new()), "what it holds can be read");
    assert_eq!(card.life(), Ok(Life::Operational));
}

/// Two programs on one card would each sign beyond what the other left: whoever removes the lock gets no second one.
#[test]
fn without_the_lock_beside_it_there_is_still_one_user() {
    let (_dir, path) = place();
    let mut one = create(&path);
    for _ in 0..3 {
        one.commit(&[put(b"remaining", b"500")]).expect("commits");
        fs::remove_file(beside(&path, ".lock")).expect("somebody tidies up");
        assert!(matches!(open(&path), Err(FileError::InUse { .. })), "the card's file is locked as well");
    }
    one.commit(&[put(b"remaining", b"400")]).expect("control: the one goes on");
    drop(one);
    assert_eq!(value(&mut open(&path).expect("free again"), b"remaining"), Some(b"400".to_vec()));
}

/// A second name of the file is a second card: none is opened, and the one at work stops before it signs.
#[test]
fn a_hard_link_is_no_second_card() {
    let (dir, path) = place();
    let mut one = create(&path);
    one.commit(&[put(b"remaining", b"500")]).expect("commits");
    let other = dir.path().join("other");
    fs::hard_link(&path, &other).expect("another name");
    assert!(matches!(open(&other), Err(FileError::Linked { .. })));
    assert!(one.commit(&[put(b"remaining", b"400")]).is_err());
    drop(one);
    assert!(matches!(open(&path), Err(FileError::Linked { .. })));
    fs::remove_file(&other).expect("removes");
    let mut one = open(&path).expect("control: with one name it opens");
    assert_eq!(value(&mut one, b"remaining"), Some(b"500".to_vec()), "what was refused did not happen");
    one.commit(&[put(b"remaining", b"400")]).expect("control: and commits");
}

/// A file put into the place of the card's, or over it, by another user, a backup program or the owner: the memory that was
/// opened before commits nothing, and what the other one holds stays.
#[test]
fn a_file_that_was_replaced_takes_no_commit() {
    for in_place in [false, true] {
        let (dir, path) = place();
        let mut one = create(&path);
        one.commit(&[put(b"remaining", b"500")]).expect("commits");
        let copy = dir.path().join("copy");
        fs::copy(&path, &copy).expect("a copy");
        one.commit(&[put(b"remaining", b"400")]).expect("A pays");
        if in_place {
            fs::copy(&copy, &path).expect("written over");
        } else {
            fs::rename(&copy, &path).expect("put into its place");
            fs::remove_file(beside(&path, ".lock")).expect("removes");
            let mut two = open(&path).expect("another file, another lock");
            two.commit(&[put(b"remaining", b"300")]).expect("B pays");
        }
        let held = fs::read(&path).expect("reads");
        let refused = one.commit(&[put(b"remaining", b"200")]).expect_err("A does not pay");
        assert!(refused.reason.contains("was replaced"), "{refused}");
        assert!(one.commit(&[put(b"remaining", b"200")]).is_err(), "nor later");
        assert!(one.get(b"remaining").is_err(), "nor does it tell what is no more");
        assert_eq!(fs::read(&path).expect("reads"), held);
    }
}

#[test]
fn two_never_have_it_open() {
    let (dir, path) = place();
    let memory = create(&path);
    assert!(matches!(open(&path), Err(FileError::InUse { .. })));
    let alias = dir.path().join("alias");
    std::os::unix::fs::symlink(&path, &alias).expect("another name");
    assert!(matches!(open(&alias), Err(FileError::InUse { .. })), "by another name");
    drop(memory);
    open(&alias).expect("free again");
}

#[test]
fn a_card_is_not_made_over_another() {
    let (_dir, path) = place();
    let (_, whole) = before_and_after(&path);
    let again = FileMemory::create(&path, &MASTER, SeededEntropy::new([3; 32]));
    assert!(matches!(again, Err(FileError::Exists { .. })), "{again:?}");
    assert_eq!(fs::read(&path).expect("reads"), whole);
}

/// The format of version 1: files written by it are read for ever.
#[test]
fn golden_file_of_version_1() {
    let (_dir, path) = place();
    let pairs = vec![(b"key".to_vec(), b"value".to_vec()), (b"a".to_vec(), Vec::new())];
    let memory = FileMemory::create_with(&path, &MASTER, SeededEntropy::new([1; 32]), pairs).expect("a new file");
    drop(memory);
    let hex = zeni_crypto::hex(&fs::read(&path).expect("reads"));
    assert_eq!(hex, GOLDEN);
    let mut memory = open(&path).expect("opens");
    assert_eq!(value(&mut memory, b"key"), Some(b"value".to_vec()));
}

const GOLDEN: &str = "7a656e696361726400000001000000000000001e023f37203a2476c42566a61cc55c3ca875dbb4cc41c0deb7d0ae23c195c9bf32a6d0efc3f534b4a81bcb0a901f71c77f382aad980544";
