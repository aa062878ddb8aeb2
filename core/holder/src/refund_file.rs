//! The refund file: closings of all that the card holds, signed before it is lost, for cards whose keys may not leave them.
//!
//! It holds no secret. Each closing is a [`ClosingPurpose::BackupRefund`] to the holder's own account: it is paid at most what
//! is left of its holding when the term for claims has come, accuses nobody, and is nothing to anybody else. The card stays at
//! work. The closings of one file stand in batches by the terms of their notes, each with a challenge of the bank of its own,
//! which keeps it ([`REFUNDS_KEPT_MAX`](zeni_note::messages::bank::REFUNDS_KEPT_MAX)).

use std::collections::BTreeMap;

use zeni_card::CardError;
use zeni_message::{
    Malformed, Network, NoRefusal, Refusal, Retry, Time, decode, encode, limits::BATCH_ITEMS_MAX, peer::SendError,
};
use zeni_money::{Amount, Currency, Money};
use zeni_note::{
    ClosingPurpose,
    closing::ToAccount,
    keylist::Terms,
    messages::bank::{ClosedChain, Deposit, DepositState, OpenDepositRefusal, OpenRefund},
};

use crate::{
    DepositError, Holder, Trouble,
    error::errors,
    record::{DepositKind, DepositPhase, Holding, OwnDeposit},
    table::Change,
};

/// Version of the format.
const VERSION: u32 = 1;
/// Bytes of the longest file that is read.
const FILE_BYTES_MAX: usize = 256 * 1_024 * 1_024;
/// Bytes of the chains of one batch, so that it fits into one message.
const BATCH_BYTES_MAX: usize = zeni_message::limits::MESSAGE_BYTES_MAX / 2;

#[derive(minicbor::Encode, minicbor::Decode)]
struct RefundFile {
    #[n(0)]
    version: u32,
    #[n(1)]
    network: Network,
    #[n(2)]
    account: String,
    #[n(3)]
    batches: Vec<RefundBatch>,
}

/// What to do with payable money in a currency that the account does not have.
const PAY_IT_ON: &str =
    "pay it on while its notes are valid, or to a card of yours for that currency ('wallet card add')";
/// The same of money that can only be refunded.
pub const PAID_TO_NOBODY: &str = "this card pays it to nobody any more: speak to your bank";

/// Closings that are claimed together.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(crate) struct RefundBatch {
    #[n(0)]
    pub(crate) to: ToAccount,
    #[n(1)]
    pub(crate) currency: Currency,
    /// The first second in which the bank hears the claim.
    #[n(2)]
    pub(crate) from: Time,
    #[n(3)]
    pub(crate) items: Vec<ClosedChain>,
}

impl RefundBatch {
    /// What it claims at most.
    fn money(&self) -> Money {
        let amount = Amount::sum(self.items.iter().map(|item| item.amount)).unwrap_or(Amount::MAX);
        Money::new(amount, self.currency)
    }
}

/// A refund file and what it is worth.
#[derive(Clone, Debug)]
pub struct RefundsSigned {
    /// The file.
    pub file: Vec<u8>,
    /// What it claims at most, per currency.
    pub money: Vec<Money>,
    /// Holdings.
    pub holdings: usize,
    /// Why some of what the card holds is not in it; none where all is.
    pub left_out: Option<RefundFileError>,
}

/// What was taken over from a refund file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundsPresented {
    /// Batches that are new here, or were refused before.
    pub batches: usize,
    /// The first second in which one of the batches can be claimed; `resume` claims what is due.
    pub from: Time,
}

