//! Wallets with several cards: which one a command is for, and what goes over all of them.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use zeni_holder::{Kind, Trouble};
use zeni_message::route::Clock;
use zeni_wallet::Wallet;

use super::{Session, Told, choice, enrol, explain, had_joined};
use crate::{
    cli::{CardAddArgs, CardOptions, HomeArgs, JoinArgs, OpenWalletCommand},
    home::{CardName, Further, Home, OWN_CARD},
    output::{Failure, Output},
};

/// Opens the home of the card that is named, or of the wallet's own.
pub(super) async fn named(args: &HomeArgs, on: Option<&str>, clock: Arc<dyn Clock>) -> Result<Home, Failure> {
    let Some(name) = on.filter(|name| *name != OWN_CARD) else { return Home::open(args, clock).await };
    // kind, reader and PIN on the command line are those of the card that is named
    let options = CardOptions { card: None, pin_file: None };
    let (home, wait, passphrase_file) = (args.home.clone(), args.wait, args.passphrase_file.clone());
    let wallet = Home::open(&HomeArgs { home, passphrase_file, wait, card: options }, clock).await?;
    let mut further = wallet.further();
    drop(wallet);
    let names = further.iter().map(|one| one.card.name.clone()).chain([OWN_CARD.to_owned()]).collect::<Vec<_>>();
    let Some(place) = further.iter().position(|one| one.card.name == name) else {
        return Err(Failure::Usage(format!("this wallet has no card '{name}'; it has: {}", names.join(", "))));
    };
    let further = further.swap_remove(place).with_options(args.card.clone());
    further.open().await.map_err(|failure| failure.of_card(name))
}

/// Carries out a command with the card that is named; else with the one that its document or currency is for, or with all.
pub(super) async fn run(
    args: &HomeArgs,
    on: Option<&str>,
    command: OpenWalletCommand,
    output: Output,
    clock: Arc<dyn Clock>,
) -> Result<(), Failure> {
    let mut home = named(args, on, clock).await?;
    let further = if on.is_none() { home.further() } else { Vec::new() };
    if further.is_empty() {
        return one(home, command, output).await;
    }
    if let OpenWalletCommand::Run { until_idle } = command {
        return run_all(home, &further, until_idle, output).await;
    }
    if matches!(command, OpenWalletCommand::Balance | OpenWalletCommand::History | OpenWalletCommand::Resume) {
        return all(home, &further, &command, output).await;
    }
    if let Some(card) = choice::further(&home, further, &command).await? {
        // other commands may use the wallet's own card meanwhile
        drop(home);
        home = card.open().await.map_err(|failure| failure.of_card(&card.card.name))?;
    }
    one(home, command, output).await
}

/// Carries out a command with one card.
async fn one(home: Home, command: OpenWalletCommand, output: Output) -> Result<(), Failure> {
    let name = home.name().map(str::to_owned);
    let of_card = |failure| befell(failure, name.as_deref());
    let session = Session::of(home, Kind::Wallet, Wallet::new, output).await.map_err(of_card)?;
    Box::pin(session.wallet(command)).await.map_err(of_card)
}

/// A failure with the name of the further card that it befell.
fn befell(failure: Failure, card: Option<&str>) -> Failure {
    match card {
        Some(name) => failure.of_card(name),
        None => failure,
    }
}

/// Goes over all cards. One that is not there is told by its name and does not stop the others.
async fn all(home: Home, further: &[Further], command: &OpenWalletCommand, output: Output) -> Result<(), Failure> {
    let own = tell(home, command, output).await;
    let mut told = Vec::new();
    for one in further {
        told.push(match one.open().await {
            Ok(home) => tell(home, command, output).await,
            Err(failure) => Err(failure),
        });
    }
    together(own, further, told, output)
}

/// What a command said and how it ended, with the wallet's own card and with each further one.
fn together(
    own: Result<Told, Failure>,
    further: &[Further],
    told: Vec<Result<Told, Failure>>,
    output: Output,
) -> Result<(), Failure> {
    let (mut value, mut text, own) = parts(own);
    let mut failures: Vec<Failure> = own.into_iter().collect();
    let mut cards = Vec::new();
    for (one, told) in further.iter().zip(told) {
        let CardName { name, .. } = &one.card;
        let (mut of_card, said, end) = parts(told.map_err(|failure| failure.of_card(name)));
        of_card["name"] = json!(name);
        of_card["currency"] = json!(one.card.currency()?.code());
        text = format!("{}\ncard '{name}':\n{said}", text.trim_end());
        if let Some(failure) = end {
            let (_, code, error) = failure.told();
            (of_card["ok"], of_card["code"], of_card["error"]) = (json!(false), json!(code), json!(error));
            failures.push(failure);
        }
        cards.push(of_card);
    }
    value["cards"] = Value::Array(cards);
    let text = text.trim_start();
    // what time does not heal comes first
    failures.sort_by_key(|failure| failure.told().0 == 3);
    let mut failures = failures.into_iter();
    let Some(end) = failures.next() else { return output.result(&value, text) };
    for failure in failures {
        output.say(&format!("zeni: {}", failure.told().2));
    }
    Err(end.with_result(value, text))
}

