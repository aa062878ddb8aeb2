//! `deposit`, `hand_in`, `refund`: money back to the account.

mod carry;
mod takings;

pub(crate) use carry::named;

use std::{cmp::Reverse, collections::BTreeSet};

use zeni_card::HoldingState;
use zeni_crypto::{Digest, PublicKey};
use zeni_message::{
    Time,
    limits::{BATCH_ITEMS_MAX, HOLDINGS_IN_PAYMENT_MAX},
    peer::SendError,
};
use zeni_money::{Amount, Currency, Money};
use zeni_note::{
    KeyList,
    keylist::Terms,
    messages::bank::{DepositRefusal, GetDepositRefusal, GetStatement, OpenDepositRefusal},
};

use crate::{
    DepositReport, Holder, SyncError, Trouble,
    error::errors,
    holder::Live,
    pick::{PickFault, Wanted, pick},
    record::{DepositKind, DepositPhase, Holding, HoldingPhase, OwnDeposit, OwnRight, Part},
    refund_file::{PAID_TO_NOBODY, told},
    table::Change,
};

errors! {
    /// Why nothing is deposited, handed in or refunded. After a fault the deposit stays and `resume` carries it on.
    pub enum DepositError {
        Zero = AfterRepair, "zero", "deposit at least the smallest unit";
        Nothing = Never, "nothing_to_deposit", "there is nothing to hand in or to refund";
        Currency { of_account: String } = AfterRepair, "wrong_currency", "the account is in {of_account}: deposit this money to an account in its own currency";
        RefundCurrency { money: String, of_account: String } = AfterRepair, "wrong_currency", "the account is in {of_account} and takes no refund of {money}; {PAID_TO_NOBODY}";
        NotShop = AfterRepair, "not_a_shop", "only a shop hands in its takings: deposit an amount";
        TooEarly { from: Time } = Later, "too_early", "refunds of this money are paid from {from} on";
        Restored { available: Money, restored: Money } = Never, "restored", "only {available} can be deposited: {restored} came from a backup and can only be refunded after the end of its validity";
        WouldReveal { available: Money } = AfterRepair, "would_reveal", "only {available} can be deposited: the rest was given back to the key that ordered it, and would tell the bank which notes you ordered; say so if you want that";
        Insufficient { available: Money } = AfterRepair, "insufficient_funds", "only {available} can be deposited";
        TooManyHoldings { max: usize } = AfterRepair, "too_many_holdings", "the amount needs more than {max} pieces of money: deposit it in parts";
        NoKeyList = AfterRepair, "no_key_list", "no key list for the present time is at hand: connect to fetch it";
    } passes {
        Trouble(Trouble);
        Licences(SyncError);
        Account(SendError<zeni_message::NoRefusal>);
        Open(SendError<OpenDepositRefusal>);
        Bank(SendError<DepositRefusal>);
        State(SendError<GetDepositRefusal>);
    }
}

/// What the bank says of the account.
pub(crate) struct AccountNow {
    pub(crate) currency: Currency,
    /// The earlier of the bank's time and the wallet's. A wallet's clock that is ahead closes nothing that could still be
    /// deposited; a bank that tells a later time makes no key of a withdrawal sign to the account (RN-O19).
    now: Time,
}

/// What passes to a fresh key before it is closed.
struct Moved {
    parts: Vec<Part>,
    licence: Option<OwnRight>,
    now: Time,
}

impl Moved {
    fn nothing(now: Time) -> Moved {
        Moved { parts: Vec::new(), licence: None, now }
    }
}

/// What can be refunded.
struct Due {
    node: Digest,
    money: Money,
    /// The first second in which it can.
    from: Time,
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
    /// holds first passes to a fresh licence of the holder's own (RN-O19). What can be paid to nobody any more, because
    /// note or licence ended or because it was closed without credit, goes first, whole and under its own key (RN-X32).
    ///
    /// Recovery after a cut: [`Holder::resume`].
    pub async fn deposit(&mut self, money: Money) -> Result<DepositReport, DepositError> {
        self.deposit_from(money, false).await
    }

    /// As [`Holder::deposit`], also from money that was given back to the key that ordered it under seal. **The bank learns which
    /// notes the customer ordered.** Without this such money waits for [`Holder::refund`], which tells the bank the same, later.
    pub async fn deposit_revealing(&mut self, money: Money) -> Result<DepositReport, DepositError> {
        self.deposit_from(money, true).await
    }

