//! A stored deposit on its way: closed, sent, refused or settled.

use zeni_card::HoldingState;
use zeni_crypto::Digest;
use zeni_message::{Refusal, Retry, peer::SendError};
use zeni_money::{Amount, Money};
use zeni_note::{
    ClosingPurpose,
    closing::ToAccount,
    messages::bank::{
        self, ClosedChain, DepositRefusal, DepositState, GetDeposit, HandInTakings, ItemState, OpenDeposit,
    },
};

use super::DepositError;
use crate::{
    DepositReport, Explain, Holder, Trouble,
    error::settled,
    record::{DepositKind, DepositPhase, Holding, HoldingPhase, Line, OwnDeposit},
    table::Change,
};

impl Holder {
    /// Carries a stored deposit as far as it goes. What the bank refuses by name is left out, and the others are sent in a
    /// deposit of their own.
    pub(crate) async fn carry_deposit(&mut self, mut deposit: OwnDeposit) -> Result<DepositReport, DepositError> {
        let (whole, mut left_out) = (deposit.money.amount, Vec::new());
        loop {
            let before = deposit.clone();
            match &before.phase {
                DepositPhase::Moving { moves, direct } => {
                    match self.carry_move(moves).await {
                        Ok(moved) => deposit.phase = DepositPhase::Fixed([&direct[..], &moved].concat()),
                        Err(error) if self.is_void(moves, &error)? => {
                            left_out.push(error.code().to_owned());
                            deposit = self.without_move(deposit, direct, &error).await?;
                        }
                        Err(error) => return Err(error.into()),
                    }
                    self.put(&deposit).await?;
                }
                DepositPhase::Fixed(leaves) => {
                    let to = self.open_deposit(&deposit).await?;
                    deposit.phase = DepositPhase::Opened { to, leaves: leaves.clone() };
                    self.put(&deposit).await?;
                }
                DepositPhase::Opened { to, leaves } => match self.send_deposit(&before, to, leaves).await {
                    Ok(state) => {
                        deposit = self.taken(before.clone(), leaves, state).await?;
                        return Ok(report(&deposit, whole, left_out));
                    }
                    Err(DepositError::Bank(SendError::Refused(refusal))) => {
                        left_out.push(refusal.code().to_owned());
                        deposit = self.refused(before.clone(), leaves, refusal).await?;
                    }
                    Err(error) => return Err(error),
                },
                DepositPhase::Sent(_) => {
                    let state = self.ask_state(&before).await?;
                    deposit = self.answered(before, state).await?;
                    return Ok(report(&deposit, whole, left_out));
                }
                DepositPhase::Done(_) | DepositPhase::Refused(_) => return Ok(report(&deposit, whole, left_out)),
                DepositPhase::Presented(batch) => match self.send_refunds(&mut deposit, batch).await? {
                    Ok(state) => {
                        deposit = self.taken(before.clone(), &[], state).await?;
                        return Ok(report(&deposit, whole, left_out));
                    }
                    Err(code) => left_out.push(code),
                },
            }
        }
    }

    /// A deposit whose payment to oneself was planned, and can never be signed any more: what needs none goes alone.
    async fn without_move(
        &self,
        deposit: OwnDeposit,
        direct: &[Digest],
        error: &Trouble,
    ) -> Result<OwnDeposit, DepositError> {
        if direct.is_empty() {
            return Ok(OwnDeposit { phase: DepositPhase::Refused(error.code().to_owned()), ..deposit });
        }
        let mut sum = Amount::ZERO;
        for node in direct {
            let value = self.get::<Holding>(&node.0).await?.map_or(Amount::ZERO, |holding| holding.value);
            sum = sum.checked_add(value).unwrap_or(Amount::MAX);
        }
        let money = Money::new(sum, deposit.money.currency);
        Ok(OwnDeposit { money, phase: DepositPhase::Fixed(direct.to_vec()), ..deposit })
    }

