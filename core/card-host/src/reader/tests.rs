use super::*;

fn present() -> Vec<CString> {
    ["Virtual PCD 00 00", "Virtual PCD 00 01", "Gemalto PC Twin Reader 02 00"]
        .map(|name| CString::new(name).expect("no zero byte"))
        .to_vec()
}

fn names(wanted: &str) -> Vec<String> {
    let readers = chosen(present(), Some(wanted)).expect("found");
    readers.iter().map(|reader| reader.to_string_lossy().into_owned()).collect()
}

#[test]
fn a_reader_is_named_whole_or_in_part() {
    assert_eq!(names("Virtual PCD 00 01"), ["Virtual PCD 00 01"]);
    assert_eq!(names("Gemalto"), ["Gemalto PC Twin Reader 02 00"]);
    assert_eq!(names("Virtual").len(), 2);
    assert_eq!(chosen(present(), None).expect("all").len(), 3);
}

#[test]
fn an_unknown_reader_is_told_with_those_that_are_there() {
    for wanted in ["Cherry", ""] {
        let error = chosen(present(), Some(wanted)).expect_err("unknown");
        let text = error.to_string();
        assert!(text.contains("'Virtual PCD 00 01'") && text.contains("'Gemalto PC Twin Reader 02 00'"), "{text}");
        assert!(!error.heals());
    }
}

/// Somebody else's card, one that fails, one in use and an empty reader hide no card, wherever they are; without a card the error
/// is the one that tells most, and names the readers.
#[test]
fn no_reader_hides_a_card_in_another() {
    let refused = |name: &&str| -> (String, Result<u8, Refused>) {
        let refused = match *name {
            "empty" => Error::NoSmartcard.into(),
            "failing" => Error::CommDataLost.into(),
            "in use" => Error::SharingViolation.into(),
            _ => Refused::NotZeni,
        };
        (name.to_string(), Err(refused))
    };
    let others = |names: &[&str]| names.iter().map(refused).collect::<Vec<_>>();
    let all = ["empty", "failing", "foreign", "in use"];
    for place in 0..=all.len() {
        let mut readers = others(&all);
        readers.insert(place, ("right".into(), Ok(7)));
        assert_eq!(right_ones(readers), Ok(vec![7]), "{place}");
    }
    let readers = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    assert_eq!(right_ones(others(&all)), Err(ReaderError::InUse { readers: readers(&["in use"]) }));
    assert_eq!(right_ones(others(&all[..3])), Err(ReaderError::NotZeni { readers: readers(&["foreign"]) }));
    assert_eq!(right_ones(others(&all[..2])), Err(ReaderError::NoCard { readers: readers(&["empty", "failing"]) }));
}