    async fn deposit_from(&mut self, money: Money, reveal: bool) -> Result<DepositReport, DepositError> {
        if money.amount.is_zero() {
            return Err(DepositError::Zero);
        }
        self.settle().await?;
        self.is_newest_card().await?;
        self.freshen().await?;
        let mut live = self.live().await?;
        let revealing = live.iter().any(|it| it.holding.would_reveal());
        live.retain(|it| reveal || !it.holding.would_reveal());
        let terms = self.key_lists().await?;
        let now = self.check_currency(money.currency).await?;
        let (whole, taken) = self.whole_for(&live, &terms, money, now).await?;
        let rest = money.amount.checked_sub(taken).unwrap_or(Amount::ZERO);
        let parts = match rest.is_zero() {
            true => Vec::new(),
            false => match self.parts_of(&live, &terms, (money, taken), now).await {
                Err(DepositError::Insufficient { available }) if revealing && !reveal => {
                    return Err(DepositError::WouldReveal { available });
                }
                parts => parts?,
            },
        };
        let named = self.keys_to_name(&live, &parts).await?;
        let key_of = |part: &Part| live.iter().find(|it| it.holding.node == part.node).map(|it| it.holding.key());
        let (direct, moved): (Vec<Part>, Vec<Part>) =
            parts.into_iter().partition(|part| key_of(part).is_some_and(|key| named.contains(&key)));
        let licence = match moved.is_empty() {
            true => None,
            false => self.right_to_deposit().await?,
        };
        let direct = whole.into_iter().chain(direct.into_iter().map(|part| part.node)).collect();
        let moved = Moved { parts: moved, licence, now };
        let deposit = self.plan_deposit(DepositKind::Deposit, money, direct, moved).await?;
        self.carry_deposit(deposit).await
    }

