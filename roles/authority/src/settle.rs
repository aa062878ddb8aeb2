//! The order of every operation that changes something: look, prepare, apply.

use std::sync::Arc;

use zeni_message::route::Failure;
use zeni_store::{Caller, JobError, Store, Tx, TxError, WriteError, refuse};

/// How often an operation looks again when what it saw changed before it could write.
const ATTEMPTS_MAX: u32 = 16;

/// What an operation comes to, once it has seen the state it depends on.
pub(crate) enum Decision<P, T> {
    /// Nothing is to be written: the answer is already there.
    Done(T),
    /// What is to be written, signatures included.
    Apply(P),
}

/// What an operation saw is no longer so.
struct Stale;

/// Runs one operation (DESIGN §1.2).
///
/// `view` reads all that the decision depends on; `prepare` decides and signs, outside any transaction; `apply` writes,
/// after `view` was read again inside the transaction and gave the same. Otherwise everything begins again with the new
/// view, and what was signed is dropped unseen.
///
/// # Errors
/// Those of `prepare`, [`Failure::Busy`] when the store is, or when the state never stood still, and
/// [`Failure::Internal`].
pub(crate) async fn settle<V, P, T, R>(
    store: &Store,
    caller: Caller,
    view: impl FnMut(&mut Tx<'_>) -> Result<V, TxError> + Clone + Send + 'static,
    mut prepare: impl FnMut(&V) -> Result<Decision<P, T>, Failure<R>>,
    apply: impl FnMut(&mut Tx<'_>, &V, &P) -> Result<T, TxError> + Clone + Send + 'static,
) -> Result<T, Failure<R>>
where
    V: PartialEq + Send + Sync + 'static,
    P: Send + Sync + 'static,
    T: Send + 'static,
{
    for _ in 0..ATTEMPTS_MAX {
        let seen = look(store, view.clone()).await?;
        let prepared = match prepare(&seen)? {
            Decision::Done(answer) => return Ok(answer),
            Decision::Apply(prepared) => prepared,
        };
        let decided = Arc::new((seen, prepared));
        let (mut view, mut apply) = (view.clone(), apply.clone());
        let outcome = store
            .write(caller, move |tx| {
                if view(tx)? != decided.0 {
                    return refuse(Stale);
                }
                Ok(apply(tx, &decided.0, &decided.1)?)
            })
            .await;
        match outcome {
            Err(WriteError::Refused(Stale)) => {}
            outcome => return outcome.map_err(failure),
        }
    }
    Err(Failure::Busy)
}

/// Reads one committed state.
pub(crate) async fn look<V, R>(
    store: &Store,
    mut view: impl FnMut(&mut Tx<'_>) -> Result<V, TxError> + Send + 'static,
) -> Result<V, Failure<R>>
where
    V: Send + 'static,
{
    store.read(move |tx| Ok::<_, JobError<Stale>>(view(tx)?)).await.map_err(failure)
}

fn failure<R>(error: WriteError<Stale>) -> Failure<R> {
    match error {
        WriteError::Busy | WriteError::TryAgain | WriteError::Stopped | WriteError::Refused(Stale) => Failure::Busy,
        WriteError::Damaged | WriteError::Internal => Failure::Internal,
    }
}

#[cfg(test)]
mod tests;
