//! `deposit`, `hand_in`, `refund`: money back to the account.

use std::collections::BTreeSet;

use zeni_card::HoldingState;
use zeni_crypto::{Digest, PublicKey};
use zeni_message::{Refusal, Time, limits::BATCH_ITEMS_MAX, peer::SendError};
use zeni_money::{Amount, Currency, Money};
use zeni_note::{
    ClosingPurpose,
    closing::ToAccount,
    keylist::Terms,
    messages::bank::{
        self, ClosedChain, DepositRefusal, GetDeposit, GetDepositRefusal, HandInTakings, ItemState, OpenDeposit,
        OpenDepositRefusal,
    },
};

use crate::{
    DepositReport, Holder, SyncError, Trouble,
    error::{errors, settled},
    holder::Live,
    pick::{PickFault, Wanted, pick},
    record::{DepositKind, DepositPhase, Holding, HoldingPhase, Line, OwnDeposit, OwnLicence, Part},
    report::hex,
    table::Change,
};

errors! {
    /// Why nothing is deposited, handed in or refunded. After a fault the deposit stays and `resume` carries it on.
    pub enum DepositError {
        Zero = AfterRepair, "zero", "deposit at least the smallest unit";
        Nothing = Never, "nothing_to_deposit", "there is nothing to hand in or to refund";
        NotShop = AfterRepair, "not_a_shop", "only a shop hands in its takings: deposit an amount";
        TooEarly { from: u64 } = Later, "too_early", "refunds of this money are paid from second {from} on";
        Restored { available: Money, restored: Money } = Never, "restored", "only {available} can be deposited: {restored} came from a backup and can only be refunded after the end of its validity";
        Insufficient { available: Money } = AfterRepair, "insufficient_funds", "only {available} can be deposited";
        TooManyHoldings { max: usize } = AfterRepair, "too_many_holdings", "the amount needs more than {max} pieces of money: deposit it in parts";
        NoKeyList = AfterRepair, "no_key_list", "no key list for the present time is at hand: connect to fetch it";
    } passes {
        Trouble(Trouble);
        Licences(SyncError);
        Open(SendError<OpenDepositRefusal>);
        Bank(SendError<DepositRefusal>);
        State(SendError<GetDepositRefusal>);
    }
}

/// What can be refunded now.
struct Due {
    node: Digest,
    money: Money,
    /// Whether it came back from a backup.
    restored: bool,
}

impl From<zeni_card::CardError> for DepositError {
    fn from(error: zeni_card::CardError) -> Self {
        DepositError::Trouble(error.into())
    }
}

impl Holder {
    /// Deposits `money` to the holder's account (RN-F5). A key that withdrew or paid never signs to the account: what it
    /// holds first passes to a fresh licence of the holder's own (RN-O19).
    ///
    /// Recovery after a cut: [`Holder::resume`].
    pub async fn deposit(&mut self, money: Money) -> Result<DepositReport, DepositError> {
        if money.amount.is_zero() {
            return Err(DepositError::Zero);
        }
        self.freshen().await?;
        let live = self.live().await?;
        let terms = self.key_lists().await?;
        let wanted =
            Wanted { currency: money.currency, amount: money.amount, series: &[], now: self.now(), beyond_cap: 1 };
        let restored = Money::new(self.restored(money.currency).await?, money.currency);
        let parts = pick(&live, &terms, &wanted).map_err(|fault| match fault {
            PickFault::Insufficient { available } if !restored.amount.is_zero() => {
                DepositError::Restored { available: Money::new(available, money.currency), restored }
            }
            PickFault::Insufficient { available } | PickFault::Capped { usable: available } => {
                DepositError::Insufficient { available: Money::new(available, money.currency) }
            }
            PickFault::TooMany => DepositError::TooManyHoldings { max: zeni_message::limits::HOLDINGS_IN_PAYMENT_MAX },
        })?;
        let named = self.keys_to_name(&live, &parts).await?;
        let key_of = |part: &Part| live.iter().find(|it| it.holding.node == part.node).map(|it| it.holding.key());
        let (direct, moved): (Vec<Part>, Vec<Part>) =
            parts.into_iter().partition(|part| key_of(part).is_some_and(|key| named.contains(&key)));
        let licence = match moved.is_empty() {
            true => None,
            false => self.take_licences(1).await?.pop(),
        };
        let direct = direct.into_iter().map(|part| part.node).collect();
        let deposit = self.plan_deposit(DepositKind::Deposit, money, direct, moved, licence).await?;
        self.carry_deposit(deposit).await
    }

