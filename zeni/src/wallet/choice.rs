//! Which of a wallet's cards a command is for.

use zeni_crypto::Digest;
use zeni_holder::{Document, KnownRequest, was_held};
use zeni_money::Currency;
use zeni_note::{Challenge, Payment};
use zeni_store::Store;

use super::{explain, money};
use crate::{
    cli::OpenWalletCommand,
    home::{Further, Home},
    output::Failure,
};

/// What a command is about.
enum About {
    Currency(Currency),
    /// A request that is to be paid.
    Request(Box<Challenge>),
    /// A payment that is to be taken.
    Payment(Payment),
}

impl About {
    fn of(command: &OpenWalletCommand) -> Result<Option<About>, Failure> {
        Ok(Some(match command {
            OpenWalletCommand::Withdraw { amount, .. } | OpenWalletCommand::Deposit { amount, .. } => {
                About::Currency(money(amount)?.currency)
            }
            OpenWalletCommand::Request(args) => About::Currency(money(&args.amount)?.currency),
            OpenWalletCommand::Pay { request, .. } => {
                About::Request(Box::new(Document::parse_challenge(request.read()?).map_err(explain)?.record))
            }
            OpenWalletCommand::Receive { payment } => {
                About::Payment(Document::parse_payment(payment.read()?).map_err(explain)?)
            }
            _ => return Ok(None),
        }))
    }

    fn currency(&self) -> Option<Currency> {
        match self {
            About::Currency(currency) => Some(*currency),
            About::Request(request) => Some(request.currency),
            About::Payment(payment) => payment.answers.first().map(|answer| answer.chain.currency()),
        }
    }
}

/// The further card that a command is for; none for the wallet's own.
///
/// It is that of the command's currency, unless the wallet's own card has to do with the document already: it may have held that
/// currency before there was a card for it. What it paid is shown again and not paid twice, and what answers it comes to it.
/// Their records are asked, so that no card need be in a reader.
pub(super) async fn further(
    own: &Home,
    further: Vec<Further>,
    command: &OpenWalletCommand,
) -> Result<Option<Further>, Failure> {
    let Some(about) = About::of(command)? else { return Ok(None) };
    let Some(currency) = about.currency() else { return Ok(None) };
    for card in further {
        if card.card.currency()? == currency {
            return Ok((!is_of_own(own, &card, &about).await?).then_some(card));
        }
    }
    Ok(None)
}

async fn is_of_own(own: &Home, other: &Further, about: &About) -> Result<bool, Failure> {
    let roots = own.network.roots()?;
    match about {
        About::Currency(_) => Ok(false),
        About::Request(request) => {
            Ok(knows(&own.store()?, &request.answer(roots.network)).await? == Some(KnownRequest::Paid))
        }
        About::Payment(payment) => {
            let store = own.store()?;
            if knows(&store, &payment.answer).await? == Some(KnownRequest::Asked) {
                return Ok(true);
            }
            let asked_there = match other.records()? {
                Some(records) => knows(&records, &payment.answer).await? == Some(KnownRequest::Asked),
                None => false,
            };
            Ok(!asked_there && was_held(&store, &roots, payment).await.map_err(explain)?)
        }
    }
}

async fn knows(records: &Store, answer: &Digest) -> Result<Option<KnownRequest>, Failure> {
    KnownRequest::stored(records, answer).await.map_err(explain)
}
