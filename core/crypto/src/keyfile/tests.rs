use super::*;

const SECRET: &[u8] = b"thirty-two bytes of some secret.";

fn locked(log2: u8) -> Vec<u8> {
    let mut recipient = scrypt::Recipient::new(SecretString::from(String::from("word")));
    recipient.set_work_factor(log2);
    age::encrypt(&recipient, SECRET).unwrap()
}

#[test]
fn what_is_locked_opens_with_its_passphrase_only() {
    let file = lock(SECRET, "word", WorkFactor::InsecureFast);
    assert_eq!(&unlock(&file, "word").unwrap()[..], SECRET);
    for other in ["", "Word", "word "] {
        assert!(matches!(unlock(&file, other), Err(KeyFileError::WrongPassphrase)));
    }
    assert_ne!(file, lock(SECRET, "word", WorkFactor::InsecureFast));
}

#[test]
fn the_work_factor_is_fixed_and_shown() {
    assert_eq!(locked_work_factor(&lock(SECRET, "word", WorkFactor::Standard)), Some(16));
    assert_eq!(locked_work_factor(&lock(SECRET, "word", WorkFactor::InsecureFast)), Some(10));
}

#[test]
fn work_factors_up_to_the_limit_are_accepted_and_no_work_is_done_above() {
    assert_eq!(&unlock(&locked(12), "word").unwrap()[..], SECRET);
    let raised = |log2: &str| {
        let file = locked(10);
        let end = AGE_HEAD.len() + file[AGE_HEAD.len()..].iter().position(|byte| *byte == b'\n').unwrap();
        [&file[..end - 2], log2.as_bytes(), &file[end..]].concat()
    };
    for (log2, asked) in [("23", 23), ("63", 63), ("255", 255)] {
        let error = unlock(&raised(log2), "word").unwrap_err();
        assert!(matches!(error, KeyFileError::WorkFactorTooHigh { log2 } if log2 == asked), "{error}");
    }
    for log2 in ["256", "010", "+9", ""] {
        assert!(matches!(unlock(&raised(log2), "word"), Err(KeyFileError::NotAKeyFile)), "{log2}");
    }
    assert!(matches!(unlock(&raised("11"), "word"), Err(KeyFileError::WrongPassphrase)));
}

#[test]
fn other_files_are_no_key_files() {
    let recipient = age::x25519::Identity::generate().to_public();
    let for_a_key = age::encrypt(&recipient, SECRET).unwrap();
    for file in [&b""[..], b"age-encryption.org/v1\n", SECRET, &for_a_key] {
        assert!(matches!(unlock(file, "word"), Err(KeyFileError::NotAKeyFile)));
        assert_eq!(locked_work_factor(file), None);
    }
}

#[test]
fn a_cut_or_altered_file_never_opens() {
    let file = lock(SECRET, "word", WorkFactor::InsecureFast);
    for at in (0..file.len()).step_by(7) {
        assert!(unlock(&file[..at], "word").is_err(), "cut at {at}");
        let mut altered = file.clone();
        altered[at] ^= 1;
        assert!(unlock(&altered, "word").is_err(), "altered at {at}");
    }
    let cut = &file[..file.len() - 1];
    assert!(matches!(unlock(cut, "word"), Err(KeyFileError::Damaged)));
}

#[test]
fn files_are_replaced_as_a_whole_and_are_their_owners_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    fs::write(directory.path().join(".keys.new"), b"left behind by a crash").unwrap();
    write(&path, b"one", "word", WorkFactor::InsecureFast).unwrap();
    write(&path, b"two", "word", WorkFactor::InsecureFast).unwrap();
    assert_eq!(&read(&path, "word").unwrap()[..], b"two");
    assert_eq!(work_factor(&path).unwrap(), 10);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn absent_and_oversized_files_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    assert!(matches!(read(&path, "word"), Err(KeyFileError::Io { .. })));
    File::create(&path).unwrap().set_len(FILE_LEN_MAX + 1).unwrap();
    assert!(matches!(read(&path, "word"), Err(KeyFileError::TooLarge)));
    assert!(matches!(work_factor(&path), Err(KeyFileError::TooLarge)));
}