    /// Claims what is left of restored money, and of money whose validity ended, after the deposit limit of its note: the
    /// holder's key signs that it passed no more on (RN-X31). The bank learns that the key is this customer's.
    pub async fn refund(&mut self) -> Result<Vec<DepositReport>, DepositError> {
        self.settle().await?;
        self.contact().await?;
        let now = self.now();
        if self.refundable(now).await?.is_empty() {
            return Err(DepositError::Nothing);
        }
        let account = self.account_now().await?;
        let (of_account, foreign): (Vec<Due>, Vec<Due>) =
            self.refundable(account.now).await?.into_iter().partition(|it| it.money.currency == account.currency);
        let (due, waiting): (Vec<Due>, Vec<Due>) = of_account.into_iter().partition(|it| it.from <= account.now);
        if due.is_empty() {
            return Err(match waiting.iter().map(|it| it.from).min() {
                Some(from) => DepositError::TooEarly { from },
                None if foreign.is_empty() => DepositError::Nothing,
                None => DepositError::RefundCurrency {
                    money: told(foreign.iter().map(|it| it.money)),
                    of_account: account.currency.code().into(),
                },
            });
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
                let deposit = self.plan_deposit(DepositKind::Refund, money, direct, Moved::nothing(now)).await?;
                reports.push(self.carry_deposit(deposit).await?);
            }
        }
        Ok(reports)
    }

    /// What the bank says of the account, asked before anything is moved or closed.
    pub(crate) async fn account_now(&self) -> Result<AccountNow, SendError<zeni_message::NoRefusal>> {
        // past the last entry: the account's own figures are enough
        let statement = self.peers.bank.send(&GetStatement { after: i64::MAX.unsigned_abs() }).await?;
        Ok(AccountNow { currency: statement.currency, now: self.now().min(statement.now) })
    }

    /// The time to judge by. Closes nothing to an account that cannot take it.
    async fn check_currency(&self, currency: Currency) -> Result<Time, DepositError> {
        let account = self.account_now().await?;
        match currency == account.currency {
            true => Ok(account.now),
            false => Err(DepositError::Currency { of_account: account.currency.code().into() }),
        }
    }

    /// Holdings that can only go to the account, and only whole: largest first, as many as fit into `money`.
    async fn whole_for(
        &mut self,
        live: &[Live],
        terms: &[KeyList],
        money: Money,
        now: Time,
    ) -> Result<(Vec<Digest>, Amount), DepositError> {
        let ended = |it: &&Live| !it.holding.is_payable(terms, now) && it.status.remaining == it.status.value;
        let mut whole: Vec<Holding> = live.iter().filter(ended).map(|it| it.holding.clone()).collect();
        whole.extend(self.closed_whole().await?);
        whole.retain(|it| it.currency() == money.currency && it.is_in_time(terms, now));
        whole.sort_by_key(|it| Reverse(it.value));
        let (mut nodes, mut taken) = (Vec::new(), Amount::ZERO);
        for holding in whole {
            let sum = taken.checked_add(holding.value).filter(|sum| *sum <= money.amount);
            if let Some(sum) = sum.filter(|_| nodes.len() < BATCH_ITEMS_MAX - HOLDINGS_IN_PAYMENT_MAX) {
                nodes.push(holding.node);
                taken = sum;
            }
        }
        Ok((nodes, taken))
    }

    /// The parts of live holdings that make up what is wanted beyond what is taken whole.
    async fn parts_of(
        &mut self,
        live: &[Live],
        terms: &[KeyList],
        (money, taken): (Money, Amount),
        now: Time,
    ) -> Result<Vec<Part>, DepositError> {
        let currency = money.currency;
        let amount = money.amount.checked_sub(taken).unwrap_or(Amount::ZERO);
        let wanted = Wanted { currency, amount, series: &[], now, beyond_cap: 1 };
        let sum = |rest: Amount| Money::new(rest.checked_add(taken).unwrap_or(Amount::MAX), currency);
        match pick(live, terms, &wanted) {
            Ok(parts) => Ok(parts),
            Err(PickFault::Insufficient { available }) => {
                let (available, restored) = (sum(available), Money::new(self.restored(currency).await?, currency));
                Err(match restored.amount.is_zero() {
                    true => DepositError::Insufficient { available },
                    false => DepositError::Restored { available, restored },
                })
            }
            Err(PickFault::Capped { usable }) => Err(DepositError::Insufficient { available: sum(usable) }),
            Err(PickFault::TooMany) => Err(DepositError::TooManyHoldings { max: HOLDINGS_IN_PAYMENT_MAX }),
        }
    }

    /// Holdings that were closed whole without credit and that a bank may still take as a deposit.
    async fn closed_whole(&mut self) -> Result<Vec<Holding>, Trouble> {
        let mut closed = Vec::new();
        for holding in self.active::<Holding>().await? {
            if holding.phase != (HoldingPhase::Closed { deposit: true }) {
                continue;
            }
            let status = self.card.holding(&holding.node)?;
            if status.is_some_and(|it| it.state == HoldingState::Closed && it.closed == it.value) {
                closed.push(holding);
            }
        }
        Ok(closed)
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

    /// What can only be refunded as things are at `now`, then or later.
    async fn refundable(&mut self, now: Time) -> Result<Vec<Due>, DepositError> {
        let lists = self.key_lists().await?;
        let mut due = Vec::new();
        for holding in self.active::<Holding>().await? {
            let note = &holding.chain.note.record;
            let Some(terms) = lists.terms(note.series, note.epoch) else { continue };
            let Some(status) = self.card.holding(&holding.node)? else { continue };
            let restored = status.state == HoldingState::Restored;
            // a rest on a licence that ended cannot be deposited either
            let ended = status.state == HoldingState::Live && !holding.is_payable(&lists, now);
            let closed = matches!(holding.phase, HoldingPhase::Closed { .. });
            let left = if closed || restored { status.remaining.max(status.closed) } else { status.remaining };
            let committed = holding.phase == HoldingPhase::Committed;
            if left.is_zero() || committed || !(restored || ended || closed) {
                continue;
            }
            let money = Money::new(left, holding.currency());
            due.push(Due { node: holding.node, money, from: terms.deposit_until.plus(1), restored });
        }
        Ok(due)
    }

    async fn plan_deposit(
        &mut self,
        kind: DepositKind,
        money: Money,
        direct: Vec<Digest>,
        moved: Moved,
    ) -> Result<OwnDeposit, DepositError> {
        let mut changes = self.rephased(&direct, HoldingPhase::Committed).await?;
        let phase = match moved {
            Moved { parts, licence: Some(licence), now } if !parts.is_empty() => {
                let list = self.current_list(now).await?.ok_or(DepositError::NoKeyList)?;
                let total = Money::new(Holder::sum(&parts), money.currency);
                let moves = Box::new(self.plan_move(&licence, &list, total, parts, now).await?);
                changes.push(Change::put(&licence.spent()));
                DepositPhase::Moving { moves, direct }
            }
            _ => DepositPhase::Fixed(direct),
        };
        let deposit = OwnDeposit { id: self.nonce(), kind, money, phase, taken: None };
        changes.push(Change::put(&deposit));
        self.commit(changes).await?;
        Ok(deposit)
    }
}
