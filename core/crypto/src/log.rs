//! Hash-chained logs: each entry carries the hash of the one before it, so that none can be left out, altered or added in between
//! unseen (DESIGN §5 "Trace").

use alloc::{vec, vec::Vec};

use crate::{Digest, tagged};

/// The end of a log: what its next entry follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct LogEnd {
    /// Number of the last entry, 0 before the first.
    #[n(0)]
    pub number: u64,
    /// Its hash, zeros before the first.
    #[n(1)]
    pub head: Digest,
}

impl LogEnd {
    /// Before the first entry.
    pub const START: LogEnd = LogEnd { number: 0, head: Digest([0; 32]) };

    /// The end after one more entry of that content. `domain` names the kind of log; the number of parts and the length of each
    /// are the log's to fix.
    #[must_use]
    pub fn next(&self, domain: &str, content: &[&[u8]]) -> LogEnd {
        let number = self.number + 1;
        let counted = number.to_be_bytes();
        let mut parts: Vec<&[u8]> = vec![&self.head.0, &counted];
        parts.extend_from_slice(content);
        LogEnd { number, head: tagged(domain, &parts) }
    }

    /// Number of the first of some stored entries, oldest first, that does not follow from those before it: `next` works out
    /// where an entry would end the log after the end given, `end` says where it claims to.
    pub fn first_broken<'a, E: 'a>(
        entries: impl IntoIterator<Item = &'a E>,
        next: impl Fn(&LogEnd, &E) -> LogEnd,
        end: impl Fn(&E) -> LogEnd,
    ) -> Option<u64> {
        let mut last = LogEnd::START;
        for entry in entries {
            if next(&last, entry) != end(entry) {
                return Some(last.number + 1);
            }
            last = end(entry);
        }
        None
    }
}

#[cfg(test)]
mod tests;
