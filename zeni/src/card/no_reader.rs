//! A program without card readers.

use super::{AnyCard, Search};
use crate::output::Failure;

/// Says what to do.
pub(super) fn look(search: &Search<'_>) -> Result<AnyCard, Failure> {
    let card = search.wanted();
    let place = search.reader.map_or_else(|| "a reader".to_owned(), |reader| format!("reader '{reader}'"));
    let text = format!(
        "{card} in {place} cannot be reached: this program was built without card readers, build it with 'cargo build \
         --release --features pcsc'"
    );
    Err(Failure::refused("no_card_readers", text))
}
