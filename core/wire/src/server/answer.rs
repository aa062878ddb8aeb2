//! From a request to its answer.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Incoming},
    header::{CONNECTION, CONTENT_TYPE, HeaderValue},
};
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, timeout},
};
use zeni_identity::Identity;
use zeni_message::{
    Auth, Time,
    peer::status,
    route::{Caller, Clock, Ctx, Route, Routes},
};

use super::{ClientAuth, LINGER, LINGER_BYTES_MAX, Limits, ServerConfig};
use crate::{CBOR, Metrics};

const HEALTH: &str = "/healthz";
const METRICS: &str = "/metrics";
/// Label of everything that is not served.
const OTHER: &str = "other";
const METRICS_TYPE: &str = "text/plain; version=0.0.4";

/// Answers the requests of one listener.
pub(super) struct Answerer {
    clients: ClientAuth,
    routes: Arc<Routes>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    metrics: Option<Metrics>,
    alive: mpsc::Sender<()>,
    /// One permit for each request that may be answered at once.
    turns: Arc<Semaphore>,
}

/// Whether a connection ends with this answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    No,
    Yes,
}

/// Status and body before they become a response.
struct Answer {
    status: u16,
    content: &'static str,
    body: Vec<u8>,
}

impl Answer {
    fn empty(status: StatusCode) -> Self {
        Answer { status: status.as_u16(), content: CBOR, body: Vec::new() }
    }
}

impl Answerer {
    pub(super) fn new(config: ServerConfig, alive: mpsc::Sender<()>) -> Self {
        let ServerConfig { clients, routes, clock, limits, metrics, identity: _ } = config;
        let turns = Arc::new(Semaphore::new(limits.requests.clamp(1, Semaphore::MAX_PERMITS)));
        Answerer { clients, routes, clock, limits, metrics, alive, turns }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn clients(&self) -> &ClientAuth {
        &self.clients
    }

    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    pub(super) async fn answer(
        &self,
        caller: Option<Arc<Identity>>,
        request: Request<Incoming>,
        last: Last,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let started = Instant::now();
        let path = self.label(request.uri().path());
        let answer = self.work(path, caller.as_deref(), request).await;
        let took = started.elapsed();
        self.note(path, answer.status, took);
        let mut response = Response::new(Full::from(answer.body));
        *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(answer.content));
        if last == Last::Yes {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }

    async fn work(&self, path: &'static str, caller: Option<&Identity>, request: Request<Incoming>) -> Answer {
        let get = request.method() == Method::GET;
        match (path, &self.metrics) {
            (HEALTH, _) if get => Answer { status: status::DONE, content: "text/plain", body: b"ok".to_vec() },
            (METRICS, Some(metrics)) if get => {
                Answer { status: status::DONE, content: METRICS_TYPE, body: metrics.render().into_bytes() }
            }
            _ => match self.admit(path, caller, &request) {
                Ok(route) => self.carry_out(path, route.max, caller, request.into_body()).await,
                Err(refused) => {
                    discard(request.into_body()).await;
                    Answer::empty(refused)
                }
            },
        }
    }

    /// Everything that can be refused without reading the body.
    fn admit(&self, path: &str, caller: Option<&Identity>, request: &Request<Incoming>) -> Result<&Route, StatusCode> {
        if caller.is_some_and(|caller| self.revoked(caller)) {
            return Err(StatusCode::FORBIDDEN);
        }
        let route = self.routes.route(path).ok_or(StatusCode::NOT_FOUND)?;
        if request.method() != Method::POST {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        if route.auth == Auth::Certificate && !caller.is_some_and(|caller| route.from.contains(&caller.party().role()))
        {
            return Err(StatusCode::FORBIDDEN);
        }
        if request.headers().get(CONTENT_TYPE).is_none_or(|content| content != CBOR) {
            return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        if request.body().size_hint().lower() > u64::try_from(route.max).unwrap_or(u64::MAX) {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        Ok(route)
    }

    async fn carry_out(&self, path: &'static str, max: usize, caller: Option<&Identity>, body: Incoming) -> Answer {
        let body = match timeout(self.limits.body, Limited::new(body, max).collect()).await {
            Ok(Ok(body)) => Vec::from(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => return Answer::empty(StatusCode::PAYLOAD_TOO_LARGE),
            Ok(Err(_)) => return Answer::empty(StatusCode::BAD_REQUEST),
            Err(_) => return Answer::empty(StatusCode::REQUEST_TIMEOUT),
        };
        // only now: who sends slowly takes up no turn
        let Ok(turn) = self.turns.clone().try_acquire_owned() else {
            return Answer { status: status::BUSY, content: CBOR, body: Vec::new() };
        };
        let caller = caller.map(|caller| Caller { role: caller.party().role(), name: caller.party().name().into() });
        let ctx = Ctx { now: self.clock.now(), caller };
        let (routes, alive) = (self.routes.clone(), self.alive.clone());
        // a task of its own: a caller who hangs up must not stop a handler half way, and a panic must stay with its request
        let handler = tokio::spawn(async move {
            let answer = routes.dispatch(path, ctx, body).await;
            drop((alive, turn));
            answer
        });
        let (status, body) = handler.await.unwrap_or_else(|_| (status::INTERNAL, Vec::new()));
        Answer { status, content: CBOR, body }
    }

    fn revoked(&self, caller: &Identity) -> bool {
        self.clients.clients().is_some_and(|clients| caller.revoked(&clients.revocations.current()))
    }

    /// The path as logs and metrics show it: one of the table, never what a caller made up.
    fn label(&self, path: &str) -> &'static str {
        match path {
            HEALTH => HEALTH,
            METRICS => METRICS,
            _ => self.routes.iter().map(|(known, _)| known).find(|known| *known == path).unwrap_or(OTHER),
        }
    }

    fn note(&self, path: &'static str, status: u16, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if status == status::INTERNAL {
            tracing::error!(target: "zeni::wire", path, status, micros, "answered");
        } else {
            tracing::debug!(target: "zeni::wire", path, status, micros, "answered");
        }
        if let Some(metrics) = &self.metrics {
            metrics.record(path, status, took);
        }
    }
}

/// Reads and forgets what a refused caller sends, within limits, so that it gets to read the answer.
async fn discard(body: Incoming) {
    let mut body = Limited::new(body, LINGER_BYTES_MAX);
    // more than that, or too slow: the connection is cut
    drop(timeout(LINGER, async { while let Some(Ok(_)) = body.frame().await {} }).await);
}
