//! Cards in the readers of the system.

use zeni_card::{ApduCard, Life, apdu::AID};
use zeni_card_host::{PcscLink, ReaderError};
use zeni_crypto::{Entropy, OsEntropy};

use super::{AnyCard, Search};
use crate::{output::Failure, wallet::explain};

/// Looks into the readers once.
pub(super) fn look(search: &Search<'_>) -> Result<AnyCard, Failure> {
    let (mut found, mut others, mut mute) = (Vec::new(), Vec::new(), None);
    for mut link in PcscLink::all(search.reader, &select()).map_err(|error| failure(&error, search))? {
        let reader = link.reader();
        if let Some(number) = &search.number {
            link.known_by(**number);
        }
        let mut card: AnyCard = ApduCard::new(Box::new(link), None);
        let is_it = match &search.number {
            Some(number) => {
                let mut fresh = [0; 16];
                OsEntropy.fill(&mut fresh);
                card.is(number, &fresh.into())
            }
            None => Ok(true),
        };
        match is_it {
            Ok(true) => found.push((reader, card)),
            Ok(false) => others.push(reader),
            // somebody else's card that does not answer, or not as it should, hides no other
            Err(error) => drop(mute.get_or_insert(error)),
        }
    }
    // whoever joins wants a blank card, whatever others there are
    if search.number.is_none() && found.len() > 1 {
        let mut blank = Vec::new();
        for (reader, mut card) in std::mem::take(&mut found) {
            if card.information().is_ok_and(|it| it.life < Life::Operational) {
                blank.push((reader, card))
            }
        }
        if blank.is_empty() {
            return Err(super::taken());
        }
        found = blank;
    }
    if found.len() > 1 {
        let readers = found.iter().map(|(reader, _)| format!("'{reader}'")).collect::<Vec<_>>().join(", ");
        return Err(Failure::Usage(format!("there are cards in {readers}: name one, --card pcsc:READER")));
    }
    found.pop().map(|(_, card)| card).ok_or_else(|| {
        if let Some(error) = mute {
            return explain(error);
        }
        let text = format!("insert {}: there is another in '{}'", search.wanted(), others.join("', '"));
        Failure::try_again("other_card", text)
    })
}

/// SELECT of the applet.
fn select() -> Vec<u8> {
    let len = u8::try_from(AID.len()).expect("an identifier is short");
    [&[0x00, 0xA4, 0x04, 0x00, len], &AID[..], &[0x00]].concat()
}

fn failure(error: &ReaderError, search: &Search<'_>) -> Failure {
    if let ReaderError::NoCard { readers } = error {
        let text = format!("insert {}: there is no card in '{}'", search.wanted(), readers.join("', '"));
        return Failure::try_again(error.code(), text);
    }
    match error.heals() {
        true => Failure::try_again(error.code(), error),
        false => Failure::refused(error.code(), error),
    }
}