    async fn open_deposit(&mut self, deposit: &OwnDeposit) -> Result<ToAccount, DepositError> {
        let profile = self.profile().await?;
        let opened = self.peers.bank.send(&OpenDeposit { deposit: deposit.id }).await?;
        Ok(ToAccount {
            time: opened.time,
            account: Holder::account_digest(&profile, &deposit.id),
            bank: profile.bank,
            deposit: deposit.id,
            nonce: opened.nonce,
        })
    }

    /// The bank has it: its answer and what it has are stored together.
    async fn taken(
        &mut self,
        deposit: OwnDeposit,
        leaves: &[Digest],
        state: DepositState,
    ) -> Result<OwnDeposit, DepositError> {
        let line = Line::new(self.now(), word(deposit.kind), &deposit.id[..], deposit.money, "");
        let mut changes = self.rephased(leaves, HoldingPhase::Gone).await?;
        changes.push(Change::put(&line));
        self.commit(changes).await?;
        self.answered(OwnDeposit { taken: Some(leaves.to_vec()), ..deposit }, state).await
    }

    /// Stores what the issuer answered; what it may credit another time is free again.
    async fn answered(&mut self, deposit: OwnDeposit, state: DepositState) -> Result<OwnDeposit, DepositError> {
        let known: &[ItemState] = match &deposit.phase {
            DepositPhase::Sent(before) => &before.items,
            _ => &[],
        };
        let leaves = deposit.taken.iter().flatten();
        let new = |(place, item): &(usize, &ItemState)| known.get(*place) != Some(*item);
        let mut changes = Vec::new();
        for (leaf, answer) in leaves.zip(state.items.iter().enumerate()).filter(|(_, answer)| new(answer)) {
            if let Some(phase) = comes_again(answer.1) {
                changes.extend(self.rephased(&[*leaf], phase).await?);
            }
        }
        let phase = if is_settled(&state) { DepositPhase::Done(state) } else { DepositPhase::Sent(state) };
        let deposit = OwnDeposit { phase, ..deposit };
        let DepositReport { refused, not_credited, done, .. } = report(&deposit, deposit.money.amount, Vec::new());
        if done && !refused.is_empty() {
            changes.push(self.refusal_line(&deposit, &[], not_credited, &refused.join(", ")));
        }
        changes.push(Change::put(&deposit));
        self.commit(changes).await?;
        Ok(deposit)
    }

    /// The bank credited nothing: the leaf it named is left out and a deposit of the others follows, or all are free to be
    /// closed again. Refused for now, or because the bank knows no such challenge, it stays to be sent again.
    async fn refused(
        &mut self,
        deposit: OwnDeposit,
        leaves: &[Digest],
        refusal: DepositRefusal,
    ) -> Result<OwnDeposit, DepositError> {
        if refusal == DepositRefusal::UnknownChallenge {
            let fixed = DepositPhase::Fixed(leaves.to_vec());
            self.put(&OwnDeposit { phase: fixed, ..deposit }).await?;
            return Err(SendError::Refused(refusal).into());
        }
        if let DepositRefusal::TooEarly { .. } = refusal {
            // what is whole can still be deposited, and the refund asked for again later
            let phase = DepositPhase::Refused(refusal.code().into());
            let mut changes = self.rephased(leaves, HoldingPhase::Closed { deposit: true }).await?;
            changes.push(Change::put(&OwnDeposit { phase, ..deposit }));
            self.commit(changes).await?;
            return Err(SendError::Refused(refusal).into());
        }
        if refusal.retry() == Retry::Later {
            return Err(SendError::Refused(refusal).into());
        }
        let code = refusal.code();
        let phase = DepositPhase::Refused(code.into());
        let named = named(&refusal).and_then(|item| leaves.get(usize::try_from(item).ok()?)).copied();
        let Some(named) = named else {
            let over = OwnDeposit { phase, ..deposit };
            let mut changes = self.rephased(leaves, HoldingPhase::Closed { deposit: true }).await?;
            changes.push(self.refusal_line(&over, &[], over.money, code));
            changes.push(Change::put(&over));
            self.commit(changes).await?;
            return Ok(over);
        };
        // a refund of what this bank has already can bring nothing more
        let has_it = deposit.kind == DepositKind::Refund && matches!(refusal, DepositRefusal::Repeated { .. });
        let left = if has_it { HoldingPhase::Gone } else { HoldingPhase::Closed { deposit: false } };
        let mut changes = self.rephased(&[named], left).await?;
        let others: Vec<Digest> = leaves.iter().filter(|leaf| **leaf != named).copied().collect();
        let over = OwnDeposit { phase, ..deposit.clone() };
        changes.push(Change::put(&over));
        let taken = self.card.holding(&named)?.map_or(Amount::ZERO, |status| status.closed);
        changes.push(self.refusal_line(&over, &named.0, Money::new(taken, over.money.currency), code));
        if others.is_empty() {
            self.commit(changes).await?;
            return Ok(over);
        }
        let amount = deposit.money.amount.checked_sub(taken).unwrap_or(Amount::ZERO);
        let money = Money::new(amount, deposit.money.currency);
        let next = OwnDeposit { id: self.nonce(), money, phase: DepositPhase::Fixed(others), ..deposit };
        changes.push(Change::put(&next));
        self.commit(changes).await?;
        Ok(next)
    }

