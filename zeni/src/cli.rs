//! The command line.

mod operators;

use std::{path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::documents::Input;

pub(crate) use operators::{
    AuthorityArgs, AuthorityCommand, BankArgs, BankCommand, CardLimitsArgs, IssuerArgs, IssuerCommand,
};

/// Electronic money you can run: issued against deposits, held in wallets, paid offline from hand to hand.
#[derive(Debug, Parser)]
#[command(name = "zeni", version, after_help = "Begin with: zeni demo")]
pub(crate) struct Cli {
    /// One JSON object on standard output instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Seconds by which this process's clock is moved, for drills in the future of a sandbox.
    #[arg(
        long,
        global = true,
        default_value_t = 0,
        env = "ZENI_CLOCK_OFFSET",
        allow_negative_numbers = true,
        hide = true
    )]
    pub(crate) clock_offset: i64,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole story against real servers on loopback and narrate it.
    Demo(DemoArgs),
    /// Start every institution on loopback with embedded stores; runs until stopped, restarts from its directory.
    Sandbox(SandboxArgs),
    /// Run the roles that a configuration file names.
    Serve(ServeArgs),
    /// A person's wallet.
    #[command(after_help = "Example: zeni wallet --home ~/.zeni withdraw \"12300 JPY\"")]
    Wallet(WalletArgs),
    /// A shop that takes payments and hands them in.
    #[command(after_help = "Example: zeni shop --home till request \"300 JPY\" --memo tea --out request.txt")]
    Shop(ShopArgs),
    /// A software card of its own that any program finds in a PC/SC reader.
    #[command(after_help = "Example: zeni card --file card.zeni new && zeni card --file card.zeni serve")]
    Card(CardFileArgs),
    /// Look into the issuer: circulation, audit, cases.
    Issuer(IssuerArgs),
    /// Look into the registration authority: disclosures, revocation.
    Authority(AuthorityArgs),
    /// Look into a bank: accounts.
    Bank(BankArgs),
    /// Say what a document is, decode it and verify all that can be verified.
    Inspect(InspectArgs),
    /// Measure processor time per operation.
    Bench(BenchArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Keep the demo's directory here instead of removing it at the end.
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// Directory of keys, databases, `network.toml` and `enrolment.csv`; made when it is not there.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Customers, lines of `bank,account,name,balance`; only read when the sandbox is made.
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) customers: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The configuration; a sandbox's `zeni.toml` is an example.
    pub(crate) config: PathBuf,
    /// Only read and check the configuration.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Where a wallet or shop lives and how it is opened.
#[derive(Debug, Args)]
pub(crate) struct HomeArgs {
    /// Directory of the wallet.
    #[arg(long, value_name = "DIR")]
    pub(crate) home: PathBuf,
    /// File whose first line is the passphrase (or set ZENI_PASSPHRASE; asked for on a terminal otherwise).
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Wait up to this long for another process that has the wallet open.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) wait: u64,
    #[command(flatten)]
    pub(crate) card: CardOptions,
}

/// Which card keys and counters are on, and how it is opened.
#[derive(Clone, Debug, Args)]
pub(crate) struct CardOptions {
    /// The card: a file of the wallet's own, or one in a reader (named whole or in part where there are several). A wallet
    /// remembers the card it joined with [default: soft].
    #[arg(long, value_name = "soft|pcsc[:READER]", env = "ZENI_CARD")]
    pub(crate) card: Option<CardArg>,
    /// File whose first line is the card's PIN (or set ZENI_PIN; asked for on a terminal otherwise).
    #[arg(long, value_name = "FILE")]
    pub(crate) pin_file: Option<PathBuf>,
}

/// A kind of card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CardArg {
    /// An encrypted file in the wallet's directory.
    Soft,
    /// A card in a reader, of this name or of any.
    Pcsc(Option<String>),
}

impl FromStr for CardArg {
    type Err = String;

    fn from_str(text: &str) -> Result<CardArg, String> {
        match text.split_once(':') {
            None if text == "soft" => Ok(CardArg::Soft),
            None if text == "pcsc" => Ok(CardArg::Pcsc(None)),
            Some(("pcsc", reader)) if !reader.is_empty() => Ok(CardArg::Pcsc(Some(reader.to_owned()))),
            _ => Err("a card is 'soft', 'pcsc' or 'pcsc:READER'".to_owned()),
        }
    }
}

/// What can be done with the card of a wallet or shop.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum CardCommand {
    /// Where the card is in its life, and how often PIN and PUK may still be wrong.
    Status,
    /// Change the PIN: the new one from ZENI_NEW_PIN, or asked for on a terminal.
    Pin,
    /// Unblock a card whose PIN was wrong too often: PUK from ZENI_PUK and new PIN from ZENI_NEW_PIN, or asked for.
    Unblock,
}