    /// Hands in all takings of a shop, each currency under one signature of its key (RN-F5.1, DESIGN §5).
    pub async fn hand_in(&mut self) -> Result<Vec<DepositReport>, DepositError> {
        let profile = self.profile().await?;
        self.freshen().await?;
        let Some(main) = self.main_licence(&profile).await?.filter(|_| profile.kind == crate::Kind::Shop) else {
            return Err(DepositError::NotShop);
        };
        let mut reports = Vec::new();
        loop {
            let mut live = self.live().await?;
            let Some((key, currency)) = live.first().map(|it| (it.holding.key(), it.holding.currency())) else { break };
            live.retain(|it| it.holding.key() == key && it.holding.currency() == currency);
            live.truncate(BATCH_ITEMS_MAX);
            let (whole, mut rests): (Vec<Live>, Vec<Live>) =
                live.into_iter().partition(|it| it.status.remaining == it.status.value);
            // one signature is one key's: rests of an earlier key pass to the present one in a hand-in of their own
            if key != main.key() && !whole.is_empty() {
                rests.clear();
            }
            let moved: Vec<Part> =
                rests.iter().map(|it| Part { node: it.holding.node, amount: it.status.remaining }).collect();
            let taken = Amount::sum(whole.iter().map(|it| it.status.remaining)).unwrap_or(Amount::MAX);
            let amount = taken.checked_add(Holder::sum(&moved)).unwrap_or(Amount::MAX);
            let direct = whole.iter().map(|it| it.holding.node).collect();
            let money = Money::new(amount, currency);
            // the shop's key is public: a rest passes to the same key
            let licence = (!moved.is_empty()).then(|| main.clone());
            let deposit = self.plan_deposit(DepositKind::HandIn, money, direct, moved, licence).await?;
            reports.push(self.carry_deposit(deposit).await?);
        }
        if reports.is_empty() { Err(DepositError::Nothing) } else { Ok(reports) }
    }

