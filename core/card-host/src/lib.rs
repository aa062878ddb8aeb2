//! What carries a card on a computer.
//!
//! - [`FileMemory`]: the memory of a software card, one encrypted file that is replaced as a whole;
//! - [`VirtualReader`]: a software card in a reader of the system, through vsmartcard's virtual reader;
//! - `PcscLink` (feature `pcsc`): the commands to a card in any PC/SC reader.
//!
//! None of them knows what the commands mean.

mod file;
#[cfg(feature = "pcsc")]
mod reader;
mod virtual_reader;

pub use file::{FileError, FileMemory, MEMORY_BYTES_MAX};
#[cfg(feature = "pcsc")]
pub use reader::{PcscLink, Reader, ReaderError, readers};
pub use virtual_reader::{PORT, Pull, VirtualCard, VirtualReader};