#[derive(Debug, Args)]
pub(crate) struct WalletArgs {
    #[command(flatten)]
    pub(crate) home: HomeArgs,
    /// Use this card of the wallet, one that 'card add' named or 'own' [default: by the currency of amount or document].
    #[arg(long, value_name = "NAME")]
    pub(crate) on: Option<String>,
    #[command(subcommand)]
    pub(crate) command: WalletCommand,
}

#[derive(Debug, Args)]
pub(crate) struct ShopArgs {
    #[command(flatten)]
    pub(crate) home: HomeArgs,
    #[command(subcommand)]
    pub(crate) command: ShopCommand,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PrivacyArg {
    /// One long-lived licence: nobody can tell who you are, payments of yours can be tied together.
    Untraceable,
    /// A fresh licence for each withdrawal and receipt: nothing ties your notes together.
    Unlinkable,
}

#[derive(Debug, Args)]
pub(crate) struct JoinArgs {
    /// The network file.
    #[arg(long, value_name = "FILE")]
    pub(crate) network: PathBuf,
    /// Short name of your bank.
    #[arg(long)]
    pub(crate) bank: String,
    /// Your account there.
    #[arg(long)]
    pub(crate) account: String,
    /// The bank's secret for the account.
    #[arg(long)]
    pub(crate) code: String,
    /// The authority's secret for you; without it you hold without a licence: you withdraw under seal, and what you receive you
    /// can only deposit.
    #[arg(long)]
    pub(crate) identity: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ViaArg {
    /// Through your bank, which cannot read which notes you get; it can name you with the issuer's proof if you overspend.
    Sealed,
    /// Blindly signed and redeemed without your bank; the authority can name you with a proof if you overspend.
    Registered,
}

#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    /// Amount, e.g. "300 JPY".
    pub(crate) amount: String,
    /// What it is for.
    #[arg(long, default_value = "")]
    pub(crate) memo: String,
    #[command(flatten)]
    pub(crate) out: OutArgs,
}

/// Where a document goes: standard output unless told otherwise.
#[derive(Debug, Args)]
pub(crate) struct OutArgs {
    /// Write the document to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Print it as QR codes on the terminal, several frames when one is too small.
    #[arg(long)]
    pub(crate) qr: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WalletCommand {
    /// Join a network as a customer of a bank.
    Join {
        #[command(flatten)]
        join: JoinArgs,
        /// How far your payments can be tied together.
        #[arg(long, value_enum, default_value = "untraceable")]
        privacy: PrivacyArg,
    },
    #[command(flatten)]
    Open(OpenWalletCommand),
    /// Make a wallet from a backup.
    Restore {
        /// The file.
        file: PathBuf,
    },
    /// The wallet's cards themselves.
    Card {
        #[command(subcommand)]
        command: WalletCardCommand,
    },
}

/// What can be done with the cards of a wallet.
#[derive(Debug, Subcommand)]
pub(crate) enum WalletCardCommand {
    #[command(flatten)]
    Care(CardCommand),
    /// Join with a further card, for one currency alone; what is in that currency then goes to it.
    Add(CardAddArgs),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct CardAddArgs {
    /// The name by which the card is asked for: small letters and digits.
    pub(crate) name: String,
    /// Its only currency, for ever.
    #[arg(long, value_name = "CODE")]
    pub(crate) currency: String,
    /// Short name of the bank [default: the wallet's].
    #[arg(long)]
    pub(crate) bank: Option<String>,
    /// Your account there, in this currency.
    #[arg(long)]
    pub(crate) account: String,
    /// The bank's secret for the account.
    #[arg(long)]
    pub(crate) code: String,
    #[command(flatten)]
    pub(crate) card: CardOptions,
}

/// What a wallet that is there can be told.
#[derive(Debug, Subcommand)]
pub(crate) enum OpenWalletCommand {
    /// Withdraw from your account; the requests are redeemed after random delays.
    Withdraw {
        /// Amount, e.g. "12300 JPY".
        amount: String,
        /// How the notes are issued [default: the bank's only way; if it has both, registered with a licence and sealed without].
        #[arg(long, value_enum)]
        via: Option<ViaArg>,
        /// Let the issuer make the notes' keys, where it offers that (implies --via sealed). It could then sign in your place.
        #[arg(long, hide_short_help = true)]
        issuer_made_keys: bool,
        /// Redeem at once. Quicker, but whoever sees bank and issuer can match the times.
        #[arg(long)]
        now: bool,
    },
    /// What the wallet holds.
    Balance,
    /// What happened.
    History,
    /// Orders under seal with what a dispute needs: signed order, sealed request, the bank's receipt.
    Orders {
        /// Write the documents into this directory.
        #[arg(long, value_name = "DIR")]
        export: Option<PathBuf>,
    },
    /// Finish everything that was interrupted, and redeem what is due.
    Resume,
    /// Stay running and redeem requests when they are due.
    Run {
        /// Stop when nothing is pending.
        #[arg(long)]
        until_idle: bool,
    },
    /// Ask for a payment; prints a document for the payer. Needs no network.
    Request(RequestArgs),
    /// Pay a request; prints a document for the payee. Needs no network.
    Pay {
        /// The request, - for standard input.
        request: Input,
        #[command(flatten)]
        out: OutArgs,
        /// Do not ask back on a terminal.
        #[arg(long, short)]
        yes: bool,
    },
    /// Take a payment that answers one of your requests. Needs no network.
    Receive {
        /// The payment, - for standard input.
        payment: Input,
    },
    /// Send back what came late, twice or in a wrong amount.
    GiveBack(OutArgs),
    /// Show the payments that were made again, the same bytes as before.
    Payments(OutArgs),
    /// Deposit to your account.
    Deposit {
        /// Amount, e.g. "500 JPY".
        amount: String,
        /// Also deposit what was given back to a key that ordered it under seal: the bank learns which notes you ordered.
        #[arg(long)]
        reveal: bool,
    },
    /// Have holdings that passed through many hands renewed at the issuer.
    Renew,
    /// Claim what cannot be spent any more: restored holdings after their validity, requests never redeemed.
    Refund,
    /// Take over the refunds of a lost card from its backup; 'resume' claims them when the money's term has come.
    ClaimRefunds {
        /// The backup, written by a wallet of the same account.
        file: PathBuf,
        /// A file whose first line is the passphrase of the wallet that wrote the backup, if it is not this one's.
        #[arg(long, value_name = "FILE")]
        backup_passphrase_file: Option<PathBuf>,
    },
    /// Give up a payment that the card began and this wallet's records do not know, after they were lost; tells what was signed.
    ConfirmByForce,
    /// Tell the authority that this wallet or card is lost: all your licences end.
    ReportLost,
    /// Write a backup; it can receive, resend and claim refunds, but not spend.
    Backup {
        /// The file.
        file: PathBuf,
        /// Move the wallet instead: this one is locked first, the other may spend. Restore such a file once only: no
        /// program can tell a second time, and two wallets made from it overspend each other's money, which names you.
        #[arg(long = "move")]
        moving: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ShopCommand {
    /// Join a network as a shop; the authority certifies its name.
    Join {
        #[command(flatten)]
        join: JoinArgs,
    },
    #[command(flatten)]
    Open(OpenShopCommand),
    /// The shop's card itself.
    Card {
        #[command(subcommand)]
        command: CardCommand,
    },
}

/// What a shop that is there can be told.
#[derive(Debug, Subcommand)]
pub(crate) enum OpenShopCommand {
    /// What the shop holds.
    Balance,
    /// What happened.
    History,
    /// Finish everything that was interrupted.
    Resume,
    /// Ask for a payment. Needs no network.
    Request(RequestArgs),
    /// Take a payment. Needs no network.
    Receive {
        /// The payment, - for standard input.
        payment: Input,
    },
    /// Send back what came late, twice or in a wrong amount.
    GiveBack(OutArgs),
    /// Hand in all takings under one signature.
    Deposit,
}

#[derive(Debug, Args)]
pub(crate) struct CardFileArgs {
    /// The card: an encrypted file; its key lies beside it in FILE.key, under a passphrase.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// File whose first line is the passphrase (or set ZENI_PASSPHRASE; asked for on a terminal otherwise).
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: CardFileCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CardFileCommand {
    /// Make a blank card.
    New,
    /// Put the card into vsmartcard's virtual reader until it is stopped.
    Serve {
        /// Port of the slot; the second slot of Debian's vsmartcard-vpcd has the next.
        #[arg(long, default_value_t = zeni_card_host::PORT)]
        port: u16,
    },
    /// Where the card is in its life.
    Status,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The document, - for standard input.
    pub(crate) file: PathBuf,
    /// Verify against this network.
    #[arg(long, value_name = "FILE")]
    pub(crate) network: Option<PathBuf>,
    /// The key that has to have signed a withdrawal order, hexadecimal, as `zeni wallet orders` tells it.
    #[arg(long, value_name = "HEX")]
    pub(crate) key: Option<String>,
    /// Ask the issuer for its key lists, which some checks need.
    #[arg(long)]
    pub(crate) fetch_key_lists: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// all, sizes, card, blind, redeem, sealed, payee, return, store or register (a million notes: long).
    #[arg(default_value = "all")]
    pub(crate) scenario: String,
    /// A few operations only, to see that it runs.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Where databases are made and removed again [default: the system's directory for temporary files].
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}
