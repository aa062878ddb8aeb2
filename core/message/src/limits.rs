//! Named limits of everything that crosses between parties. Beyond a limit a thing is refused, never cut short.

/// Endorsements from one person to another in one chain (RN-O22).
pub const PAYMENTS_IN_CHAIN_MAX: usize = 16;
/// Endorsements in one chain with a last one to oneself and the closing on top.
pub const ENDORSEMENTS_IN_CHAIN_MAX: usize = PAYMENTS_IN_CHAIN_MAX + 2;
/// Items in one batch (returns, licences, blind signatures).
pub const BATCH_ITEMS_MAX: usize = 1_024;
/// Holdings that may answer one challenge.
pub const HOLDINGS_IN_PAYMENT_MAX: usize = 64;
/// Requests for payment that a holder keeps open.
pub const OPEN_CHALLENGES_MAX: usize = 1_024;
/// Bytes of one message body unless the message states less.
pub const MESSAGE_BYTES_MAX: usize = 8 * 1_024 * 1_024;
/// Bytes of one small message (everything that carries neither chains nor a batch).
pub const SMALL_MESSAGE_BYTES_MAX: usize = 64 * 1_024;
/// Bytes of one document read from a file, a pipe or QR codes.
pub const DOCUMENT_BYTES_MAX: usize = 1_024 * 1_024;
/// Bytes of one document that holds a proof of overspending: whoever signs away single units needs many signatures to be convicted of,
/// so that it is as long as the longest message that carries such a proof, with the rest of a case.
pub const PROOF_DOCUMENT_BYTES_MAX: usize = MESSAGE_BYTES_MAX + SMALL_MESSAGE_BYTES_MAX;
/// Bytes of a name, account, memo or other text.
pub const TEXT_BYTES_MAX: usize = 256;

const _: () = assert!(ENDORSEMENTS_IN_CHAIN_MAX == 18);
const _: () = assert!(DOCUMENT_BYTES_MAX <= MESSAGE_BYTES_MAX);
