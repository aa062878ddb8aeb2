//! Habits that a compiler does not check.

use std::fs;

use super::{files, root};

/// Lines of a source file at most: beyond that it holds more than one idea.
const LINES_MAX: usize = 600;

#[test]
fn files_are_short_and_finished() {
    let leftovers = [
        "to".to_owned() + "do!(",
        "unimpl".to_owned() + "emented!(",
        "FIX".to_owned() + "ME",
        "#[ign".to_owned() + "ore",
    ];
    let mut found = Vec::new();
    for file in files(".rs") {
        let text = fs::read_to_string(&file).unwrap();
        let place = file.strip_prefix(root()).unwrap().display().to_string();
        let lines = text.lines().count();
        if lines > LINES_MAX {
            found.push(format!("{place} has {lines} lines"));
        }
        for leftover in &leftovers {
            if text.contains(leftover.as_str()) {
                found.push(format!("{place} contains {leftover}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for file in files(".md") {
        let text = fs::read_to_string(&file).unwrap();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap();
            let path = target.split('#').next().unwrap();
            if path.is_empty() || path.contains("://") || path.contains(' ') {
                continue;
            }
            if !file.parent().unwrap().join(path).exists() {
                broken.push(format!("{}: {target}", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
