use super::*;

const DOMAIN: &str = "zeni/test-log";

fn log() -> Vec<(LogEnd, [u8; 1])> {
    let mut end = LogEnd::START;
    (0..4u8)
        .map(|word| {
            end = end.next(DOMAIN, &[&[word]]);
            (end, [word])
        })
        .collect()
}

fn broken(log: &[(LogEnd, [u8; 1])]) -> Option<u64> {
    LogEnd::first_broken(log, |last, (_, word)| last.next(DOMAIN, &[word]), |(end, _)| *end)
}

/// DESIGN §5 "Trace": an entry that is altered, left out, added or moved is found at its place; another kind of log is another chain.
#[test]
fn every_change_but_at_the_end_is_seen() {
    assert_eq!(broken(&log()), None);
    let mut altered = log();
    altered[1].1 = [9];
    assert_eq!(broken(&altered), Some(2));
    let mut short = log();
    short.remove(2);
    assert_eq!(broken(&short), Some(3));
    let mut moved = log();
    moved.swap(0, 1);
    assert_eq!(broken(&moved), Some(1));
    let mut longer = log();
    longer.insert(3, longer[2]);
    assert_eq!(broken(&longer), Some(4));
    assert_ne!(LogEnd::START.next(DOMAIN, &[&[1]]), LogEnd::START.next("zeni/other-log", &[&[1]]));
}