    /// Claims what is left of restored money, and of money whose validity ended, after the deposit limit of its note: the
    /// holder's key signs that it passed no more on (RN-X31). The bank learns that the key is this customer's.
    pub async fn refund(&mut self) -> Result<Vec<DepositReport>, DepositError> {
        let (due, first) = self.refundable().await?;
        if due.is_empty() {
            return Err(first.map_or(DepositError::Nothing, |from| DepositError::TooEarly { from: from.0 }));
        }
        // one refund has one purpose: what a backup brought back and what the card counts itself go apart
        let mut kinds: Vec<(Currency, bool)> = due.iter().map(|it| (it.money.currency, it.restored)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let mut reports = Vec::new();
        for (currency, restored) in kinds {
            let is_of = |it: &&Due| (it.money.currency, it.restored) == (currency, restored);
            let of: Vec<&Due> = due.iter().filter(is_of).collect();
            for batch in of.chunks(BATCH_ITEMS_MAX) {
                let amount = Amount::sum(batch.iter().map(|it| it.money.amount)).unwrap_or(Amount::MAX);
                let direct = batch.iter().map(|it| it.node).collect();
                let money = Money::new(amount, currency);
                let deposit = self.plan_deposit(DepositKind::Refund, money, direct, Vec::new(), None).await?;
                reports.push(self.carry_deposit(deposit).await?);
            }
        }
        Ok(reports)
    }

    /// Keys that may sign to the account: made for one receipt, which goes there whole, and never used to pay.
    async fn keys_to_name(&mut self, live: &[Live], parts: &[Part]) -> Result<BTreeSet<PublicKey>, Trouble> {
        let whole = |holding: &Holding| {
            holding.fresh && parts.iter().any(|part| part.node == holding.node && part.amount == holding.value)
        };
        let mut named: BTreeSet<PublicKey> =
            live.iter().map(|it| &it.holding).filter(|it| whole(it)).map(Holding::key).collect();
        for holding in self.all::<Holding>().await? {
            let key = holding.key();
            if named.contains(&key) && !whole(&holding) {
                let closed = self.card.holding(&holding.node)?.is_some_and(|it| it.state == HoldingState::Closed);
                if !closed {
                    named.remove(&key);
                }
            }
        }
        Ok(named)
    }

    /// Asks the bank about every deposit that is not settled yet.
    pub async fn deposit_states(&mut self) -> Result<Vec<DepositReport>, DepositError> {
        let mut reports = Vec::new();
        for deposit in self.active::<OwnDeposit>().await? {
            if matches!(deposit.phase, DepositPhase::Sent(_)) {
                reports.push(self.carry_deposit(deposit).await?);
            }
        }
        Ok(reports)
    }

    /// What can be refunded now, and when the first of the rest can be.
    async fn refundable(&mut self) -> Result<(Vec<Due>, Option<Time>), DepositError> {
        let (terms, now) = (self.key_lists().await?, self.now());
        let (mut due, mut first) = (Vec::new(), None::<Time>);
        for holding in self.active::<Holding>().await? {
            let note = &holding.chain.note.record;
            let Some(terms) = terms.terms(note.series, note.epoch) else { continue };
            let Some(status) = self.card.holding(&holding.node)? else { continue };
            let restored = status.state == HoldingState::Restored;
            let ended = status.state == HoldingState::Live && now > terms.valid_until;
            let committed = holding.phase == HoldingPhase::Committed;
            if status.remaining.is_zero() || committed || !(restored || ended) {
                continue;
            }
            if now > terms.deposit_until {
                let money = Money::new(status.remaining, holding.currency());
                due.push(Due { node: holding.node, money, restored });
            } else {
                let from = terms.deposit_until.plus(1);
                first = Some(first.map_or(from, |first| first.min(from)));
            }
        }
        Ok((due, first))
    }

    async fn plan_deposit(
        &mut self,
        kind: DepositKind,
        money: Money,
        direct: Vec<Digest>,
        moved: Vec<Part>,
        licence: Option<OwnLicence>,
    ) -> Result<OwnDeposit, DepositError> {
        let mut changes = self.rephased(&direct, HoldingPhase::Committed).await?;
        let phase = match licence {
            Some(licence) if !moved.is_empty() => {
                let list = self.current_list(self.now()).await?.ok_or(DepositError::NoKeyList)?;
                let total = Money::new(Holder::sum(&moved), money.currency);
                let moves = Box::new(self.plan_move(&licence, &list, total, moved)?);
                changes.push(Change::put(&licence.spent()));
                DepositPhase::Moving { moves, direct }
            }
            _ => DepositPhase::Fixed(direct),
        };
        let deposit = OwnDeposit { id: self.nonce(), kind, money, phase };
        changes.push(Change::put(&deposit));
        self.commit(changes).await?;
        Ok(deposit)
    }

    /// Carries a stored deposit as far as it goes.
    pub(crate) async fn carry_deposit(&mut self, mut deposit: OwnDeposit) -> Result<DepositReport, DepositError> {
        loop {
            let next = match &deposit.phase {
                DepositPhase::Moving { moves, direct } => {
                    let mut leaves = direct.clone();
                    leaves.extend(self.carry_move(moves).await?);
                    DepositPhase::Fixed(leaves)
                }
                DepositPhase::Fixed(leaves) => {
                    let to = self.open_deposit(&deposit).await?;
                    DepositPhase::Opened { to, leaves: leaves.clone() }
                }
                DepositPhase::Opened { to, leaves } => self.send_deposit(&deposit, to, leaves).await?,
                DepositPhase::Sent(before) => match self.ask_state(&deposit).await? {
                    state if is_settled(&state) => DepositPhase::Done(state),
                    state if state == *before => return Ok(report(&deposit)),
                    state => DepositPhase::Sent(state),
                },
                DepositPhase::Done(_) | DepositPhase::Refused(_) => return Ok(report(&deposit)),
            };
            let was_sent = matches!(deposit.phase, DepositPhase::Sent(_));
            let leaves = match &deposit.phase {
                DepositPhase::Opened { leaves, .. } => leaves.clone(),
                _ => Vec::new(),
            };
            deposit = OwnDeposit { phase: next, ..deposit };
            let mut changes = self.rephased(&leaves, HoldingPhase::Gone).await?;
            changes.push(Change::put(&deposit));
            let sent = matches!(deposit.phase, DepositPhase::Sent(_) | DepositPhase::Done(_));
            if sent && !leaves.is_empty() {
                let kind = match deposit.kind {
                    DepositKind::Deposit => "deposit",
                    DepositKind::HandIn => "hand_in",
                    DepositKind::Refund => "refund",
                };
                changes.push(Change::put(&Line::new(self.now(), kind, &deposit.id[..], deposit.money, "")));
            }
            self.commit(changes).await?;
            if was_sent || (sent && !matches!(deposit.phase, DepositPhase::Done(_))) {
                return Ok(report(&deposit));
            }
        }
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

    /// Has the leaves closed and sends them; what the card signed once it signs again in the same bytes.
    async fn send_deposit(
        &mut self,
        deposit: &OwnDeposit,
        to: &ToAccount,
        leaves: &[Digest],
    ) -> Result<DepositPhase, DepositError> {
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
        match sent {
            Ok(state) if is_settled(&state) => Ok(DepositPhase::Done(state)),
            Ok(state) => Ok(DepositPhase::Sent(state)),
            Err(SendError::Refused(refusal)) if refusal.retry() == zeni_message::Retry::Never => {
                Ok(DepositPhase::Refused(refusal.code().into()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether these leaves, all in one state, came back from a backup.
    fn is_restored(&mut self, leaves: &[Digest]) -> Result<bool, Trouble> {
        let Some(first) = leaves.first() else { return Ok(false) };
        Ok(self.card.holding(first)?.is_some_and(|status| status.state == HoldingState::Restored))
    }

    async fn ask_state(&mut self, deposit: &OwnDeposit) -> Result<bank::DepositState, DepositError> {
        let answer = self.peers.bank.send(&GetDeposit { deposit: deposit.id }).await;
        if let Err(error) = &answer
            && settled(error)
        {
            tracing::warn!("the bank does not know a deposit that it accepted");
        }
        Ok(answer?)
    }
}

/// Whether the issuer has answered for every item.
fn is_settled(state: &bank::DepositState) -> bool {
    state.items.iter().all(|item| !matches!(item, ItemState::Held(_) | ItemState::Waiting { .. }))
}

fn report(deposit: &OwnDeposit) -> DepositReport {
    let currency = deposit.money.currency;
    let (mut available, mut held, mut claimed) = (Amount::ZERO, Amount::ZERO, Amount::ZERO);
    let mut refused = Vec::new();
    let none = bank::DepositState { currency, items: Vec::new() };
    let (state, holdings) = match &deposit.phase {
        DepositPhase::Sent(state) | DepositPhase::Done(state) => (state, state.items.len()),
        DepositPhase::Refused(code) => {
            refused.push(code.clone());
            (&none, 0)
        }
        DepositPhase::Fixed(leaves) | DepositPhase::Opened { leaves, .. } => (&none, leaves.len()),
        DepositPhase::Moving { moves, direct } => (&none, moves.parts.len() + direct.len()),
    };
    let add = |to: &mut Amount, amount: Amount| *to = to.checked_add(amount).unwrap_or(Amount::MAX);
    let mut waiting = false;
    for item in &state.items {
        match item {
            ItemState::Held(amount) => add(&mut held, *amount),
            ItemState::Available(amount) => add(&mut available, *amount),
            ItemState::Partly { available: paid, claimed: open } => {
                add(&mut available, *paid);
                add(&mut claimed, *open);
            }
            ItemState::Refused(code) => refused.push(code.clone()),
            ItemState::Waiting { .. } => waiting = true,
        }
    }
    if waiting {
        let known = available.checked_add(claimed).and_then(|sum| sum.checked_add(held)).unwrap_or(Amount::MAX);
        add(&mut held, deposit.money.amount.checked_sub(known).unwrap_or(Amount::ZERO));
    }
    let money = |amount| Money::new(amount, currency);
    DepositReport {
        deposit: hex(&deposit.id[..]),
        money: deposit.money,
        holdings,
        available: money(available),
        held: money(held),
        claimed: money(claimed),
        refused,
        done: matches!(deposit.phase, DepositPhase::Done(_) | DepositPhase::Refused(_)),
    }
}
