//! Where PINs and PUKs come from: a file, the environment, the terminal.

use std::{io::IsTerminal, path::Path};

use anyhow::Context;
use zeni_card::Pin;
use zeni_crypto::SharedEntropy;
use zeroize::Zeroizing;

use crate::{config::read_first_line, output::Failure};

/// Digits of a PIN or PUK that the program draws.
const DRAWN_DIGITS: usize = 8;

/// A secret number that somebody is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The card's PIN.
    Pin,
    /// The first PIN of a card.
    FirstPin,
    /// A PIN to be set in the place of another.
    NewPin,
    /// The card's PUK.
    Puk,
}

impl Asked {
    /// The PIN of a card with a name has a variable of its own: it is never shown to another card.
    fn variable(self, card: Option<&str>) -> String {
        match (self, card) {
            (Asked::Pin | Asked::FirstPin, None) => "ZENI_PIN".into(),
            (Asked::Pin | Asked::FirstPin, Some(name)) => format!("ZENI_PIN_{}", name.to_ascii_uppercase()),
            (Asked::NewPin, _) => "ZENI_NEW_PIN".into(),
            (Asked::Puk, _) => "ZENI_PUK".into(),
        }
    }

    fn prompt(self, card: Option<&str>) -> String {
        let card = card.map_or_else(|| "the card".to_owned(), |name| format!("the card '{name}'"));
        match self {
            Asked::Pin => format!("PIN of {card}"),
            Asked::FirstPin | Asked::NewPin => format!("New PIN of {card} (4 to 12 digits)"),
            Asked::Puk => format!("PUK of {card}"),
        }
    }
}

/// File, environment, terminal.
pub(crate) fn ask(asked: Asked, file: Option<&Path>, card: Option<&str>) -> Result<Pin, Failure> {
    if let Some(path) = file {
        return digits(&read_first_line(path).map_err(|error| Failure::Usage(format!("{error:#}")))?);
    }
    let variable = asked.variable(card);
    if let Ok(text) = std::env::var(&variable) {
        return digits(&Zeroizing::new(text));
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let or_file = if matches!(asked, Asked::Pin | Asked::FirstPin) { "--pin-file FILE, or " } else { "" };
        return Err(Failure::Usage(format!("the {} is needed: {or_file}set {variable}", asked.prompt(card))));
    }
    let typed = prompt(&format!("{}: ", asked.prompt(card)))?;
    if matches!(asked, Asked::FirstPin | Asked::NewPin) && *prompt("Again: ")? != *typed {
        return Err(Failure::Usage("the two PINs differ".into()));
    }
    digits(&typed)
}

/// A number that nobody chose.
pub(crate) fn drawn() -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(DRAWN_DIGITS));
    while text.len() < DRAWN_DIGITS {
        let [byte] = SharedEntropy::os().bytes();
        // 250 is the largest multiple of ten that a byte reaches: every digit is as likely
        if byte < 250 {
            text.push(char::from(b'0' + byte % 10));
        }
    }
    text
}

/// A PIN as it was kept or typed.
pub(crate) fn digits(text: &str) -> Result<Pin, Failure> {
    Pin::from_digits(text.trim().as_bytes()).ok_or_else(|| Failure::Usage("a PIN or PUK has 4 to 12 digits".into()))
}

fn prompt(text: &str) -> Result<Zeroizing<String>, Failure> {
    Ok(Zeroizing::new(rpassword::prompt_password(text).context("cannot read what was typed")?))
}
