//! `zeni`: the institutions, wallets and shops of a network on the command line.
//!
//! Results go to standard output, talk to standard error. Exit 0 done, 1 refused, 2 usage, 3 try again.
#![allow(clippy::disallowed_macros, reason = "this is the binary: it talks to people")]

mod admin;
mod bench;
mod card;
mod cli;
mod config;
mod customers;
mod demo;
mod documents;
mod home;
mod inspect;
mod keys;
mod network;
mod output;
mod sandbox;
mod serve;
mod setup;
mod wallet;

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;

use cli::{Cli, Command};
use output::{Failure, Output};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && std::env::args_os().any(|word| word == "--json") => {
            let text = error.to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end().to_owned();
            return Output { json: true }.failed(&Failure::Usage(text));
        }
        Err(error) => error.exit(),
    };
    let output = Output { json: cli.json };
    log(cli.json);
    zeni_wire::set_transaction_guard(zeni_store::assert_outside_transaction);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output.failed(&Failure::from(anyhow::Error::from(error))),
    };
    #[expect(clippy::disallowed_methods, reason = "the binary owns the runtime")]
    let result = runtime.block_on(run(cli, output));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output.failed(&failure),
    }
}

async fn run(cli: Cli, output: Output) -> Result<(), Failure> {
    let clock = std::sync::Arc::new(zeni_wire::SystemClock::shifted(cli.clock_offset));
    match cli.command {
        Command::Demo(args) => demo::run(args, output).await,
        Command::Sandbox(args) => sandbox::run(args, output, clock).await,
        Command::Serve(args) => serve::run(args, output, clock).await,
        Command::Wallet(args) => Box::pin(wallet::run_wallet(args, output, clock)).await,
        Command::Shop(args) => Box::pin(wallet::run_shop(args, output, clock)).await,
        Command::Card(args) => card::file::run(args, output).await,
        Command::Issuer(args) => admin::issuer(args, output, clock).await,
        Command::Authority(args) => admin::authority(args, output, clock).await,
        Command::Bank(args) => admin::bank(args, output, clock).await,
        Command::Inspect(args) => inspect::run(args, output, clock).await,
        Command::Bench(args) => bench::run(args, output).await,
    }
}

/// Structured logs on standard error; silent unless `ZENI_LOG` asks for more than warnings.
fn log(json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("ZENI_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    // a second subscriber cannot be there: this is the first thing the process does
    let set = if json { builder.json().try_init() } else { builder.try_init() };
    drop(set);
}
