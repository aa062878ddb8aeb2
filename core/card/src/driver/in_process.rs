//! An applet in the same process.

use alloc::vec::Vec;

use super::{LinkFault, Transmit};
use crate::{Applet, Memory};

/// A link that never fails, to an applet in the same process.
#[derive(Debug)]
pub struct InProcess<M>(pub Applet<M>);

impl<M: Memory> Transmit for InProcess<M> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkFault> {
        let reply = self.0.process(command).to_vec();
        self.0.fetched();
        Ok(reply)
    }
}
