//! The co-signed key lists from a second source beside the issuer, so that no one can be shown a list of his own (RN-X9).

use zeni_message::{
    NoRefusal,
    limits::MESSAGE_BYTES_MAX,
    route::{Ctx, Failure, Handle},
};
use zeni_note::{KeyList, messages::authority::GetSignedKeyLists};
use zeni_store::{Tx, TxError, params};

use crate::{Authority, cosign_key_list::stored, schema, settle::look};

/// Bytes left for the head of the array around the lists.
const FRAME_BYTES: usize = 16;

impl Handle<GetSignedKeyLists> for Authority {
    /// Lists in order of epochs, as many as fit one reply; the next request begins after the last.
    async fn handle(&self, _: &Ctx, message: GetSignedKeyLists) -> Result<Vec<KeyList>, Failure<NoRefusal>> {
        let view = move |tx: &mut Tx<'_>| -> Result<Vec<Vec<u8>>, TxError> {
            let rows = tx.rows(schema::KEY_LISTS_FROM, params![message.from_epoch])?;
            rows.iter().map(|row| Ok(row.blob(0)?.to_vec())).collect()
        };
        let lists = look(&self.store, view).await?;
        fitting(&lists, MESSAGE_BYTES_MAX - FRAME_BYTES).iter().map(|bytes| stored(bytes)).collect()
    }
}

/// The first of `lists` that together have at most `room` bytes.
fn fitting(lists: &[Vec<u8>], mut room: usize) -> &[Vec<u8>] {
    let mut fits = |bytes: &&Vec<u8>| match room.checked_sub(bytes.len()) {
        Some(rest) => {
            room = rest;
            true
        }
        None => false,
    };
    &lists[..lists.iter().take_while(&mut fits).count()]
}

#[cfg(test)]
mod tests;
