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
