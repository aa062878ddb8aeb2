//! `balance` and `history`.

use std::collections::BTreeMap;

use zeni_card::{HoldingState, Life};
use zeni_message::encode;
use zeni_money::{Amount, Currency, Money};
use zeni_note::{chain::Endorsement, keylist::Terms};

use crate::{
    Balance, CurrencyBalance, HistoryEntry, Holder, StuckRequest, Trouble, Via, Ways,
    record::{
        DepositPhase, Holding, HoldingPhase, Line, OperatorWord, OwnDeposit, Request, RequestState, SelfPayment,
        Withdrawal,
    },
};

/// The figures of one currency.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    available: Amount,
    /// Part of what is available that was issued under seal.
    sealed: Amount,
    deposit_only: Amount,
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
        let (terms, now) = (self.key_lists().await?, self.now());
        let mut figures: BTreeMap<Currency, Figures> = BTreeMap::new();
        let holdings = self.active::<Holding>().await?;
        for (currency, amount) in self.to_be_refunded(&holdings).await? {
            add(&mut figures.entry(currency).or_default().restored, amount);
        }
        for holding in holdings {
            let status = self.card.holding(&holding.node)?;
            let figure = figures.entry(holding.currency()).or_default();
            let left = status.map_or(Amount::ZERO, |status| status.remaining);
            let closed = status.map_or(Amount::ZERO, |status| status.closed);
            let state = status.map(|status| status.state);
            match holding.phase {
                _ if state == Some(HoldingState::Restored) => {
                    add(&mut figure.restored, left);
                    add(&mut figure.restored, closed);
                }
                HoldingPhase::Closed { .. } => add(&mut figure.restored, closed),
                HoldingPhase::Ours if state.is_none() => return Err(Trouble::ForeignCard),
                // a backup of a wallet that was in the middle of a deposit
                HoldingPhase::Ours if state == Some(HoldingState::Closed) => add(&mut figure.pending, closed),
                HoldingPhase::Ours if holding.is_payable(&terms, now) => {
                    add(&mut figure.available, left);
                    if holding.via(&terms) == Via::Sealed {
                        add(&mut figure.sealed, left);
                    }
                }
                HoldingPhase::Ours if holding.is_terminal() && holding.is_in_time(&terms, now) => {
                    add(&mut figure.deposit_only, left);
                }
                HoldingPhase::Ours => add(&mut figure.restored, left),
                HoldingPhase::OwedBack | HoldingPhase::Loading { owed_back: true } => {
                    add(&mut figure.owed_back, if status.is_some() { left } else { holding.value });
                }
                HoldingPhase::LoadingNote(_) | HoldingPhase::Loading { owed_back: false } => {
                    add(&mut figure.pending, if status.is_some() { left } else { holding.value });
                }
                // once closed it is counted by neither card nor account until the other side has it
                HoldingPhase::Committed => {
                    add(&mut figure.pending, left);
                    add(&mut figure.pending, closed);
                }
                HoldingPhase::Gone => {}
            }
        }
        for request in self.active::<Request>().await? {
            add(&mut figures.entry(request.money.currency).or_default().pending, request.money.amount);
        }
        for order in self.active::<Withdrawal>().await? {
            add(&mut figures.entry(order.money.currency).or_default().pending, order.money.amount);
        }
        for order in self.open_orders().await? {
            let money = order.money();
            add(&mut figures.entry(money.currency).or_default().pending, money.amount);
        }
        for (currency, amount) in self.signed_and_not_loaded().await? {
            add(&mut figures.entry(currency).or_default().pending, amount);
        }
        let balances = figures.into_iter().map(|(currency, figure)| {
            let money = |amount| Money::new(amount, currency);
            CurrencyBalance {
                currency: currency.code().into(),
                available: money(figure.available),
                ways: Ways {
                    registered: money(figure.available.checked_sub(figure.sealed).unwrap_or(Amount::ZERO)),
                    sealed: money(figure.sealed),
                },
                deposit_only: money(figure.deposit_only),
                pending: money(figure.pending),
                owed_back: money(figure.owed_back),
                restored: money(figure.restored),
            }
        });
        let balances: Vec<CurrencyBalance> = balances.collect();
        let (stuck, frozen) = (self.stuck().await?, self.card.operator()?.frozen);
        let OperatorWord { currency, refused } = self.operator_word().await?;
        let foreign = |of_account: &Currency| {
            balances.iter().any(|it| !it.restored.amount.is_zero() && it.restored.currency != *of_account)
        };
        let account_currency = currency.filter(foreign).map(|currency| currency.code().into());
        let unknown = self.unknown_money().await?;
        let awaits_contact = match balances.first() {
            Some(one) => self.card.limits(one.available.currency)?.awaits_contact,
            None => false,
        };
        let card_refused = refused.filter(|_| !frozen);
        Ok(Balance { balances, stuck, frozen, awaits_contact, unknown, card_refused, account_currency })
    }

    /// Requests that can only be claimed back, with the term for it.
    pub(crate) async fn stuck(&self) -> Result<Vec<StuckRequest>, Trouble> {
        let lists = self.key_lists().await?;
        let of = |request: Request| {
            let RequestState::Stuck(reason) = request.state else { return None };
            let terms = lists.terms(request.series, request.epoch)?;
            let (claim_from, claim_until) = (terms.redeem_until.plus(1), terms.claim_until);
            Some(StuckRequest { money: request.money, reason, claim_from, claim_until })
        };
        Ok(self.active::<Request>().await?.into_iter().filter_map(of).collect())
    }

    /// What refund files claim that were taken over, at most. What this wallet holds itself is counted there.
    async fn to_be_refunded(&self, holdings: &[Holding]) -> Result<Vec<(Currency, Amount)>, Trouble> {
        // one holding stands in every file that was made while it was on the card, and is paid once
        let mut claimed: BTreeMap<Vec<u8>, (Currency, Amount)> = BTreeMap::new();
        for deposit in self.active::<OwnDeposit>().await? {
            let DepositPhase::Presented(batch) = deposit.phase else { continue };
            for item in batch.items.iter().filter(|item| !holdings.iter().any(|holding| holding.chain == item.chain)) {
                let (_, most) = claimed.entry(encode(&item.chain)).or_insert((batch.currency, item.amount));
                *most = (*most).max(item.amount);
            }
        }
        Ok(claimed.into_values().collect())
    }

    /// What payments to oneself have signed away and not brought in yet: the card counts it nowhere.
    async fn signed_and_not_loaded(&mut self) -> Result<Vec<(Currency, Amount)>, Trouble> {
        let mut signed = Vec::new();
        for moves in self.begun_moves().await? {
            signed.extend(self.moving(&moves)?);
        }
        Ok(signed)
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
        let entry =
            |it: Line| HistoryEntry { time: it.time, kind: it.kind, money: it.money, text: it.text, via: it.via };
        Ok(self.all::<Line>().await?.into_iter().map(entry).collect())
    }
}
