//! `zeni sandbox`: every institution of a small network in one process.

use std::{path::Path, sync::Arc};

use anyhow::{Result, bail};
use zeni_bank::Bank;
use zeni_crypto::SharedEntropy;
use zeni_message::{Time, route::Clock};

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
    if config.exists() && !setup::is_unfinished(&args.dir) {
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
    let banks: Vec<_> = parties.banks.iter().map(|bank| bank.served.role.clone()).collect();
    let mut running = serve::start(&config, parties, clock.clone()).await?;
    let mut told = false;
    while !all_sign(&banks, clock.now()).await? {
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

/// Whether every bank sells requests: its keys are made and published.
async fn all_sign(banks: &[Arc<Bank>], now: Time) -> Result<bool> {
    for bank in banks {
        if !bank.signs_at(now).await? {
            return Ok(false);
        }
    }
    Ok(true)
}
