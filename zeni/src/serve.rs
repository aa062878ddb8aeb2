//! Runs the roles of a configuration: stores, listeners, background work, an orderly stop.

mod parties;
mod rounds;

use std::{fs::File, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use zeni_message::route::Clock;
use zeni_wire::ServerConfig;

use crate::{
    cli::ServeArgs,
    config::ServeConfig,
    network::NetworkFile,
    output::{Failure, Output},
};

pub(crate) use parties::Parties;

/// One listener with what it serves.
pub(crate) struct Listener {
    pub(crate) address: String,
    pub(crate) config: ServerConfig,
}

/// Roles that run until they are told to stop.
pub(crate) struct Running {
    stop: watch::Sender<bool>,
    tasks: JoinSet<Result<()>>,
    ended: Option<Result<Result<()>, tokio::task::JoinError>>,
    // held as long as the roles run: a second process must not serve the same databases
    _locks: Vec<File>,
}

/// `zeni serve CONFIG.toml`.
pub(crate) async fn run(args: ServeArgs, output: Output, clock: Arc<dyn Clock>) -> Result<(), Failure> {
    let config = ServeConfig::read(&args.config).map_err(|error| Failure::Usage(format!("{error:#}")))?;
    let network =
        NetworkFile::read(&config.path(&config.network)).map_err(|error| Failure::Usage(format!("{error:#}")))?;
    if args.check {
        return output.result(&serde_json::json!({"ok": true}), "the configuration is valid");
    }
    let parties = Parties::open(&config, &network, clock.clone()).await?;
    let running = start(&config, parties, clock).await?;
    println!("ready");
    running.until_signal().await?;
    Ok(())
}

/// Binds all listeners, then serves and works in the background.
pub(crate) async fn start(config: &ServeConfig, parties: Parties, clock: Arc<dyn Clock>) -> Result<Running> {
    let locks = locks(config)?;
    parties.load(config).await?;
    let (stop, stopping) = watch::channel(false);
    let mut tasks = JoinSet::new();
    for listener in parties.listeners(config, &clock)? {
        let socket = TcpListener::bind(&listener.address)
            .await
            .with_context(|| format!("cannot listen at {}: is another process using it?", listener.address))?;
        let mut stopping = stopping.clone();
        tasks.spawn(async move {
            let stopped = async move {
                // an error means that the sender is gone, which is a stop as well
                let _stopped = stopping.wait_for(|stop| *stop).await;
            };
            Ok(zeni_wire::serve(socket, listener.config, stopped).await?)
        });
    }
    rounds::spawn(&parties, &mut tasks, &stopping);
    Ok(Running { stop, tasks, ended: None, _locks: locks })
}

/// One lock per role directory.
fn locks(config: &ServeConfig) -> Result<Vec<File>> {
    let mut dirs: Vec<_> = config.banks.iter().map(|bank| config.path(&bank.dir)).collect();
    dirs.extend(config.authority.iter().map(|role| config.path(&role.dir)));
    dirs.extend(config.issuer.iter().map(|role| config.path(&role.dir)));
    dirs.iter()
        .map(|dir| {
            let path = dir.join("lock");
            let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
            if file.try_lock().is_err() {
                bail!("{} is served by another process: stop that one first", dir.display());
            }
            Ok(file)
        })
        .collect()
}

impl Running {
    /// Stops: finishes what runs, then returns.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.stop.send_replace(true);
        if let Some(task) = self.ended.take() {
            task.context("a task of the server failed")??;
        }
        while let Some(task) = self.tasks.join_next().await {
            task.context("a task of the server failed")??;
        }
        Ok(())
    }

    /// Whether a task has ended, which before a stop means that it failed.
    pub(crate) fn failed(&mut self) -> bool {
        self.ended.is_some() || {
            self.ended = self.tasks.try_join_next();
            self.ended.is_some()
        }
    }

    /// Runs until SIGTERM or SIGINT, or until a task fails.
    pub(crate) async fn until_signal(mut self) -> Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let ended = tokio::select! {
            _ = terminate.recv() => None,
            _ = interrupt.recv() => None,
            task = self.tasks.join_next() => task,
        };
        if let Some(task) = ended {
            task.context("a task of the server failed")??;
        }
        self.stop().await
    }
}

/// Pause between two rounds of background work that found nothing to do.
pub(crate) const IDLE: Duration = Duration::from_millis(200);