/// A card that is served, or why it is not.
type Served = Result<Session<Wallet>, Failure>;

/// Stays running with all cards that are there, and tells at the end what they hold.
async fn run_all(home: Home, further: &[Further], until_idle: bool, output: Output) -> Result<(), Failure> {
    let mut served = vec![Session::of(home, Kind::Wallet, Wallet::new, output).await];
    for one in further {
        let session = match one.open().await {
            Ok(home) => Session::of(home, Kind::Wallet, Wallet::new, output).await,
            Err(failure) => Err(failure),
        };
        let session = session.map_err(|failure| failure.of_card(&one.card.name));
        if let Err(failure) = &session {
            output.say(&format!("zeni: {}", failure.told().2));
        }
        served.push(session);
    }
    serve(&mut served, until_idle).await?;
    let mut told = Vec::new();
    for session in served {
        told.push(match session {
            Ok(mut session) => session.balance_as_value().await,
            Err(failure) => Err(failure),
        });
    }
    let own = told.remove(0);
    together(own, further, told, output)
}

/// Carries on what is pending whenever it is due, until a signal comes or, if it is to stop then, nothing is pending. A card that
/// fails stops no other; where none is left it ends.
pub(super) async fn serve(cards: &mut [Served], until_idle: bool) -> Result<(), Failure> {
    let mut stop = signal(SignalKind::terminate()).context("signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals")?;
    let several = cards.len() > 1;
    loop {
        let mut pending = false;
        for card in &mut *cards {
            let Ok(session) = card else { continue };
            match carry_on(session).await {
                Ok(is_pending) => pending |= is_pending,
                Err(failure) => {
                    let failure = befell(failure, session.home.name());
                    if several {
                        session.output.say(&format!("zeni: {}", failure.told().2));
                    }
                    *card = Err(failure);
                }
            }
        }
        if cards.iter().all(Result::is_err) || (until_idle && !pending) {
            return Ok(());
        }
        // a request may come due while another command of this wallet is refused: look again every second
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            _ = stop.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    }
}

/// Carries on what is due with one card; answers whether more is pending.
async fn carry_on(session: &mut Session<Wallet>) -> Result<bool, Failure> {
    session.catch_up().await?;
    Ok(session.holder.next_due().await.map_err(explain)?.is_some())
}

async fn tell(home: Home, command: &OpenWalletCommand, output: Output) -> Result<Told, Failure> {
    let mut session = Session::of(home, Kind::Wallet, Wallet::new, output).await?;
    match command {
        OpenWalletCommand::History => session.history_told().await,
        OpenWalletCommand::Resume => session.resume_told().await,
        _ => session.balance_as_value().await,
    }
}

impl Session<Wallet> {
    async fn balance_as_value(&mut self) -> Result<Told, Failure> {
        let (balance, text) = self.balance_told().await?;
        Ok((serde_json::to_value(balance).map_err(anyhow::Error::from)?, text))
    }
}

/// Result and end of a command with one card.
fn parts(told: Result<Told, Failure>) -> (Value, String, Option<Failure>) {
    match told {
        Ok((value, text)) => (value, text, None),
        Err(Failure::Result { value, text, end }) => (value, text, Some(*end)),
        Err(failure) => (json!({}), String::new(), Some(failure)),
    }
}

/// Joins with a further card for the same person. The same again after a cut.
pub(super) async fn add(
    args: &HomeArgs,
    add: CardAddArgs,
    output: Output,
    clock: Arc<dyn Clock>,
) -> Result<(), Failure> {
    let card = CardName::new(&add.name, &add.currency)?;
    let mut wallet = Home::open(args, clock).await?;
    let profile = wallet.profile().await?.ok_or_else(|| explain(Trouble::NotJoined))?;
    if profile.kind != Kind::Wallet {
        return Err(Failure::Usage("a shop has one card".into()));
    }
    wallet.check_further(&card)?;
    let further = wallet.further_as(card.clone()).with_options(add.card.clone());
    let (bank, identity) = (add.bank.clone().unwrap_or(profile.bank), wallet.identity().map(str::to_owned));
    let mut home = further.create(&bank, identity.as_deref()).await?;
    let (mut value, text) = match home.profile().await? {
        Some(joined) if (&joined.bank, &joined.account) == (&bank, &add.account) => had_joined(&home, &joined.name)?,
        Some(joined) => {
            let text = format!("the card '{}' is for account {} at {}", add.name, joined.account, joined.bank);
            return Err(Failure::Usage(text));
        }
        None => {
            let (network, CardAddArgs { account, code, .. }) = (wallet.dir().join("network.toml"), add.clone());
            let join = JoinArgs { network, bank, account, code, identity };
            enrol(&mut home, join, profile.privacy, profile.kind).await?
        }
    };
    wallet.add_further(card)?;
    value["on"] = json!(add.name);
    output.result(&value, &format!("card '{}': {text}", add.name))?;
    home.puk_was_told()
}
