//! Lines between the roles: the same bytes as over HTTPS, every exchange recorded, places that can be stopped.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use zeni_message::{
    Time,
    peer::{BoxFuture, Fault, Transport},
    route::{Caller, Clock, MemoryTransport, Routes},
};
use zeni_wire::wrappers::{Record, Recording};

/// A listener of an institution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Authority,
    IssuerPublic,
    IssuerMembers,
    Bank(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Authority => f.write_str("authority"),
            Place::IssuerPublic => f.write_str("issuer"),
            Place::IssuerMembers => f.write_str("issuer's members"),
            Place::Bank(name) => write!(f, "bank {name}"),
        }
    }
}

/// A clock that stands where it was put.
pub(crate) struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::SeqCst))
    }
}

impl Hand {
    pub(crate) fn at(time: Time) -> Arc<Hand> {
        Arc::new(Hand(AtomicU64::new(time.0)))
    }

    pub(crate) fn put(&self, time: Time) {
        self.0.store(time.0, Ordering::SeqCst);
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

/// What listens where.
pub(crate) struct Net {
    pub(crate) clock: Arc<Hand>,
    tables: RwLock<BTreeMap<Place, Arc<Routes>>>,
    /// Everything that crossed a line, with the place it led to and the certificate it came with.
    pub(crate) record: Record,
    drawn: AtomicU64,
}

impl Net {
    pub(crate) fn new(start: Time) -> Arc<Net> {
        Arc::new(Net {
            clock: Hand::at(start),
            tables: RwLock::default(),
            record: Record::new(),
            drawn: AtomicU64::new(0),
        })
    }

    /// A number that was not drawn before, to seed a role's randomness.
    pub(crate) fn drawn(&self) -> u64 {
        self.drawn.fetch_add(1, Ordering::SeqCst)
    }

    /// Routes listen at a place from now on.
    pub(crate) fn serve(&self, place: Place, routes: Routes) {
        self.tables.write().unwrap_or_else(PoisonError::into_inner).insert(place, Arc::new(routes));
    }

    /// Nothing listens there any more.
    pub(crate) fn stop(&self, place: Place) {
        self.tables.write().unwrap_or_else(PoisonError::into_inner).remove(&place);
    }

    /// Takes everything down, which also breaks the circle of roles that hold lines to one another.
    pub(crate) fn stop_all(&self) {
        self.tables.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn places(&self) -> usize {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// A recorded line. The record's label is `place <- caller`, the caller `nobody` without a certificate.
    pub(crate) fn line(self: &Arc<Net>, place: Place, caller: Option<Caller>) -> Arc<dyn Transport> {
        let from = caller.as_ref().map_or_else(|| "nobody".to_owned(), |caller| caller.name.clone());
        let line = Arc::new(Line { net: self.clone(), place, caller });
        Arc::new(Recording::new(line, &format!("{place} <- {from}"), &self.record))
    }
}

struct Line {
    net: Arc<Net>,
    place: Place,
    caller: Option<Caller>,
}

impl Transport for Line {
    fn call(
        &self,
        path: &'static str,
        body: Vec<u8>,
        reply_max: usize,
    ) -> BoxFuture<'_, Result<(u16, Vec<u8>), Fault>> {
        let routes = self.net.tables.read().unwrap_or_else(PoisonError::into_inner).get(&self.place).cloned();
        Box::pin(async move {
            let Some(routes) = routes else {
                return Err(Fault::Unreachable { place: self.place.to_string(), cause: "it is down".into() });
            };
            let memory = MemoryTransport::new(routes, self.net.clock.clone(), self.caller.clone());
            memory.call(path, body, reply_max).await
        })
    }

    fn fresh(&self) -> Arc<dyn Transport> {
        Arc::new(Line { net: self.net.clone(), place: self.place, caller: self.caller.clone() })
    }
}
