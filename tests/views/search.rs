//! Looking for what two piles of bytes have in common.

use std::collections::BTreeSet;

use zeni_message::{Message, encode};
use zeni_note::messages::{
    authority::{GetRevocations, GetSignedKeyLists},
    issuer::{GetKeyLists, GetNonce},
};
use zeni_store::Value;
use zeni_wire::wrappers::Exchange;

use super::Story;
use crate::world::Dump;

/// Bytes that no two independent things have in common by chance; every key, nonce, randomiser, serial and signature is at
/// least as long.
const WINDOW: usize = 16;

/// Bytes of a substring that may lie beside a public value.
const SLACK: usize = 4;

/// How a key, digest or randomiser of 32 bytes begins in CBOR; it follows a key entry's digest in a request.
const KEY_HEAD: [u8; 2] = [0x58, 32];
/// How a signature begins in CBOR; it follows the issuer's nonce in a redemption.
const SIGNATURE_HEAD: [u8; 2] = [0x58, 64];

/// All substrings of [`WINDOW`] bytes of a pile of bytes.
#[derive(Clone, Default)]
pub(crate) struct Pile(BTreeSet<[u8; WINDOW]>);

impl Pile {
    pub(crate) fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Pile {
        let mut pile = Pile::default();
        for part in parts {
            pile.add(part);
        }
        pile
    }

    pub(crate) fn add(&mut self, part: &[u8]) {
        self.0.extend(part.windows(WINDOW).map(|window| <[u8; WINDOW]>::try_from(window).unwrap()));
    }

    /// Requests and answers.
    pub(crate) fn of_exchanges<'a>(exchanges: impl IntoIterator<Item = &'a Exchange>) -> Pile {
        let mut pile = Pile::default();
        for one in exchanges {
            pile.add(&one.request);
            if let Ok((_, answer)) = &one.answer {
                pile.add(answer);
            }
        }
        pile
    }

    /// Chosen tables of a store.
    pub(crate) fn of_tables(dump: &Dump, wanted: impl Fn(&str) -> bool) -> Pile {
        let kept = dump.values().filter(|(table, _)| wanted(table));
        Pile::of(kept.map(|(_, bytes)| bytes))
    }

    pub(crate) fn extend(&mut self, other: &Pile) {
        self.0.extend(&other.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// How many substrings both have and `public` has not. What is public but for [`SLACK`] bytes at either end does not
    /// count: two independent fields beside one public value begin or end alike once in 256 times.
    pub(crate) fn common(&self, other: &Pile, public: &Pile) -> usize {
        let both = self.0.iter().filter(|window| other.0.contains(*window) && !public.0.contains(*window));
        both.filter(|window| !public.begins(&window[..WINDOW - SLACK]) && !public.begins(&window[SLACK..])).count()
    }

    /// Whether a substring begins so.
    fn begins(&self, start: &[u8]) -> bool {
        let mut least = [0; WINDOW];
        least[..start.len()].copy_from_slice(start);
        self.0.range(least..).next().is_some_and(|window| window.starts_with(start))
    }
}

/// What everybody knows: key lists, revocation lists, the network's keys, digests of key entries.
pub(crate) fn public(story: &Story) -> Pile {
    let published = [GetKeyLists::PATH, GetSignedKeyLists::PATH, GetRevocations::PATH];
    let all = story.world.net.record.exchanges();
    let mut pile = Pile::of_exchanges(all.iter().filter(|one| published.contains(&one.path)));
    // the issuer's nonce is one for everybody who asks within its minute
    for one in all.iter().filter(|one| one.path == GetNonce::PATH) {
        if let Ok((_, nonce)) = &one.answer {
            pile.add(&[&nonce[..], &SIGNATURE_HEAD, &[0; WINDOW]].concat());
        }
    }
    for list in key_lists(story) {
        for entry in &list.record.entries {
            pile.add(&[&encode(&entry.digest())[..], &KEY_HEAD, &[0; WINDOW]].concat());
        }
    }
    let roots = &story.world.roots;
    for bytes in [roots.network.0.0, roots.issuer.0, roots.authority.0] {
        pile.add(&bytes);
    }
    pile
}

fn key_lists(story: &Story) -> Vec<zeni_note::KeyList> {
    zeni_store::testing::block_on(story.taro.open().key_lists()).unwrap()
}

/// Tables with a row in which both strings stand, each as text or as part of bytes.
pub(crate) fn rows_with_both(dump: &Dump, one: &[u8], other: &[u8]) -> Vec<String> {
    let has = |value: &Value, wanted: &[u8]| match value {
        Value::Text(text) => contains(text.as_bytes(), wanted),
        Value::Blob(bytes) => contains(bytes, wanted),
        Value::Int(_) | Value::Null => false,
    };
    let row_has = |row: &Vec<Value>, wanted: &[u8]| row.iter().any(|value| has(value, wanted));
    let tables = dump.0.iter().filter(|(_, rows)| rows.iter().any(|row| row_has(row, one) && row_has(row, other)));
    tables.map(|(name, _)| name.clone()).collect()
}

/// Whether a byte string stands anywhere in a store.
pub(crate) fn stored(dump: &Dump, wanted: &[u8]) -> bool {
    dump.values().any(|(_, bytes)| contains(bytes, wanted))
}

/// Whether a byte string crossed any of the lines, either way.
pub(crate) fn crossed(exchanges: &[Exchange], wanted: &[u8]) -> bool {
    exchanges.iter().any(|one| {
        let answer = one.answer.as_ref().is_ok_and(|(_, answer)| contains(answer, wanted));
        answer || contains(&one.request, wanted)
    })
}

pub(crate) fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
