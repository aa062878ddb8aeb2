//! The wrappers of transports, and the guard.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use zeni_message::{
    Bank, decode,
    peer::{Fault, Peer, SendError, Transport},
};

use super::world::{ECHO_BYTES_MAX, Echo, World, echo};
use crate::{
    ClientAuth, set_transaction_guard,
    wrappers::{Counting, Cut, Cutting, Record, Recording},
};

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

fn guard() {
    assert!(!INSIDE.get(), "a call inside a transaction");
}

#[tokio::test]
async fn a_call_inside_a_transaction_panics() {
    let world = World::new();
    let server = world.start(ClientAuth::None).await;
    let transport = world.transport(&server, None);
    set_transaction_guard(guard);
    INSIDE.set(true);
    let inside = catch_unwind(AssertUnwindSafe(|| drop(transport.call("/v1/echo", Vec::new(), 10))));
    INSIDE.set(false);
    assert!(inside.is_err());
    assert!(Peer::<Bank>::new(transport).send(&echo(1)).await.is_ok());
}

#[tokio::test]
async fn recordings_hold_bytes_and_connections() {
    let world = World::new();
    let server = world.start(ClientAuth::None).await;
    let record = Record::new();
    let bank: Peer<Bank> = Peer::new(Arc::new(Recording::new(world.transport(&server, None), "bank", &record)));
    bank.send(&echo(3)).await.unwrap();
    bank.fresh().send(&echo(4)).await.unwrap();
    let seen = record.exchanges();
    assert_eq!(
        seen.iter().map(|e| (e.peer.as_str(), e.connection, e.path)).collect::<Vec<_>>(),
        [("bank", 0, "/v1/echo"), ("bank", 1, "/v1/echo")]
    );
    assert_eq!(decode::<Echo>(&seen[1].request, ECHO_BYTES_MAX), Ok(echo(4)));
    assert_eq!(decode::<Echo>(&seen[0].answer.clone().unwrap().1, ECHO_BYTES_MAX), Ok(echo(3)));
}

#[tokio::test]
async fn cuts_come_where_they_were_asked_for() {
    let world = World::new();
    let server = world.start(ClientAuth::None).await;
    let counting = Arc::new(Counting::new(world.transport(&server, None)));
    let cutting = Cutting::new(counting.clone(), [(0, Cut::Before), (2, Cut::After)]);
    let bank: Peer<Bank> = Peer::new(Arc::new(cutting));
    let broken = |result| matches!(result, Err(SendError::Fault(Fault::Broken { .. })));
    assert!(broken(bank.send(&echo(1)).await));
    assert_eq!(counting.calls(), 0);
    assert!(bank.send(&echo(1)).await.is_ok());
    assert!(broken(bank.send(&echo(1)).await));
    assert_eq!(counting.calls(), 2);
    assert!(bank.fresh().send(&echo(1)).await.is_ok());
}
