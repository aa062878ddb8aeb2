//! Background work: each role's rounds, one after the other, with a pause when nothing is due.

use std::{future::Future, sync::Arc, time::Duration};

use anyhow::Result;
use tokio::{sync::watch, task::JoinSet};

use super::{IDLE, Parties};

/// Longest pause after rounds that failed: the other side may be down for long.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// What one round came to.
enum Round {
    /// More is due at once.
    More,
    /// Nothing is due.
    Idle,
    /// It could not be finished; it begins again from what is stored.
    Failed(String),
}

/// Starts the rounds of all roles.
pub(super) fn spawn(parties: &Parties, tasks: &mut JoinSet<Result<()>>, stopping: &watch::Receiver<bool>) {
    if let Some(served) = &parties.authority {
        let role = served.role.clone();
        tasks.spawn(repeat("authority", stopping.clone(), move || {
            let role = role.clone();
            async move {
                match role.tick().await {
                    Ok(progress) if progress.more => Round::More,
                    Ok(_) => Round::Idle,
                    Err(error) => Round::Failed(format!("{error:?}")),
                }
            }
        }));
    }
    if let Some(served) = &parties.issuer {
        let role = served.role.clone();
        tasks.spawn(repeat("issuer", stopping.clone(), move || {
            let role = Arc::clone(&role);
            async move {
                match role.tick().await {
                    Ok(progress) if progress.more => Round::More,
                    Ok(_) => Round::Idle,
                    Err(error) => Round::Failed(error.to_string()),
                }
            }
        }));
    }
    for bank in &parties.banks {
        let (role, refresh_lists) = (bank.served.role.clone(), Arc::new(bank.refresher()));
        tasks.spawn(repeat("bank", stopping.clone(), move || {
            let (role, refresh_lists) = (Arc::clone(&role), Arc::clone(&refresh_lists));
            async move {
                if let Err(error) = refresh_lists() {
                    return Round::Failed(error.to_string());
                }
                match role.tick().await {
                    Ok(zeni_bank::Progress::More) => Round::More,
                    Ok(zeni_bank::Progress::Idle) => Round::Idle,
                    Err(error) => Round::Failed(error.to_string()),
                }
            }
        }));
    }
}

/// Rounds until the stop; the one under way is finished. Pauses double while rounds fail.
async fn repeat<F>(role: &'static str, mut stopping: watch::Receiver<bool>, round: impl Fn() -> F) -> Result<()>
where
    F: Future<Output = Round>,
{
    let mut pause = IDLE;
    while !*stopping.borrow() {
        match round().await {
            Round::More => {
                pause = IDLE;
                tokio::task::yield_now().await;
                continue;
            }
            Round::Idle => pause = IDLE,
            Round::Failed(cause) => {
                tracing::info!(role, cause, "a round could not be finished; it begins again");
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    Ok(())
}
