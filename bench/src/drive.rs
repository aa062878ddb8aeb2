//! Sending many messages to a role as a server would get them.

use std::time::Duration;

use futures::{StreamExt, executor::block_on, stream};
use zeni_message::{
    Wire, decode,
    limits::MESSAGE_BYTES_MAX,
    peer::status,
    route::{Ctx, Routes},
};

use crate::{BenchError, measure::processor};

/// One message: who sends it and its bytes.
pub(crate) type Sent = (Ctx, Vec<u8>);

/// Processor time of a role that gets these messages, so many of them at a time, and its replies in order.
pub(crate) fn drive<R: Wire>(
    routes: &Routes,
    path: &'static str,
    messages: Vec<Sent>,
    in_flight: usize,
) -> Result<(Duration, Vec<R>), BenchError> {
    let calls = stream::iter(messages).map(|(ctx, body)| routes.dispatch(path, ctx, body)).buffered(in_flight);
    let (time, replies) = processor(|| block_on(calls.collect::<Vec<_>>()));
    let reply = |(found, body): (u16, Vec<u8>)| match found {
        status::DONE => decode(&body, MESSAGE_BYTES_MAX).map_err(|_| BenchError::Outcome { path }),
        status => Err(BenchError::Status { path, status }),
    };
    Ok((time, replies.into_iter().map(reply).collect::<Result<_, _>>()?))
}
