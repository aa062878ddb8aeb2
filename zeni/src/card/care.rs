//! `wallet card` and `shop card`: state, PIN and PUK of a home's card.

use serde_json::{Value, json};
use zeni_card::{ApduCard, Life, Transmit};

use super::pin::{self, Asked};
use crate::{
    cli::CardCommand,
    home::Home,
    output::{Failure, Output},
    wallet::explain,
};

/// Carries out one of the commands.
pub(crate) async fn care(mut home: Home, command: CardCommand, output: Output) -> Result<(), Failure> {
    let mut card = home.bare_card().await?;
    match command {
        CardCommand::Status => {
            let (mut value, mut text) = told(&mut card)?;
            value["card"] = json!(home.card_kind());
            if let Some(number) = home.card_name()? {
                text = format!("card {number}: {text}");
                value["name"] = json!(number);
            }
            output.result(&value, &text)
        }
        CardCommand::Pin => {
            let old = home.pin()?;
            let new = pin::ask(Asked::NewPin, None, home.name())?;
            home.owner_sets_pin(&new)?;
            card.change_pin(&old, &new).map_err(explain)?;
            home.owner_has_pin()?;
            output.result(&json!({"ok": true}), "the card has the new PIN")
        }
        CardCommand::Unblock => {
            let puk = match home.kept_puk()? {
                Some(puk) => puk,
                None => pin::ask(Asked::Puk, None, home.name())?,
            };
            let new = pin::ask(Asked::NewPin, None, home.name())?;
            home.owner_sets_pin(&new)?;
            card.unblock(&puk, &new).map_err(explain)?;
            home.owner_has_pin()?;
            output.result(&json!({"ok": true}), "the card is unblocked and has the new PIN")
        }
    }
}

/// What a card tells anyone, for scripts and for people.
pub(super) fn told<T: Transmit>(card: &mut ApduCard<T>) -> Result<(Value, String), Failure> {
    let information = card.information().map_err(explain)?;
    let (life, advice) = match information.life {
        Life::Manufactured => ("manufactured", "blank: join with it"),
        Life::Personalised => ("personalised", "joining was interrupted: join again"),
        Life::Operational => ("operational", "in use"),
        Life::Locked => ("locked", "its PIN was wrong too often: 'card unblock' sets a new one with the PUK"),
        Life::Retired => ("retired", "moved to another card: it signs nothing any more"),
    };
    let (pin, puk) = (information.pin_tries, information.puk_tries);
    let value = json!({
        "ok": true, "life": life, "pin_tries": pin, "puk_tries": puk, "version": information.version,
    });
    let puk = puk.map_or_else(String::new, |puk| format!(", {puk} for the PUK"));
    Ok((value, format!("{life}, {advice}; {pin} tries for the PIN{puk}")))
}