    /// The history's line of what was refused: all of a deposit, or the `part` of it that this names.
    pub(crate) fn refusal_line(&self, deposit: &OwnDeposit, part: &[u8], money: Money, code: &str) -> Change {
        let kind = format!("{}_refused", word(deposit.kind));
        Change::put(&Line::new(self.now(), &kind, &[&deposit.id[..], part].concat(), money, code))
    }

    /// Has the leaves closed and sends them; what the card signed once it signs again in the same bytes.
    async fn send_deposit(
        &mut self,
        deposit: &OwnDeposit,
        to: &ToAccount,
        leaves: &[Digest],
    ) -> Result<DepositState, DepositError> {
        let mut chains = Vec::with_capacity(leaves.len());
        for leaf in leaves {
            let holding = self.get::<Holding>(&leaf.0).await?;
            chains.push(holding.ok_or(Trouble::Damaged { table: "holding" })?.chain);
        }
        let sent = match deposit.kind {
            DepositKind::HandIn => {
                let hand_in = self.card.hand_in(to, leaves)?;
                self.peers.bank.send(&HandInTakings { hand_in, chains }).await
            }
            kind => {
                let purpose = match kind {
                    DepositKind::Refund if self.is_restored(leaves)? => ClosingPurpose::BackupRefund(to.clone()),
                    DepositKind::Refund => ClosingPurpose::Refund(to.clone()),
                    _ => ClosingPurpose::Deposit(to.clone()),
                };
                let mut items = Vec::with_capacity(leaves.len());
                for (leaf, chain) in leaves.iter().zip(chains) {
                    let (amount, signature) = self.card.close(leaf, &purpose)?;
                    items.push(ClosedChain { chain, amount, signature });
                }
                self.peers.bank.send(&bank::Deposit { purpose, items }).await
            }
        };
        Ok(sent?)
    }

    /// Whether these leaves, all in one state, came back from a backup.
    fn is_restored(&mut self, leaves: &[Digest]) -> Result<bool, Trouble> {
        let Some(first) = leaves.first() else { return Ok(false) };
        Ok(self.card.holding(first)?.is_some_and(|status| status.state == HoldingState::Restored))
    }

    async fn ask_state(&mut self, deposit: &OwnDeposit) -> Result<DepositState, DepositError> {
        let answer = self.peers.bank.send(&GetDeposit { deposit: deposit.id }).await;
        if let Err(error) = &answer
            && settled(error)
        {
            tracing::warn!("the bank does not know a deposit that it accepted");
        }
        Ok(answer?)
    }
}

