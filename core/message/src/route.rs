//! The receiving side of a call: from a path to the role that handles the message.

use std::{collections::BTreeMap, future::Future, sync::Arc};

use crate::{
    Auth, Message, Refusal, Role, Time, decode, encode,
    peer::{BoxFuture, Fault, Transport, status},
};

/// Who sent a message, as his certificate names him: `urn:zeni:<network>:<role>:<name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Role in the certificate.
    pub role: Role,
    /// Name in the certificate: a bank's short name, or `<bank>/<account>` of a customer.
    pub name: String,
}

/// What a handler knows besides the message. Never part of a content id.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// The receiver's time.
    pub now: Time,
    /// The certified sender; always absent for anonymous messages.
    pub caller: Option<Caller>,
}

impl Ctx {
    /// Name of the certified sender; the route table has checked that there is one with a role of `M::FROM`.
    pub fn caller_name(&self) -> &str {
        self.caller.as_ref().map_or("", |caller| &caller.name)
    }
}

/// Why a handler gives no reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure<R> {
    /// A typed refusal; nothing changed.
    Refused(R),
    /// The certified sender may not do this.
    Forbidden,
    /// Too much to do, or stopping; nothing changed.
    Busy,
    /// A fault of this side; the cause is in the log.
    Internal,
}

impl<R: Refusal> From<R> for Failure<R> {
    fn from(refusal: R) -> Self {
        Failure::Refused(refusal)
    }
}

/// A role that serves `M`.
pub trait Handle<M: Message>: Send + Sync + 'static {
    /// Carries `message` out, durably before it returns, or changes nothing.
    fn handle(&self, ctx: &Ctx, message: M) -> impl Future<Output = Result<M::Reply, Failure<M::Refusal>>> + Send;
}

type Handler = Box<dyn Fn(Ctx, Vec<u8>) -> BoxFuture<'static, (u16, Vec<u8>)> + Send + Sync>;

/// One row of the table from path to handler.
pub struct Route {
    /// Who may send.
    pub from: &'static [Role],
    /// What must be known of the sender.
    pub auth: Auth,
    /// Bytes of the longest body.
    pub max: usize,
    handler: Handler,
}

/// The messages that one listener of one role serves.
pub struct Routes {
    role: Role,
    table: BTreeMap<&'static str, Route>,
}

impl Routes {
    /// An empty table of `role`.
    pub fn new(role: Role) -> Self {
        Routes { role, table: BTreeMap::new() }
    }

    /// Adds `M`, served by `role`.
    ///
    /// # Panics
    /// If the path is taken: two messages of one party share a path.
    #[must_use]
    pub fn with<M: Message, H: Handle<M>>(mut self, role: &Arc<H>) -> Self {
        assert!(<M::To as crate::Party>::ROLE == self.role, "{} is not addressed to this role", M::PATH);
        let role = role.clone();
        let handler: Handler = Box::new(move |ctx, body| {
            let role = role.clone();
            Box::pin(async move { serve::<M, H>(&role, ctx, &body).await })
        });
        let before = self.table.insert(M::PATH, Route { from: M::FROM, auth: M::AUTH, max: M::MAX, handler });
        assert!(before.is_none(), "{} is served twice", M::PATH);
        self
    }

    /// Whose table this is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Paths and their rows, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Route)> {
        self.table.iter().map(|(path, route)| (*path, route))
    }

    /// The row of a path.
    pub fn route(&self, path: &str) -> Option<&Route> {
        self.table.get(path)
    }

    /// Brings `body` to its handler. An anonymous message loses the caller here, whatever the carrier knows.
    pub async fn dispatch(&self, path: &str, mut ctx: Ctx, body: Vec<u8>) -> (u16, Vec<u8>) {
        let Some(route) = self.table.get(path) else {
            return (status::UNKNOWN_PATH, Vec::new());
        };
        match route.auth {
            Auth::Anonymous => ctx.caller = None,
            Auth::Certificate => match &ctx.caller {
                Some(caller) if route.from.contains(&caller.role) => {}
                _ => return (status::FORBIDDEN, Vec::new()),
            },
        }
        if body.len() > route.max {
            return (status::TOO_LONG, Vec::new());
        }
        (route.handler)(ctx, body).await
    }
}

async fn serve<M: Message, H: Handle<M>>(role: &H, ctx: Ctx, body: &[u8]) -> (u16, Vec<u8>) {
    let message = match decode::<M>(body, M::MAX) {
        Ok(message) => message,
        Err(cause) => return (status::MALFORMED, cause.to_string().into_bytes()),
    };
    match role.handle(&ctx, message).await {
        Ok(reply) => (status::DONE, encode(&reply)),
        Err(Failure::Refused(refusal)) => (status::REFUSED, encode(&refusal)),
        Err(Failure::Forbidden) => (status::FORBIDDEN, Vec::new()),
        Err(Failure::Busy) => (status::BUSY, Vec::new()),
        Err(Failure::Internal) => (status::INTERNAL, Vec::new()),
    }
}

/// A clock: the shell's is the system's, a test's is a number.
pub trait Clock: Send + Sync {
    /// The present time.
    fn now(&self) -> Time;
}

/// Carries messages to a table in the same process: the same bytes as over HTTP.
pub struct MemoryTransport {
    routes: Arc<Routes>,
    clock: Arc<dyn Clock>,
    caller: Option<Caller>,
}

impl MemoryTransport {
    /// A transport to `routes`, sent by `caller`.
    pub fn new(routes: Arc<Routes>, clock: Arc<dyn Clock>, caller: Option<Caller>) -> Self {
        MemoryTransport { routes, clock, caller }
    }
}

impl Transport for MemoryTransport {
    fn call(&self, path: &'static str, body: Vec<u8>, _: usize) -> BoxFuture<'_, Result<(u16, Vec<u8>), Fault>> {
        let ctx = Ctx { now: self.clock.now(), caller: self.caller.clone() };
        Box::pin(async move { Ok(self.routes.dispatch(path, ctx, body).await) })
    }

    fn fresh(&self) -> Arc<dyn Transport> {
        Arc::new(MemoryTransport::new(self.routes.clone(), self.clock.clone(), self.caller.clone()))
    }
}
