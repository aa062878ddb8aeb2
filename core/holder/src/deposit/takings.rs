//! `hand_in`: a shop's takings under one signature of its key.

use std::collections::BTreeSet;

use zeni_crypto::{Digest, PublicKey};
use zeni_message::Time;
use zeni_money::{Amount, Currency, Money};

use super::{AccountNow, DepositError, Moved};
use crate::{
    DepositReport, Holder, Trouble,
    holder::Live,
    record::{DepositKind, Holding, Part},
};

/// A holding that a shop hands in.
struct Taking {
    node: Digest,
    key: PublicKey,
    amount: Amount,
    /// Whether it is closed as it is; else what is left of it passes to the shop's key first.
    whole: bool,
}

impl Holder {
    /// Hands in all takings of a shop under one signature of its key (RN-F5.1, DESIGN §5). What comes too late, what is in
    /// a currency that the account does not have, and rests that can be paid to nobody any more stay for
    /// [`Holder::refund`]; what was given back to a key that ordered it under seal stays for [`Holder::hand_in_revealing`], and is
    /// refused by name when there is nothing else.
    pub async fn hand_in(&mut self) -> Result<Vec<DepositReport>, DepositError> {
        self.hand_in_from(false).await
    }

    /// As [`Holder::hand_in`], also what was given back to keys that ordered it under seal. **The bank learns which notes the shop
    /// ordered.**
    pub async fn hand_in_revealing(&mut self) -> Result<Vec<DepositReport>, DepositError> {
        self.hand_in_from(true).await
    }

    async fn hand_in_from(&mut self, reveal: bool) -> Result<Vec<DepositReport>, DepositError> {
        let profile = self.profile().await?;
        self.settle().await?;
        self.freshen().await?;
        let Some(main) = self.main_right(&profile).await?.filter(|_| profile.kind == crate::Kind::Shop) else {
            return Err(DepositError::NotShop);
        };
        let AccountNow { currency, now } = self.account_now().await?;
        let (mut reports, mut tried) = (Vec::new(), BTreeSet::new());
        loop {
            let mut takings = self.takings(currency, now, reveal).await?;
            takings.retain(|it| !tried.contains(&it.node));
            let Some(key) = takings.first().map(|it| it.key) else { break };
            takings.retain(|it| it.key == key);
            takings.truncate(self.card.hand_in_max()?);
            let (whole, mut rests): (Vec<Taking>, Vec<Taking>) = takings.into_iter().partition(|it| it.whole);
            // one signature is one key's: rests of an earlier key pass to the present one in a hand-in of their own
            if key != main.key() && !whole.is_empty() {
                rests.clear();
            }
            tried.extend(whole.iter().chain(&rests).map(|it| it.node));
            let amount = Amount::sum(whole.iter().chain(&rests).map(|it| it.amount)).unwrap_or(Amount::MAX);
            let moved: Vec<Part> = rests.iter().map(|it| Part { node: it.node, amount: it.amount }).collect();
            let direct = whole.iter().map(|it| it.node).collect();
            let money = Money::new(amount, currency);
            // the shop's key is public: a rest passes to the same key
            let licence = (!moved.is_empty()).then(|| main.clone());
            let moved = Moved { parts: moved, licence, now };
            let deposit = self.plan_deposit(DepositKind::HandIn, money, direct, moved).await?;
            reports.push(self.carry_deposit(deposit).await?);
        }
        if !reports.is_empty() {
            return Ok(reports);
        }
        if !reveal && !self.takings(currency, now, true).await?.is_empty() {
            return Err(DepositError::WouldReveal { available: Money::new(Amount::ZERO, currency) });
        }
        Err(DepositError::Nothing)
    }

    /// What a shop can hand in now, with or without what would reveal its orders.
    async fn takings(&mut self, currency: Currency, now: Time, reveal: bool) -> Result<Vec<Taking>, Trouble> {
        let lists = self.key_lists().await?;
        let in_time = |it: &Holding| it.currency() == currency && it.is_in_time(&lists, now);
        let mut takings = Vec::new();
        for Live { holding, status } in self.live().await? {
            // a note of one's own under seal passes to the shop's key first: its bank ordered it for this account
            let whole = status.remaining == status.value && !holding.is_own_sealed();
            let told = reveal || !holding.would_reveal();
            if in_time(&holding) && told && (whole || holding.is_payable(&lists, now)) {
                takings.push(Taking { node: holding.node, key: holding.key(), amount: status.remaining, whole });
            }
        }
        for holding in self.closed_whole().await?.into_iter().filter(in_time) {
            takings.push(Taking { node: holding.node, key: holding.key(), amount: holding.value, whole: true });
        }
        Ok(takings)
    }
}
