//! Transports around transports, for tests: what crossed the line, how often, and lines that are cut.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use zeni_message::peer::{BoxFuture, Fault, Transport};

type Answer = Result<(u16, Vec<u8>), Fault>;

/// One call as it crossed the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Whom the recording was told it leads to.
    pub peer: String,
    /// Which connection: calls over one transport share a number, each fresh one has its own.
    pub connection: u64,
    /// The path.
    pub path: &'static str,
    /// The request.
    pub request: Vec<u8>,
    /// The answer, or why there was none.
    pub answer: Answer,
}

/// Everything that several recordings saw, in the order in which the answers came.
#[derive(Clone, Debug, Default)]
pub struct Record {
    exchanges: Arc<Mutex<Vec<Exchange>>>,
    connections: Arc<AtomicU64>,
}

impl Record {
    /// An empty record.
    pub fn new() -> Self {
        Record::default()
    }

    /// What was recorded so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, exchange: Exchange) {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
    }
}

/// Keeps every request and answer.
pub struct Recording {
    inner: Arc<dyn Transport>,
    peer: String,
    connection: u64,
    record: Record,
}

impl Recording {
    /// Records into `record` what crosses `inner`, under the label `peer`.
    pub fn new(inner: Arc<dyn Transport>, peer: &str, record: &Record) -> Self {
        let connection = record.connections.fetch_add(1, Ordering::Relaxed);
        Recording { inner, peer: peer.into(), connection, record: record.clone() }
    }
}

impl Transport for Recording {
    fn call(&self, path: &'static str, body: Vec<u8>, reply_max: usize) -> BoxFuture<'_, Answer> {
        let call = self.inner.call(path, body.clone(), reply_max);
        Box::pin(async move {
            let answer = call.await;
            let (peer, connection, request) = (self.peer.clone(), self.connection, body);
            self.record.add(Exchange { peer, connection, path, request, answer: answer.clone() });
            answer
        })
    }

    fn fresh(&self) -> Arc<dyn Transport> {
        Arc::new(Recording::new(self.inner.fresh(), &self.peer, &self.record))
    }
}

/// Where a line is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The request never arrives.
    Before,
    /// The other side does it, the answer is lost.
    After,
}

/// Fails chosen calls. Fresh transports go on counting where this one is.
pub struct Cutting {
    inner: Arc<dyn Transport>,
    cuts: Arc<[(u64, Cut)]>,
    calls: Arc<AtomicU64>,
}

impl Cutting {
    /// Fails the calls whose numbers (from 0) `cuts` names.
    pub fn new(inner: Arc<dyn Transport>, cuts: impl IntoIterator<Item = (u64, Cut)>) -> Self {
        Cutting { inner, cuts: cuts.into_iter().collect(), calls: Arc::default() }
    }

    /// Calls so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Transport for Cutting {
    fn call(&self, path: &'static str, body: Vec<u8>, reply_max: usize) -> BoxFuture<'_, Answer> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let cut = self.cuts.iter().find(|(at, _)| *at == number).map(|(_, cut)| *cut);
        let broken = move || Fault::Broken { place: "test".into(), cause: format!("call {number} was cut") };
        match cut {
            None => self.inner.call(path, body, reply_max),
            Some(Cut::Before) => Box::pin(async move { Err(broken()) }),
            Some(Cut::After) => {
                let call = self.inner.call(path, body, reply_max);
                Box::pin(async move { call.await.and_then(|_| Err(broken())) })
            }
        }
    }

    fn fresh(&self) -> Arc<dyn Transport> {
        Arc::new(Cutting { inner: self.inner.fresh(), cuts: self.cuts.clone(), calls: self.calls.clone() })
    }
}

/// Counts calls and connections.
pub struct Counting {
    inner: Arc<dyn Transport>,
    calls: Arc<AtomicU64>,
    fresh: Arc<AtomicU64>,
}

impl Counting {
    /// Counts what crosses `inner`.
    pub fn new(inner: Arc<dyn Transport>) -> Self {
        Counting { inner, calls: Arc::default(), fresh: Arc::default() }
    }

    /// Calls so far, over this and all fresh transports.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// How many fresh transports were asked for.
    pub fn fresh_ones(&self) -> u64 {
        self.fresh.load(Ordering::Relaxed)
    }
}

impl Transport for Counting {
    fn call(&self, path: &'static str, body: Vec<u8>, reply_max: usize) -> BoxFuture<'_, Answer> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.inner.call(path, body, reply_max)
    }

    fn fresh(&self) -> Arc<dyn Transport> {
        self.fresh.fetch_add(1, Ordering::Relaxed);
        Arc::new(Counting { inner: self.inner.fresh(), calls: self.calls.clone(), fresh: self.fresh.clone() })
    }
}