/// The stable word of a kind of deposit.
fn word(kind: DepositKind) -> &'static str {
    match kind {
        DepositKind::Deposit => "deposit",
        DepositKind::HandIn => "hand_in",
        DepositKind::Refund => "refund",
    }
}

/// Whether the issuer has answered for every item.
fn is_settled(state: &DepositState) -> bool {
    state.items.iter().all(|item| !matches!(item, ItemState::Held(_) | ItemState::Waiting { .. }))
}

/// The item that a refusal names.
pub(crate) fn named(refusal: &DepositRefusal) -> Option<u32> {
    match refusal {
        DepositRefusal::Malformed { item }
        | DepositRefusal::WrongClosing { item }
        | DepositRefusal::Late { item }
        | DepositRefusal::Repeated { item } => Some(*item),
        _ => None,
    }
}

/// What is left of an item that the issuer may credit another time: too late for a deposit it comes as a refund, too early
/// for a refund also as a deposit.
fn comes_again(item: &ItemState) -> Option<HoldingPhase> {
    match item {
        ItemState::Refused(code) if code == "late" => Some(HoldingPhase::Closed { deposit: false }),
        ItemState::Refused(code) if code == "too_early" => Some(HoldingPhase::Closed { deposit: true }),
        _ => None,
    }
}

/// Where a deposit stands of which at first `whole` was to be sent in, and what was left out since.
fn report(deposit: &OwnDeposit, whole: Amount, left_out: Vec<String>) -> DepositReport {
    let currency = deposit.money.currency;
    let (mut available, mut held, mut claimed) = (Amount::ZERO, Amount::ZERO, Amount::ZERO);
    let mut refused = left_out;
    let none = DepositState { currency, items: Vec::new() };
    let (state, holdings) = match &deposit.phase {
        DepositPhase::Sent(state) | DepositPhase::Done(state) => (state, state.items.len()),
        DepositPhase::Refused(code) => {
            if refused.is_empty() {
                refused.push(code.clone());
            }
            (&none, 0)
        }
        DepositPhase::Fixed(leaves) | DepositPhase::Opened { leaves, .. } => (&none, leaves.len()),
        DepositPhase::Moving { moves, direct } => (&none, moves.parts.len() + direct.len()),
        DepositPhase::Presented(batch) => (&none, batch.items.len()),
    };
    let add = |to: &mut Amount, amount: Amount| *to = to.checked_add(amount).unwrap_or(Amount::MAX);
    let mut waiting_until = None;
    for item in &state.items {
        match item {
            ItemState::Held(amount) => add(&mut held, *amount),
            ItemState::Available(amount) => add(&mut available, *amount),
            ItemState::Partly { available: paid, claimed: open } => {
                add(&mut available, *paid);
                add(&mut claimed, *open);
            }
            ItemState::Refused(code) => refused.push(code.clone()),
            ItemState::Waiting { until } => waiting_until = waiting_until.max(Some(*until)),
        }
    }
    if waiting_until.is_some() {
        let known = available.checked_add(claimed).and_then(|sum| sum.checked_add(held)).unwrap_or(Amount::MAX);
        add(&mut held, deposit.money.amount.checked_sub(known).unwrap_or(Amount::ZERO));
    }
    let is_open = !matches!(deposit.phase, DepositPhase::Sent(_) | DepositPhase::Done(_) | DepositPhase::Refused(_));
    let unsent = if is_open { deposit.money.amount } else { Amount::ZERO };
    let comes = Amount::sum([unsent, available, claimed, held]).unwrap_or(Amount::MAX);
    let money = |amount| Money::new(amount, currency);
    DepositReport {
        deposit: zeni_crypto::hex(&deposit.id[..]),
        money: deposit.money,
        holdings,
        available: money(available),
        held: money(held),
        waiting_until,
        claimed: money(claimed),
        refused,
        not_credited: money(whole.checked_sub(comes).unwrap_or(Amount::ZERO)),
        done: matches!(deposit.phase, DepositPhase::Done(_) | DepositPhase::Refused(_)),
    }
}
