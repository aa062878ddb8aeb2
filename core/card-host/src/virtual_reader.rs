//! A software card in a reader of the system, through vsmartcard's virtual reader `vpcd`.
//!
//! `vpcd` is a driver of the PC/SC service with two slots, each listening on a port of this computer. Who connects is the
//! card in that slot; when the connection ends, the card was pulled.

use std::{
    fmt, io,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream},
};

use vpicc::{Connection, VSmartCard};
use zeni_card::{Applet, Memory};

/// Port of the first slot as Debian's `vsmartcard-vpcd` is set up; the second slot has the next.
pub const PORT: u16 = 0x8C7B;

/// Answer to reset (ISO 7816-3): T=1; historical bytes tell command chaining and extended lengths (ISO 7816-4, 12.1.1).
const ATR: [u8; 11] = with_check([0x3B, 0x95, 0x13, 0x81, 0x01, 0x80, 0x73, 0x00, 0x01, 0xC0, 0]);
/// "No precise diagnosis" (ISO 7816-4): for a reply that the line does not carry.
const UNKNOWN_ERROR: [u8; 2] = [0x6F, 0x00];

/// A card as a reader sees it.
pub trait VirtualCard {
    /// Answers one command.
    fn execute(&mut self, command: &[u8]) -> Vec<u8>;

    /// Power came or went, or the reader reset the card: whatever is not durable is gone.
    fn reset(&mut self);
}

impl<M: Memory> VirtualCard for Applet<M> {
    fn execute(&mut self, command: &[u8]) -> Vec<u8> {
        let reply = self.process(command).to_vec();
        self.fetched();
        reply
    }

    fn reset(&mut self) {
        Applet::reset(self);
    }
}

/// One slot of the virtual reader, with a connection to it.
#[derive(Debug)]
pub struct VirtualReader {
    connection: Connection,
    stream: TcpStream,
}

/// Pulls a card out of a [`VirtualReader`], from another thread.
#[derive(Debug)]
pub struct Pull(TcpStream);

impl Pull {
    /// Ends [`VirtualReader::serve`] after the command that runs.
    pub fn pull(&self) {
        // fails when the connection has ended by itself
        let _ended = self.0.shutdown(Shutdown::Both);
    }
}

impl VirtualReader {
    /// Puts a card into the slot that listens on `port`.
    ///
    /// # Errors
    /// Those of connecting: without the PC/SC service, or without `vpcd` in it, nobody listens.
    pub fn connect(port: u16) -> io::Result<VirtualReader> {
        let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        // a reply is two short writes at most: do not wait for more
        stream.set_nodelay(true)?;
        Ok(VirtualReader { connection: Connection::from(stream.try_clone()?), stream })
    }

    /// What ends [`VirtualReader::serve`].
    ///
    /// # Errors
    /// Those of the system.
    pub fn puller(&self) -> io::Result<Pull> {
        self.stream.try_clone().map(Pull)
    }

    /// Lets `card` answer until the reader goes away or the card is pulled; blocks.
    ///
    /// # Errors
    /// Always ends with one: [`io::ErrorKind::UnexpectedEof`] when the connection ended.
    pub fn serve(mut self, card: &mut impl VirtualCard) -> io::Error {
        let mut inserted = Inserted(card);
        loop {
            if let Err(error) = acknowledge_at_once(&self.stream).and_then(|()| self.connection.poll(&mut inserted)) {
                return error;
            }
        }
    }
}

/// `vpcd` writes a length and then a message, and holds the second back until the first is acknowledged: 40 ms an exchange
/// where the system takes its time.
fn acknowledge_at_once(stream: &TcpStream) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::net::sockopt::set_tcp_quickack(stream, true)?;
    #[cfg(not(target_os = "linux"))]
    let _ = stream;
    Ok(())
}

/// A card in the words of `vpicc`.
struct Inserted<'a, C>(&'a mut C);

impl<C> fmt::Debug for Inserted<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inserted(…)")
    }
}

impl<C: VirtualCard> VSmartCard for Inserted<'_, C> {
    fn atr(&self) -> &[u8] {
        &ATR
    }

    fn power_on(&mut self) {
        self.0.reset();
    }

    fn power_off(&mut self) {
        self.0.reset();
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    fn execute(&mut self, command: &[u8]) -> Vec<u8> {
        let reply = self.0.execute(command);
        // the line tells lengths in two bytes
        if u16::try_from(reply.len()).is_ok() { reply } else { UNKNOWN_ERROR.to_vec() }
    }
}

/// The answer to reset with its last byte: the others from the second on, added without carry.
const fn with_check(mut atr: [u8; 11]) -> [u8; 11] {
    let mut at = 1;
    while at + 1 < atr.len() {
        atr[atr.len() - 1] ^= atr[at];
        at += 1;
    }
    atr
}

#[cfg(test)]
mod tests;
