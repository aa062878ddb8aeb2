//! Every row of a catalogue that is built is named by a test, or its exception is written down with a reason.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use super::{files, root};

/// Catalogues whose systems are built, with the kinds of rows that need a test.
const CATALOGUES: &[(&str, &str, &[char])] = &[
    ("registered-note.md", "RN-", &['F', 'P', 'X', 'V']),
    ("hierarchical-cash.md", "HC-", &['F', 'P', 'X', 'A', 'V']),
];
/// Rows without a test, with the reason.
const EXCEPTIONS: &str = "docs/spec/exceptions.md";

fn is_row(word: &str, kinds: &[char]) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(|kind| kinds.contains(&kind))
        && letters.next().is_some_and(|digit| digit.is_ascii_digit())
        && letters.all(|letter| letter.is_ascii_digit() || letter == '.')
}

/// Ids in a text: `RN-F4.2, F4.3` names two rows, `RN-X25…X27` three.
fn ids(text: &str, prefix: &str, kinds: &[char]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut last: Option<String> = None;
    let mut rest = text;
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_uppercase()) {
        let between = &rest[..at];
        rest = &rest[at..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-')).unwrap_or(rest.len());
        let word = rest[..end].trim_end_matches(['.', '-']);
        let full = word.strip_prefix(prefix);
        let listed = last.is_some() && ["", ", ", "…", " … ", " and ", ","].contains(&between);
        match (full, listed) {
            (Some(id), _) if is_row(id, kinds) => {
                found.insert(format!("{prefix}{id}"));
                last = Some(id.to_owned());
            }
            (None, true) if is_row(word, kinds) => {
                if let (true, Some(from)) = (between.contains('…'), &last) {
                    found.extend(range(from, word).into_iter().map(|id| format!("{prefix}{id}")));
                }
                found.insert(format!("{prefix}{word}"));
                last = Some(word.to_owned());
            }
            _ => last = None,
        }
        rest = &rest[end.max(1)..];
    }
    found
}

/// `X25` to `X27`, or `F4.2` to `F4.6`: the last number runs.
fn range(from: &str, to: &str) -> Vec<String> {
    let split = |id: &str| {
        let at = id.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
        (id[..at].to_owned(), id[at..].parse::<u32>().unwrap_or(0))
    };
    let ((head, first), (other, last)) = (split(from), split(to));
    if head == other { (first..=last).map(|n| format!("{head}{n}")).collect() } else { Vec::new() }
}

/// Rows of a catalogue: first cells of its tables.
fn rows(catalogue: &str, prefix: &str, kinds: &[char]) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/spec").join(catalogue)).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("| "))
        .filter_map(|line| line.split([' ', '|']).next())
        .filter(|id| id.strip_prefix(prefix).is_some_and(|id| is_row(id, kinds)))
        .map(str::to_owned)
        .collect()
}

/// Row → tests that name it in their doc comment.
fn tests(prefix: &str, kinds: &[char]) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files(".rs") {
        let text = fs::read_to_string(&file).unwrap();
        let mut docs = String::new();
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            if let Some(doc) = line.strip_prefix("///") {
                docs.push_str(doc);
                docs.push(' ');
            } else if line.starts_with("#[") {
                is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            } else {
                if let (true, Some(at)) = (is_test, line.find("fn ")) {
                    let name = line[at + 3..].split('(').next().unwrap().to_owned();
                    let place = file.strip_prefix(root()).unwrap().display().to_string();
                    for id in ids(&docs, prefix, kinds) {
                        found.entry(id).or_default().push(format!("{place}::{name}"));
                    }
                }
                docs.clear();
                is_test = false;
            }
        }
    }
    found
}

fn exceptions() -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join(EXCEPTIONS)).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("| "))
        .filter_map(|line| line.split_once(" | "))
        .filter(|(id, _)| id.contains('-') && id.ends_with(|c: char| c.is_ascii_digit()))
        .map(|(id, reason)| (id.to_owned(), reason.trim_end_matches(" |").to_owned()))
        .collect()
}

#[test]
fn every_row_has_a_test_or_a_written_reason() {
    let exceptions = exceptions();
    let mut missing = Vec::new();
    let mut known = BTreeSet::new();
    for (catalogue, prefix, kinds) in CATALOGUES {
        let tests = tests(prefix, kinds);
        for row in rows(catalogue, prefix, kinds) {
            match (tests.get(&row), exceptions.get(&row)) {
                (Some(tests), None) => println!("{row}: {}", tests.join(", ")),
                (None, Some(reason)) => println!("{row}: no test: {reason}"),
                (Some(_), Some(_)) => missing.push(format!("{row} has a test and an exception")),
                (None, None) => missing.push(format!("{row} has no test")),
            }
            known.insert(row);
        }
        // a whole flow may be named by its number
        let flow = |id: &str| known.iter().any(|row| row.starts_with(&format!("{id}.")));
        missing.extend(tests.keys().filter(|id| !known.contains(*id) && !flow(id)).map(|id| format!("{id} is no row")));
    }
    missing.extend(exceptions.keys().filter(|id| !known.contains(*id)).map(|id| format!("{id} is no row")));
    assert!(missing.is_empty(), "{} gaps:\n{}", missing.len(), missing.join("\n"));
}

#[test]
fn ids_are_read_as_people_write_them() {
    let read = |text| ids(text, "RN-", &['F', 'P', 'X', 'V']).into_iter().collect::<Vec<_>>();
    assert_eq!(read(" RN-F4.2, F4.3: a check"), ["RN-F4.2", "RN-F4.3"]);
    assert_eq!(read(" RN-X25…X27: retries"), ["RN-X25", "RN-X26", "RN-X27"]);
    assert_eq!(read(" RN-P8. And RN-O8, not a row"), ["RN-P8"]);
    assert_eq!(read(" Fault F4 without a prefix"), Vec::<String>::new());
}
