//! `balance` and `history`.

use std::collections::BTreeMap;

use zeni_card::{HoldingState, Life};
use zeni_money::{Amount, Currency, Money};
use zeni_note::chain::Endorsement;

use crate::{
    Balance, CurrencyBalance, HistoryEntry, Holder, Trouble,
    record::{
        DepositPhase, Holding, HoldingPhase, Line, OwnDeposit, Renewal, RenewalPhase, Request, SelfPayment, Withdrawal,
    },
};

/// The four figures of one currency.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    available: Amount,
    pending: Amount,
    owed_back: Amount,
    restored: Amount,
}

fn add(to: &mut Amount, amount: Amount) {
    *to = to.checked_add(amount).unwrap_or(Amount::MAX);
}

impl Holder {
    /// The wallet's money per currency: what the card counts, and what is on its way. Nothing after a move: the other
    /// wallet has it.
    pub async fn balance(&mut self) -> Result<Balance, Trouble> {
        if self.card.life()? == Life::Retired {
            return Ok(Balance::default());
        }
        let mut figures: BTreeMap<Currency, Figures> = BTreeMap::new();
        for holding in self.active::<Holding>().await? {
            let status = self.card.holding(&holding.node)?;
            let figure = figures.entry(holding.currency()).or_default();
            let left = status.map_or(Amount::ZERO, |status| status.remaining);
            let restored = status.is_some_and(|status| status.state == HoldingState::Restored);
            match holding.phase {
                _ if restored => add(&mut figure.restored, left),
                HoldingPhase::Ours => add(&mut figure.available, left),
                HoldingPhase::OwedBack | HoldingPhase::Loading { owed_back: true } => {
                    add(&mut figure.owed_back, if status.is_some() { left } else { holding.value });
                }
                HoldingPhase::LoadingNote(_) | HoldingPhase::Loading { owed_back: false } => {
                    add(&mut figure.pending, if status.is_some() { left } else { holding.value });
                }
                HoldingPhase::Committed => add(&mut figure.pending, left),
                HoldingPhase::Gone => {}
            }
        }
        for request in self.active::<Request>().await? {
            add(&mut figures.entry(request.money.currency).or_default().pending, request.money.amount);
        }
        for order in self.active::<Withdrawal>().await? {
            add(&mut figures.entry(order.money.currency).or_default().pending, order.money.amount);
        }
        for (currency, amount) in self.closed_and_not_settled().await? {
            add(&mut figures.entry(currency).or_default().pending, amount);
        }
        let balances = figures.into_iter().map(|(currency, figure)| {
            let money = |amount| Money::new(amount, currency);
            CurrencyBalance {
                currency: currency.code().into(),
                available: money(figure.available),
                pending: money(figure.pending),
                owed_back: money(figure.owed_back),
                restored: money(figure.restored),
            }
        });
        Ok(Balance { balances: balances.collect() })
    }

    /// What the card has closed for a deposit or renewal that the other side does not have yet: neither card nor account
    /// counts it.
    async fn closed_and_not_settled(&mut self) -> Result<Vec<(Currency, Amount)>, Trouble> {
        let (mut leaves, mut closed) = (Vec::new(), Vec::new());
        for deposit in self.active::<OwnDeposit>().await? {
            match deposit.phase {
                DepositPhase::Moving { moves, .. } => closed.extend(self.moving(&moves)?),
                DepositPhase::Opened { leaves: closing, .. } => leaves.extend(closing),
                _ => {}
            }
        }
        for renewal in self.active::<Renewal>().await? {
            match renewal.phase {
                RenewalPhase::Moving(moves) => closed.extend(self.moving(&moves)?),
                RenewalPhase::Closing { leaf, .. } => leaves.push(leaf),
                _ => {}
            }
        }
        for leaf in leaves {
            let Some(holding) = self.get::<Holding>(&leaf.0).await? else { continue };
            let status = self.card.holding(&leaf)?;
            if status.is_some_and(|status| status.state == HoldingState::Closed && status.remaining.is_zero()) {
                closed.push((holding.currency(), holding.value));
            }
        }
        Ok(closed)
    }

    /// Parts of a payment to oneself that are signed and not loaded yet.
    fn moving(&mut self, moves: &SelfPayment) -> Result<Vec<(Currency, Amount)>, Trouble> {
        let network = self.config.roots.network;
        let challenge = &moves.challenge.record;
        let answer = challenge.answer(network);
        let mut signed = Vec::new();
        for part in &moves.parts {
            let endorsement = Endorsement { parent: part.node, amount: part.amount, answer };
            let leaf = zeni_message::identity(network, &endorsement);
            if self.card.endorsed(&part.node, &answer)?.is_some() && self.card.holding(&leaf)?.is_none() {
                signed.push((challenge.currency, part.amount));
            }
        }
        Ok(signed)
    }

    /// What happened, oldest first.
    pub async fn history(&self) -> Result<Vec<HistoryEntry>, Trouble> {
        let entry = |it: Line| HistoryEntry { time: it.time, kind: it.kind, money: it.money, text: it.text };
        Ok(self.all::<Line>().await?.into_iter().map(entry).collect())
    }
}
