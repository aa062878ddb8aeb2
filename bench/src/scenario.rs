//! Which scenarios there are, with what settings they run, and how they fail.

use std::path::PathBuf;

use serde::Serialize;
use zeni_bank::{ChoreError, LoadError};
use zeni_store::OpenError;

use crate::{blind, card, payee, redeem, register, report::Section, returns, sealed, sizes, store};

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// As the targets say: batches of 1,024, several rounds.
    Full,
    /// A few operations, to see that a scenario runs.
    Quick,
}

/// How scenarios run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How much.
    pub size: Size,
    /// In it databases are made, each in a directory of its own that is removed afterwards. Durable commits are only that on
    /// a real disk.
    pub directory: PathBuf,
}

impl Settings {
    /// One of two values by size.
    pub(crate) fn pick<T>(&self, full: T, quick: T) -> T {
        match self.size {
            Size::Full => full,
            Size::Quick => quick,
        }
    }

    pub(crate) fn temporary(&self) -> Result<tempfile::TempDir, BenchError> {
        tempfile::Builder::new().prefix("zeni-bench").tempdir_in(&self.directory).map_err(BenchError::Directory)
    }
}

/// A scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scenario {
    /// Blind signatures at the bank.
    Blind,
    /// Commands of the card.
    Card,
    /// Redeeming at the issuer.
    Redeem,
    /// Issue under seal at the issuer.
    Sealed,
    /// The payee's offline check.
    Payee,
    /// Returns at the issuer.
    Return,
    /// What register and archive hold while notes come and go.
    Register,
    /// Bytes and signatures.
    Sizes,
    /// Durable commits.
    Store,
}

impl Scenario {
    /// All, in the order in which they run.
    pub const ALL: [Scenario; 9] = [
        Scenario::Sizes,
        Scenario::Card,
        Scenario::Blind,
        Scenario::Redeem,
        Scenario::Sealed,
        Scenario::Payee,
        Scenario::Return,
        Scenario::Store,
        Scenario::Register,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Scenario::Blind => "blind",
            Scenario::Card => "card",
            Scenario::Redeem => "redeem",
            Scenario::Sealed => "sealed",
            Scenario::Payee => "payee",
            Scenario::Return => "return",
            Scenario::Register => "register",
            Scenario::Sizes => "sizes",
            Scenario::Store => "store",
        }
    }

    /// The scenario of a name.
    pub fn named(name: &str) -> Option<Scenario> {
        Scenario::ALL.into_iter().find(|scenario| scenario.name() == name)
    }

    /// Runs it. Blocks the thread until it is done; not to be called from within a task of an asynchronous runtime.
    ///
    /// # Errors
    /// [`BenchError`]; a figure is only given for work whose outcome was right.
    pub fn run(self, settings: &Settings) -> Result<Section, BenchError> {
        match self {
            Scenario::Blind => blind::run(settings),
            Scenario::Card => card::run(settings),
            Scenario::Redeem => redeem::run(settings),
            Scenario::Sealed => sealed::run(settings),
            Scenario::Payee => payee::run(settings),
            Scenario::Return => returns::run(settings),
            Scenario::Register => register::run(settings),
            Scenario::Sizes => Ok(sizes::run()),
            Scenario::Store => store::run(settings),
        }
    }
}

/// Why a scenario was given up.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// No directory for a database.
    #[error("no directory for a database: {0}")]
    Directory(#[source] std::io::Error),
    /// A store did not open.
    #[error("a store does not open: {0}")]
    Open(#[from] OpenError),
    /// A card refused what was to be measured.
    #[error("the card refuses: {0}")]
    Card(#[from] zeni_card::CardError),
    /// The bank took no accounts.
    #[error("the bank takes no accounts: {0}")]
    Load(#[from] LoadError),
    /// The bank did not come up.
    #[error("the bank does not come up: {0}")]
    Chore(#[from] ChoreError),
    /// A message was answered otherwise than with a reply.
    #[error("{path} was answered with status {status}")]
    Status {
        /// The message.
        path: &'static str,
        /// HTTP status.
        status: u16,
    },
    /// A reply was not the one that the work should have given.
    #[error("the outcome of {path} is not the one that was to be measured")]
    Outcome {
        /// The message.
        path: &'static str,
    },
    /// The issuer did not come through a round.
    #[error("the issuer does not come through a round: {0}")]
    Tick(#[from] zeni_issuer::TickError),
    /// A job of the store failed.
    #[error("a job of the store failed")]
    Job,
}