errors! {
    /// Why no refund file is made; nothing has changed.
    pub enum RefundFileError {
        Nothing = Never, "nothing_to_refund", "the card holds nothing";
        OtherCurrency { money: String, of_account: String, advice: &'static str } = AfterRepair, "wrong_currency", "{money} is never refunded to this account, which is in {of_account}: {advice}";
    } passes {
        Trouble(Trouble);
        Account(SendError<NoRefusal>);
        Open(SendError<OpenDepositRefusal>);
    }
}

errors! {
    /// Why a refund file is not taken over; nothing has changed.
    pub enum PresentError {
        Malformed { cause: Malformed } = Never, "malformed_refund_file", "this is no refund file, or it was cut: {cause}";
        Version { found: u32 } = Never, "refund_file_version", "the refund file is of version {found}, which this program does not read";
        OtherNetwork = Never, "other_network", "the refund file is of another network";
        OtherAccount { account: String } = Never, "other_account", "the refund file is for account {account}";
        Empty = Never, "nothing_to_refund", "the refund file claims nothing";
    } passes {
        Trouble(Trouble);
    }
}

impl From<CardError> for RefundFileError {
    fn from(error: CardError) -> Self {
        RefundFileError::Trouble(error.into())
    }
}

/// The sums of amounts of several currencies, in order of code.
pub(crate) fn per_currency(amounts: impl IntoIterator<Item = Money>) -> Vec<Money> {
    let mut sums: BTreeMap<Currency, Amount> = BTreeMap::new();
    for one in amounts {
        let sum = sums.entry(one.currency).or_default();
        *sum = sum.checked_add(one.amount).unwrap_or(Amount::MAX);
    }
    sums.into_iter().map(|(currency, amount)| Money::new(amount, currency)).collect()
}

/// These amounts for people, one sum per currency.
pub(crate) fn told(amounts: impl IntoIterator<Item = Money>) -> String {
    per_currency(amounts).iter().map(Money::to_string).collect::<Vec<_>>().join(", ")
}

impl Holder {
    /// Has the card sign refunds of all that it holds in the currency of the account, for the loss of it (RN-X31, FX-F9). What arrives
    /// later needs another file; what is passed on later is no longer paid from this one.
    pub async fn refund_file(&mut self) -> Result<RefundsSigned, RefundFileError> {
        self.settle().await?;
        let profile = self.profile().await?;
        let held = self.refund_batches().await?;
        if held.is_empty() {
            return Err(RefundFileError::Nothing);
        }
        // a bank pays no refund in a currency that the account does not have
        let account = self.account_now().await?.currency;
        let (of_account, foreign): (Vec<_>, Vec<_>) = held.into_iter().partition(|(currency, ..)| *currency == account);
        let left_out = self.other_currency(&foreign, account)?;
        let card = self.card.open_contact()?.card;
        let mut batches = Vec::new();
        for (currency, from, holdings) in of_account {
            let deposit = self.nonce();
            let opened = self.peers.bank.send(&OpenRefund { deposit, card }).await?;
            let to = ToAccount {
                time: opened.time,
                bank: profile.bank.clone(),
                account: Holder::account_digest(&profile, &deposit),
                deposit,
                nonce: opened.nonce,
            };
            let mut items = Vec::with_capacity(holdings.len());
            for holding in holdings {
                let (amount, signature) = self.card.refund(&holding.node, &to)?;
                items.push(ClosedChain { chain: holding.chain, amount, signature });
            }
            batches.push(RefundBatch { to, currency, from, items });
        }
        let holdings = batches.iter().map(|batch| batch.items.len()).sum();
        if holdings == 0 {
            return Err(left_out.unwrap_or(RefundFileError::Nothing));
        }
        let money = per_currency(batches.iter().map(RefundBatch::money));
        let account = format!("{}/{}", profile.bank, profile.account);
        let file = RefundFile { version: VERSION, network: self.config.roots.network, account, batches };
        Ok(RefundsSigned { file: encode(&file), money, holdings, left_out })
    }

    /// Why these holdings are not refunded to an account in another currency; none where there are none.
    fn other_currency(
        &mut self,
        foreign: &[(Currency, Time, Vec<Holding>)],
        account: Currency,
    ) -> Result<Option<RefundFileError>, Trouble> {
        if foreign.is_empty() {
            return Ok(None);
        }
        let mut left = Vec::new();
        for holding in foreign.iter().flat_map(|(.., holdings)| holdings) {
            let status = self.card.holding(&holding.node)?;
            let amount = status.map_or(Amount::ZERO, |status| status.remaining.max(status.closed));
            left.push(Money::new(amount, holding.currency()));
        }
        let advice = if self.card.operator()?.frozen { PAID_TO_NOBODY } else { PAY_IT_ON };
        let (money, of_account) = (told(left), account.code().into());
        Ok(Some(RefundFileError::OtherCurrency { money, of_account, advice }))
    }

    /// What can be refunded, by currency and by the end of the term for deposits.
    async fn refund_batches(&mut self) -> Result<Vec<(Currency, Time, Vec<Holding>)>, Trouble> {
        let lists = self.key_lists().await?;
        let mut by_terms: BTreeMap<(Currency, Time), Vec<Holding>> = BTreeMap::new();
        for holding in self.active::<Holding>().await? {
            let note = &holding.chain.note.record;
            let Some(terms) = lists.terms(note.series, note.epoch) else { continue };
            let Some(status) = self.card.holding(&holding.node)? else { continue };
            if status.remaining.max(status.closed).is_zero() {
                continue;
            }
            by_terms.entry((holding.currency(), terms.deposit_until.plus(1))).or_default().push(holding);
        }
        let mut batches: Vec<(Currency, Time, Vec<Holding>)> = Vec::new();
        for ((currency, from), holdings) in by_terms {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            for holding in holdings {
                let more = encode(&holding.chain).len();
                if batch.len() == BATCH_ITEMS_MAX || (bytes + more > BATCH_BYTES_MAX && !batch.is_empty()) {
                    batches.push((currency, from, std::mem::take(&mut batch)));
                    bytes = 0;
                }
                bytes += more;
                batch.push(holding);
            }
            batches.push((currency, from, batch));
        }
        Ok(batches)
    }

    /// Takes over the claims of a refund file, in any wallet of the same customer: each is sent when its term has come, by
    /// [`Holder::resume`]. The same file again changes nothing, but that what the bank refused whole is claimed again.
    pub async fn present_refunds(&mut self, file: &[u8]) -> Result<RefundsPresented, PresentError> {
        let file: RefundFile = decode(file, FILE_BYTES_MAX).map_err(|cause| PresentError::Malformed { cause })?;
        if file.version != VERSION {
            return Err(PresentError::Version { found: file.version });
        }
        if file.network != self.config.roots.network {
            return Err(PresentError::OtherNetwork);
        }
        let profile = self.profile().await?;
        let own =
            |to: &ToAccount| to.bank == profile.bank && to.account == Holder::account_digest(&profile, &to.deposit);
        if !file.batches.iter().all(|batch| own(&batch.to)) {
            return Err(PresentError::OtherAccount { account: file.account });
        }
        let from = file.batches.iter().map(|batch| batch.from).min().ok_or(PresentError::Empty)?;
        let mut changes = Vec::new();
        for batch in file.batches {
            let id = batch.to.deposit;
            let known = self.get::<OwnDeposit>(&id[..]).await?;
            if known.is_none_or(|it| matches!(it.phase, DepositPhase::Refused(_))) {
                let (kind, money) = (DepositKind::Refund, batch.money());
                let phase = DepositPhase::Presented(Box::new(batch));
                changes.push(Change::put(&OwnDeposit { id, kind, money, phase, taken: None }));
            }
        }
        let batches = changes.len();
        self.commit(changes).await?;
        Ok(RefundsPresented { batches, from })
    }

    /// Sends the claims of a batch. What the bank refuses by name is left out, so that the others can be sent again: answers with the
    /// stable word of a refusal, which stands in the history then.
    pub(crate) async fn send_refunds(
        &mut self,
        deposit: &mut OwnDeposit,
        batch: &RefundBatch,
    ) -> Result<Result<DepositState, String>, DepositError> {
        if self.now() < batch.from {
            return Err(DepositError::TooEarly { from: batch.from });
        }
        let purpose = ClosingPurpose::BackupRefund(batch.to.clone());
        let refusal = match self.peers.bank.send(&Deposit { purpose, items: batch.items.clone() }).await {
            Ok(state) => return Ok(Ok(state)),
            Err(SendError::Refused(refusal)) => refusal,
            Err(error) => return Err(error.into()),
        };
        if refusal.retry() == Retry::Later {
            return Err(SendError::Refused(refusal).into());
        }
        let (mut rest, code) = (batch.clone(), refusal.code());
        let named = super::deposit::named(&refusal).and_then(|item| usize::try_from(item).ok());
        match named.filter(|item| *item < rest.items.len()) {
            Some(item) if rest.items.len() > 1 => {
                let out = rest.items.remove(item);
                deposit.money = rest.money();
                let money = Money::new(out.amount, batch.currency);
                let line = self.refusal_line(deposit, &out.signature.0, money, code);
                deposit.phase = DepositPhase::Presented(Box::new(rest));
                self.commit(vec![line, Change::put(&*deposit)]).await?;
            }
            _ => {
                deposit.phase = DepositPhase::Refused(code.to_owned());
                let line = self.refusal_line(deposit, &[], deposit.money, code);
                self.commit(vec![line, Change::put(&*deposit)]).await?;
            }
        }
        Ok(Err(code.to_owned()))
    }
}
