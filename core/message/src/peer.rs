//! The sending side of a call.

use std::{fmt, future::Future, marker::PhantomData, pin::Pin, sync::Arc};

use crate::{Malformed, Message, Party, Refusal, Role, decode, encode};

/// A boxed future, as object-safe traits need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Status words of the wire, those of HTTP.
pub mod status {
    /// The body is the reply.
    pub const DONE: u16 = 200;
    /// The body could not be decoded.
    pub const MALFORMED: u16 = 400;
    /// The sender's certificate does not allow this message.
    pub const FORBIDDEN: u16 = 403;
    /// No such path at this party.
    pub const UNKNOWN_PATH: u16 = 404;
    /// The body is longer than the message allows.
    pub const TOO_LONG: u16 = 413;
    /// The body is the refusal.
    pub const REFUSED: u16 = 422;
    /// A fault of the receiver; nothing happened or the same request will be answered.
    pub const INTERNAL: u16 = 500;
    /// Overloaded or stopping; nothing happened.
    pub const BUSY: u16 = 503;
}

/// Why a transport brought no answer. Whether the request was carried out is unknown: send the same again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No connection: nothing listens, the name is wrong, the network is down.
    #[error("cannot reach {place}: {cause}")]
    Unreachable {
        /// Address that was tried.
        place: String,
        /// The system's or the library's own words.
        cause: String,
    },
    /// The other side is not who it should be, or does not accept this side's certificate.
    #[error("no trust between this side and {place}: {cause}")]
    Trust {
        /// Address that was tried.
        place: String,
        /// The system's or the library's own words.
        cause: String,
    },
    /// The connection ended before the answer.
    #[error("the connection to {place} broke: {cause}")]
    Broken {
        /// Address that was tried.
        place: String,
        /// The system's or the library's own words.
        cause: String,
    },
}

/// Carries bytes to one party and brings the answer back.
pub trait Transport: Send + Sync {
    /// Sends `body` to `path`; answers with a status of [`status`] and a body of at most `reply_max` bytes.
    fn call(&self, path: &'static str, body: Vec<u8>, reply_max: usize)
    -> BoxFuture<'_, Result<(u16, Vec<u8>), Fault>>;

    /// A transport whose next calls share no connection, ticket or session with this one's (RN-O6).
    fn fresh(&self) -> Arc<dyn Transport>;
}

/// Why a message brought no reply.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SendError<R: Refusal> {
    /// The addressee refused; nothing changed there.
    #[error("{0}")]
    Refused(R),
    /// Nobody knows whether the message was carried out; the same again gives the stored reply.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The addressee is overloaded, stopping or has a fault of its own; send the same again later.
    #[error("{role} cannot answer now (status {status})", role = .role.word())]
    Busy {
        /// Who.
        role: Role,
        /// Status of the answer.
        status: u16,
    },
    /// The addressee does not let this sender send this message.
    #[error("{role} does not accept this message from this sender (status {status})", role = .role.word())]
    Forbidden {
        /// Who.
        role: Role,
        /// Status of the answer.
        status: u16,
    },
    /// The addressee misbehaved: its answer makes no sense.
    #[error("{role} sent an answer that makes no sense: {cause}", role = .role.word())]
    Protocol {
        /// Who.
        role: Role,
        /// What is wrong with the answer.
        cause: Malformed,
    },
}

impl<R: Refusal> SendError<R> {
    /// Whether sending the same again later can help.
    pub fn retry(&self) -> bool {
        match self {
            SendError::Refused(refusal) => refusal.retry() == crate::Retry::Later,
            SendError::Fault(Fault::Trust { .. }) | SendError::Forbidden { .. } | SendError::Protocol { .. } => false,
            SendError::Fault(_) | SendError::Busy { .. } => true,
        }
    }
}

/// The party `P` as one sees it from elsewhere: takes only messages addressed to `P`.
pub struct Peer<P> {
    transport: Arc<dyn Transport>,
    party: PhantomData<fn() -> P>,
}

impl<P> Clone for Peer<P> {
    fn clone(&self) -> Self {
        Peer { transport: self.transport.clone(), party: PhantomData }
    }
}

impl<P: Party> fmt::Debug for Peer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer<{}>", P::ROLE.word())
    }
}

impl<P: Party> Peer<P> {
    /// The party that `transport` leads to.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Peer { transport, party: PhantomData }
    }

    /// The same party over a connection that shares nothing with earlier ones.
    pub fn fresh(&self) -> Self {
        Peer::new(self.transport.fresh())
    }

    /// Sends `message` once and waits for the answer.
    ///
    /// # Panics
    /// On a thread that is inside a store transaction: the store's guard sits in the transports that leave the process.
    pub async fn send<M: Message<To = P>>(&self, message: &M) -> Result<M::Reply, SendError<M::Refusal>> {
        let role = P::ROLE;
        let (status, body) = self.transport.call(M::PATH, encode(message), M::REPLY_MAX).await?;
        let protocol = |cause| SendError::Protocol { role, cause };
        match status {
            status::DONE => decode(&body, M::REPLY_MAX).map_err(protocol),
            status::REFUSED => Err(match decode(&body, crate::limits::SMALL_MESSAGE_BYTES_MAX) {
                Ok(refusal) => SendError::Refused(refusal),
                Err(cause) => protocol(cause),
            }),
            status::FORBIDDEN | status::UNKNOWN_PATH | status::TOO_LONG | status::MALFORMED => {
                Err(SendError::Forbidden { role, status })
            }
            _ => Err(SendError::Busy { role, status }),
        }
    }
}
