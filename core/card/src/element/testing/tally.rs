//! A link that counts what passes over it.

use alloc::{sync::Arc, vec::Vec};
use std::sync::{Mutex, PoisonError};

use crate::{LinkFault, Transmit, apdu};

/// What passed over a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Commands with their replies.
    pub exchanges: usize,
    /// Bytes of all commands.
    pub sent: usize,
    /// Bytes of all replies, status words included.
    pub received: usize,
}

/// How long commands and replies may be on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lengths {
    /// As long as the card takes.
    Extended,
    /// 255 bytes of data there, 256 back.
    Short,
}

/// Counts what passes over a link; clones of [`Tally::counter`] see it.
#[derive(Debug)]
pub struct Tally<T> {
    link: T,
    lengths: Lengths,
    counter: Counter,
}

/// The counts of a [`Tally`].
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<Mutex<Traffic>>);

impl Counter {
    /// What passed since it was last asked.
    pub fn take(&self) -> Traffic {
        core::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> Tally<T> {
    /// Nothing counted yet.
    pub fn new(link: T, lengths: Lengths) -> Tally<T> {
        Tally { link, lengths, counter: Counter::default() }
    }

    /// Sees what passes.
    pub fn counter(&self) -> Counter {
        self.counter.clone()
    }
}

impl<T: Transmit> Transmit for Tally<T> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkFault> {
        let reply = self.link.transmit(command)?;
        let mut traffic = self.counter.0.lock().unwrap_or_else(PoisonError::into_inner);
        traffic.exchanges += 1;
        traffic.sent += command.len();
        traffic.received += reply.len();
        Ok(reply)
    }

    fn command_bytes_max(&self) -> usize {
        match self.lengths {
            Lengths::Extended => self.link.command_bytes_max(),
            Lengths::Short => apdu::SHORT_COMMAND_MAX,
        }
    }
}
