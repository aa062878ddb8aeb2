//! `zeni sandbox`: every institution of a small network in one process.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result, bail};
use zeni_crypto::SharedEntropy;
use zeni_issuer::Issuer;
use zeni_message::{
    Time,
    route::{Clock, Ctx, Handle},
};
use zeni_note::messages::issuer::GetKeyLists;

use crate::{
    cli::SandboxArgs,
    config::ServeConfig,
    network::NetworkFile,
    output::{Failure, Output},
    serve::{self, Parties, Running},
    setup,
};

/// Makes the sandbox if it is not there, starts it, says `ready`, runs until stopped.
pub(crate) async fn run(args: SandboxArgs, output: Output, clock: Arc<dyn Clock>) -> Result<(), Failure> {
    let config = args.dir.join("zeni.toml");
    if config.exists() {
        if args.customers.is_some() {
            output.say("zeni: this sandbox exists: its customers stay as they are");
        }
    } else {
        setup::create(&args.dir, args.customers.as_deref(), clock.now(), SharedEntropy::os())?;
    }
    let running = start(&args.dir, clock, |text| output.say(text)).await?;
    println!("ready");
    running.until_signal().await?;
    Ok(())
}

/// Starts the sandbox in `dir` and returns once notes can be drawn.
pub(crate) async fn start(dir: &Path, clock: Arc<dyn Clock>, say: impl Fn(&str)) -> Result<Running> {
    let config = ServeConfig::read(&dir.join("zeni.toml"))?;
    let network = NetworkFile::read(&config.path(&config.network))?;
    let parties = Parties::open(&config, &network, clock.clone()).await?;
    let issuer = parties.issuer.as_ref().context("a sandbox has an issuer")?.role.clone();
    let mut running = serve::start(&config, parties, clock.clone()).await?;
    let mut told = false;
    while !publishes(&issuer, clock.now()).await {
        if !told {
            say("zeni: the banks make their keys, this takes some seconds …");
            told = true;
        }
        if running.failed() {
            running.stop().await?;
            bail!("a server stopped before the network was ready");
        }
        tokio::time::sleep(serve::IDLE).await;
    }
    Ok(running)
}

/// Whether the issuer publishes a key list for the present epoch.
async fn publishes(issuer: &Issuer, now: Time) -> bool {
    let ctx = Ctx { now, caller: None };
    match issuer.handle(&ctx, GetKeyLists { from_epoch: 0 }).await {
        Ok(lists) => lists.iter().any(|list| list.record.from <= now && now < list.record.until),
        Err(_) => false,
    }
}
