//! What a command tells: results on standard output, talk on standard error, one exit code.

use std::{io::Write, process::ExitCode, time::Duration};

use anyhow::Context;
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::{Value, json};
use zeni_note::challenge::is_plain;

/// How often a sign of life moves.
const SPIN_EVERY: Duration = Duration::from_millis(120);

/// How a command ends when it is not done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Exit 1: refused; the code is stable.
    Refused {
        /// Stable word for scripts.
        code: String,
        /// What happened and what to do.
        text: String,
    },
    /// Exit 2: the command was given wrongly.
    Usage(String),
    /// Exit 3: the same command later can succeed.
    TryAgain {
        /// Stable word for scripts.
        code: String,
        /// What happened.
        text: String,
    },
    /// The command told its result, and the result is that it is not done: both are one JSON object.
    Result {
        /// The result, an object.
        value: Value,
        /// The result for people.
        text: String,
        /// How the command ends.
        end: Box<Failure>,
    },
}

impl Failure {
    /// A refusal.
    pub(crate) fn refused(code: &str, text: impl ToString) -> Failure {
        Failure::Refused { code: code.into(), text: text.to_string() }
    }

    /// This end of a command, with the result that it told.
    pub(crate) fn with_result(self, value: Value, text: &str) -> Failure {
        Failure::Result { value, text: text.to_owned(), end: Box::new(self) }
    }

    /// Exit code, stable word and text.
    pub(crate) fn told(&self) -> (u8, &str, &str) {
        match self {
            Failure::Refused { code, text } => (1, code, text),
            Failure::Usage(text) => (2, "usage", text),
            Failure::TryAgain { code, text } => (3, code, text),
            Failure::Result { end, .. } => end.told(),
        }
    }

    /// The same, with the name of the card that it befell.
    pub(crate) fn of_card(self, name: &str) -> Failure {
        let named =
            |text: String| if text.contains(&format!("'{name}'")) { text } else { format!("card '{name}': {text}") };
        match self {
            Failure::Refused { code, text } => Failure::Refused { code, text: named(text) },
            Failure::Usage(text) => Failure::Usage(named(text)),
            Failure::TryAgain { code, text } => Failure::TryAgain { code, text: named(text) },
            Failure::Result { value, text, end } => Failure::Result { value, text, end: Box::new(end.of_card(name)) },
        }
    }

    /// A matter of time.
    pub(crate) fn try_again(code: &str, text: impl ToString) -> Failure {
        Failure::TryAgain { code: code.into(), text: text.to_string() }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::refused("failed", format!("{error:#}"))
    }
}

/// Where results go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// One JSON object per command instead of text.
    pub(crate) json: bool,
}

impl Output {
    /// The result of a command: JSON for scripts or text for people.
    pub(crate) fn result(self, value: &impl Serialize, text: &str) -> Result<(), Failure> {
        if self.json {
            let line = serde_json::to_string(value).map_err(anyhow::Error::from)?;
            print(&line)?;
        } else if !text.is_empty() {
            print(&shown(text.trim_end()))?;
        }
        Ok(())
    }

    /// Talk to a person.
    pub(crate) fn say(self, text: &str) {
        complain(text);
    }

    /// Progress of long work, on a terminal only.
    pub(crate) fn progress(self, text: &str) -> ProgressBar {
        let bar = if self.json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        bar.enable_steady_tick(SPIN_EVERY);
        bar.with_message(text.to_owned())
    }

    /// Reports a failure and tells the exit code.
    pub(crate) fn failed(self, failure: &Failure) -> ExitCode {
        self.end(failure, Value::Null)
    }

    fn end(self, failure: &Failure, mut object: Value) -> ExitCode {
        if let Failure::Result { value, text, end } = failure {
            if !self.json
                && let Err(failure) = print(&shown(text.trim_end()))
            {
                return self.end(&failure, Value::Null);
            }
            return self.end(end, value.clone());
        }
        let (exit, code, text) = failure.told();
        complain(&format!("zeni: {text}"));
        if self.json {
            for (name, value) in
                [("ok", json!(false)), ("code", json!(code)), ("error", json!(text)), ("exit", json!(exit))]
            {
                object[name] = value;
            }
            // whoever closed standard output has the exit code and the reason on standard error
            let _closed = print(&object.to_string());
        }
        ExitCode::from(exit)
    }
}

/// A line on standard output; a reader who has gone is a refusal, not a crash.
fn print(line: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    let written = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    Ok(written.context("cannot write to standard output")?)
}

/// A line on standard error; when that is closed there is nobody left to tell.
fn complain(line: &str) {
    let _closed = writeln!(std::io::stderr().lock(), "{}", shown(line));
}

/// Text with everything escaped that a terminal would obey or that would turn the direction of writing; lines stay.
fn shown(text: &str) -> String {
    text.split('\n').map(foreign).collect::<Vec<_>>().join("\n")
}

/// Something that came from somebody else, so escaped that it stays on its line and is only read (RN-X42).
pub(crate) fn foreign(text: &str) -> String {
    let escaped = |letter: char| match is_plain(letter.encode_utf8(&mut [0; 4])) {
        true => letter.to_string(),
        false => letter.escape_unicode().to_string(),
    };
    text.chars().map(escaped).collect()
}
