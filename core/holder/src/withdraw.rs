//! `withdraw`: order blind signatures, make issuance requests of them.

use std::cmp::Reverse;

use zeni_card::{CardError, Life};
use zeni_crypto::{PublicKey, SharedEntropy, blind::RsaPublicKey};
use zeni_message::{Refusal, Time, limits::BATCH_ITEMS_MAX, peer::SendError};
use zeni_money::{Amount, Currency, Money};
use zeni_note::{
    IssuanceRequest, KeyEntry, KeyList, Nonce,
    messages::bank::{BlindedItem, DisputeOutcome, DisputeRefusal, DisputeSignature, Withdraw, WithdrawRefusal},
    request::blind_message,
};

use crate::{
    CardRefused, Holder, Privacy, Profile, SealedError, SealedKeys, SyncError, Trouble, Via, Withdrawn,
    error::{errors, settled},
    record::{BlindItem, Kind, Line, OwnRight, Request, RequestState, Withdrawal, WithdrawalState},
    table::Change,
};

errors! {
    /// Why nothing is withdrawn. After a fault or a busy bank the order stays and `resume` sends it again.
    pub enum WithdrawError {
        Contact { code: String, reason: String } = AfterRepair, "card_contact", "the bank does not take this card ({code}): {reason}; until it does nothing is withdrawn to it";
        Stopped = Never, "two_key_lists", "two key lists exist for one epoch: withdrawals stop; export the proof and show it to the authority";
        Zero = AfterRepair, "zero", "withdraw at least the smallest unit";
        NoKeyList = Later, "no_key_list", "no key list for the present time is at hand: connect to fetch it";
        NoKeys { code: String } = AfterRepair, "no_keys", "the bank has no keys for {code} in this epoch";
        Closed = Later, "closed", "withdrawals of this epoch are over: try again in the next";
        NotDivisible { smallest: Money } = AfterRepair, "not_divisible", "the amount is not a multiple of the smallest unit, {smallest}: withdraw a multiple of it";
        TooMany { notes: u64, max: usize } = AfterRepair, "too_many_notes", "the amount needs {notes} notes, one order has at most {max}: withdraw it in parts";
        KeyDoubted { until: Time } = AfterRepair, "key_doubted", "an order for this key, which the bank calls refused, may still bring a note until {until}: withdraw under a fresh key";
        OneAtATime = AfterRepair, "one_at_a_time", "a key that has notes already takes one more at a time: withdraw one face value";
        NoLicence = AfterRepair, "no_licence", "this wallet's licence ended or is missing: connect to the authority to draw a new one";
        LicenceRevoked = AfterRepair, "licence_revoked", "this wallet's licence is revoked and would redeem nothing: see the authority; nothing was ordered";
        BadKey = Never, "bad_bank_key", "the bank's published key is unfit for blind signatures: do not withdraw there";
        BadReply { found: usize, ordered: usize } = Later, "bad_reply", "the bank sent {found} signatures for {ordered} keys: run resume";
        BadSignature { item: u32 } = Later, "bad_signature", "the bank's signature {item} is false and the bank did not put it right: run resume, or show the bank this wallet";
    } passes {
        Trouble(Trouble);
        Bank(SendError<WithdrawRefusal>);
        Dispute(SendError<DisputeRefusal>);
        Licences(SyncError);
        Sealed(SealedError);
    }
}

/// What an order came to.
pub(crate) struct Ordered {
    pub(crate) requests: usize,
    pub(crate) credited: Amount,
}

impl Holder {
    /// Debits the account and stores issuance requests (RN-F2). Each is redeemed later over its own connection, or with
    /// `now` at once, which lets bank and issuer match times (RN-O6).
    ///
    /// Recovery after a cut: [`Holder::resume`] sends the stored order again.
    pub async fn withdraw(&mut self, money: Money, now: bool) -> Result<Withdrawn, WithdrawError> {
        self.withdraw_via(money, None, now).await
    }

    /// As [`Holder::withdraw`], by a way of the holder's choice: by default the bank's only way, and where it has both,
    /// registered for a holder with licences, under seal for one without. Under seal `now` changes nothing: see
    /// [`Holder::withdraw_sealed`].
    pub async fn withdraw_via(
        &mut self,
        money: Money,
        via: Option<Via>,
        now: bool,
    ) -> Result<Withdrawn, WithdrawError> {
        self.settle().await?;
        self.freshen().await?;
        let profile = self.profile().await?;
        let list = self.list_to_withdraw().await?;
        match via.unwrap_or_else(|| default_way(&list, &profile, money.currency)) {
            Via::Sealed => return self.withdraw_sealed(money, SealedKeys::Fresh).await,
            Via::Registered if !profile.registered => return Err(WithdrawError::NoLicence),
            Via::Registered => {}
        }
        let withdrawal = self.order(&profile, money, now).await?;
        let done = self.carry_withdrawal(withdrawal.clone()).await?;
        let redeemed = if now { self.run_due().await?.redeemed } else { 0 };
        Ok(Withdrawn {
            order: zeni_crypto::hex(&withdrawal.order[..]),
            via: Via::Registered,
            money,
            requests: done.requests,
            redeemed,
            refused: Vec::new(),
            credited_back: (!done.credited.is_zero()).then(|| Money::new(done.credited, money.currency)),
            next_due: self.next_due().await?,
        })
    }

    /// Chooses the notes, blinds their keys and stores the order before anything is sent.
    async fn order(&mut self, profile: &Profile, money: Money, now: bool) -> Result<Withdrawal, WithdrawError> {
        let list = self.list_to_withdraw().await?;
        let entries = split(&list, &profile.bank, money, self.now())?;
        let licences = self.withdrawal_licences(profile, entries.len()).await?;
        let mut items = Vec::with_capacity(entries.len());
        for (entry, licence) in entries.iter().zip(&licences) {
            items.push(blind(entry, licence.key(), &mut self.entropy)?);
        }
        let withdrawal = Withdrawal { order: self.nonce(), money, now, items, state: WithdrawalState::Ordered };
        let mut changes: Vec<Change> = licences.into_iter().map(|it| Change::put(&it.spent())).collect();
        changes.push(Change::put(&withdrawal));
        self.commit(changes).await?;
        Ok(withdrawal)
    }

    /// The key list of now, if this wallet may withdraw at all.
    pub(crate) async fn list_to_withdraw(&mut self) -> Result<KeyList, WithdrawError> {
        // a card that was moved away could load none of the notes that the account pays for
        if self.card.life().map_err(Trouble::from)? == Life::Retired {
            return Err(Trouble::from(CardError::Retired).into());
        }
        if self.card.operator().map_err(Trouble::from)?.frozen {
            return Err(Trouble::from(CardError::Frozen).into());
        }
        // its limits, its filter and the finding of its copies rest on contacts
        if let Some(CardRefused { code, reason }) = self.card_refused().await? {
            return Err(WithdrawError::Contact { code, reason });
        }
        if self.stopped().await? {
            return Err(WithdrawError::Stopped);
        }
        self.current_list(self.now()).await?.ok_or(WithdrawError::NoKeyList)
    }

    /// A fresh licence per note in f-2, the one in f-1; none that is revoked (RN-X32).
    async fn withdrawal_licences(&mut self, profile: &Profile, count: usize) -> Result<Vec<OwnRight>, WithdrawError> {
        let one_for_all = profile.kind == Kind::Shop || profile.privacy == Privacy::Untraceable;
        if !one_for_all {
            return match self.take_rights(count).await {
                Err(error) if error.is_suspended() => Err(WithdrawError::LicenceRevoked),
                taken => Ok(taken?),
            };
        }
        let main = self.main_right(profile).await?.ok_or(WithdrawError::NoLicence)?;
        if main.right.had_ended(self.now()) {
            return Err(WithdrawError::NoLicence);
        }
        if self.revocations().await?.revokes(&main.key()) {
            return Err(WithdrawError::LicenceRevoked);
        }
        Ok(vec![main; count])
    }

    /// Sends a stored order and stores the requests it buys.
    pub(crate) async fn carry_withdrawal(&mut self, withdrawal: Withdrawal) -> Result<Ordered, WithdrawError> {
        let items = withdrawal
            .items
            .iter()
            .map(|it| BlindedItem { entry: it.entry, blinded: (*it.blinding.blinded()).into() })
            .collect();
        let reply = match self.peers.bank.send(&Withdraw { order: withdrawal.order, items }).await {
            Ok(reply) => reply,
            Err(error) => {
                if settled(&error) {
                    self.drop_order(withdrawal, &error).await?;
                }
                return Err(error.into());
            }
        };
        let (found, ordered) = (reply.signatures.len(), withdrawal.items.len());
        if found != ordered {
            return Err(WithdrawError::BadReply { found, ordered });
        }
        let lists = self.key_lists().await?;
        let (mut requests, mut credited) = (Vec::with_capacity(ordered), Amount::ZERO);
        for ((item, answer), place) in withdrawal.items.iter().zip(&reply.signatures).zip(0..) {
            let key = lists
                .iter()
                .find_map(|list| list.record.entry(&item.entry))
                .and_then(|entry| RsaPublicKey::from_modulus(*entry.modulus).ok())
                .ok_or(WithdrawError::BadKey)?;
            match finalize(item, &key, answer) {
                Some(request) => requests.push(self.due_request(&withdrawal, item, request)),
                None => match self.dispute(withdrawal.order, place, item, &key).await? {
                    Some(request) => requests.push(self.due_request(&withdrawal, item, request)),
                    None => credited = credited.checked_add(item.face).unwrap_or(Amount::MAX),
                },
            }
        }
        self.store_requests(withdrawal, &requests, credited).await?;
        Ok(Ordered { requests: requests.len(), credited })
    }

    async fn store_requests(
        &mut self,
        withdrawal: Withdrawal,
        requests: &[Request],
        credited: Amount,
    ) -> Result<(), WithdrawError> {
        let bought = withdrawal.money.amount.checked_sub(credited).unwrap_or(Amount::ZERO);
        let line = Line::new(
            self.now(),
            "withdrawal",
            &withdrawal.order[..],
            Money::new(bought, withdrawal.money.currency),
            "",
        )
        .via(Via::Registered);
        // the blinding links requests to the account: it goes as soon as it is of no more use
        let done = Withdrawal { items: Vec::new(), state: WithdrawalState::Signed, ..withdrawal };
        let mut changes: Vec<Change> = requests.iter().map(Change::put).collect();
        changes.extend([Change::put(&done), Change::put(&line)]);
        Ok(self.commit(changes).await?)
    }

    /// The bank refused: nothing was debited, the keys never left and go back to the stock.
    async fn drop_order(
        &mut self,
        withdrawal: Withdrawal,
        error: &SendError<WithdrawRefusal>,
    ) -> Result<(), WithdrawError> {
        let mut changes = Vec::new();
        for item in &withdrawal.items {
            if let Some(licence) = self.get::<OwnRight>(&item.key.0).await? {
                changes.push(Change::put(&licence.unspent()));
            }
        }
        let code = match error {
            SendError::Refused(refusal) => refusal.code(),
            _ => "refused",
        };
        let refused = Withdrawal { items: Vec::new(), state: WithdrawalState::Refused(code.into()), ..withdrawal };
        changes.push(Change::put(&refused));
        Ok(self.commit(changes).await?)
    }

    /// RN-X8: shows the bank that its signature is false; none if it credited the item back.
    async fn dispute(
        &mut self,
        order: Nonce,
        item: u32,
        blind: &BlindItem,
        key: &RsaPublicKey,
    ) -> Result<Option<IssuanceRequest>, WithdrawError> {
        match self.peers.bank.send(&DisputeSignature { order, item }).await? {
            DisputeOutcome::Credited(_) => Ok(None),
            DisputeOutcome::Signature(answer) => {
                finalize(blind, key, &answer).map(Some).ok_or(WithdrawError::BadSignature { item })
            }
        }
    }

    fn due_request(&self, withdrawal: &Withdrawal, item: &BlindItem, request: IssuanceRequest) -> Request {
        let policy = &self.config.policy;
        let delay = match policy.redeem_delay_max_s {
            _ if withdrawal.now => 0,
            0 => policy.redeem_wait_s,
            max => policy.redeem_wait_s.saturating_add(u64::from_be_bytes(self.entropy.bytes::<8>()) % max),
        };
        Request {
            request,
            money: Money::new(item.face, withdrawal.money.currency),
            series: item.series,
            epoch: item.epoch,
            due: self.now().plus(delay),
            tries: 0,
            state: RequestState::Waiting,
        }
    }
}

/// How to withdraw where nothing was chosen.
fn default_way(list: &KeyList, profile: &Profile, currency: Currency) -> Via {
    let record = &list.record;
    let registered = record.entries.iter().any(|it| it.bank == profile.bank && it.currency == currency);
    let of = |series: u32| record.terms(series).is_some_and(|terms| terms.currency == currency);
    let sealed = record.sealed.iter().any(|it| it.bank == profile.bank && of(it.series));
    match (registered, sealed) {
        (true, false) => Via::Registered,
        (false, true) => Via::Sealed,
        _ if profile.registered => Via::Registered,
        _ => Via::Sealed,
    }
}

/// The key entries of the notes that make up `money`, largest first (RN-O2: standard face values only).
fn split(list: &KeyList, bank: &str, money: Money, now: Time) -> Result<Vec<KeyEntry>, WithdrawError> {
    let record = &list.record;
    let mut entries: Vec<&KeyEntry> =
        record.entries.iter().filter(|it| it.bank == bank && it.currency == money.currency).collect();
    let series = entries.iter().map(|it| it.series).min();
    let no_keys = || WithdrawError::NoKeys { code: money.currency.code().into() };
    let terms = series.and_then(|series| record.terms(series));
    if terms.is_some_and(|terms| now > terms.withdraw_until) {
        return Err(WithdrawError::Closed);
    }
    entries.retain(|it| terms.is_some_and(|terms| it.series == terms.series));
    let faces = faces_of(entries.iter().map(|it| it.face), money, BATCH_ITEMS_MAX)?;
    let entry_of = |face: Amount| entries.iter().find(|it| it.face == face).map(|it| (*it).clone());
    faces.into_iter().map(|face| entry_of(face).ok_or_else(no_keys)).collect()
}

/// The face values that make up `money`, largest first, at most `max` notes.
pub(crate) fn faces_of(
    faces: impl Iterator<Item = Amount>,
    money: Money,
    max: usize,
) -> Result<Vec<Amount>, WithdrawError> {
    if money.amount.is_zero() {
        return Err(WithdrawError::Zero);
    }
    let mut faces: Vec<Amount> = faces.filter(|face| !face.is_zero()).collect();
    faces.sort_by_key(|face| Reverse(*face));
    let no_keys = || WithdrawError::NoKeys { code: money.currency.code().into() };
    let smallest = *faces.last().ok_or_else(no_keys)?;
    let (mut rest, mut notes) = (money.amount.minor(), 0u64);
    let mut counts = Vec::with_capacity(faces.len());
    for face in faces {
        let count = rest / face.minor();
        rest %= face.minor();
        notes = notes.saturating_add(count);
        counts.push((face, count));
    }
    if rest != 0 {
        return Err(WithdrawError::NotDivisible { smallest: Money::new(smallest, money.currency) });
    }
    if notes > max as u64 {
        return Err(WithdrawError::TooMany { notes, max });
    }
    Ok(counts.into_iter().flat_map(|(face, count)| (0..count).map(move |_| face)).collect())
}

fn blind(entry: &KeyEntry, key: PublicKey, entropy: &mut SharedEntropy) -> Result<BlindItem, WithdrawError> {
    let digest = entry.digest();
    let rsa = RsaPublicKey::from_modulus(*entry.modulus).map_err(|_| WithdrawError::BadKey)?;
    let blinding = rsa.blind(&blind_message(&digest, &key), entropy).map_err(|_| WithdrawError::BadKey)?;
    Ok(BlindItem { entry: digest, key, blinding, face: entry.face, series: entry.series, epoch: entry.epoch })
}

/// The request, if the bank's answer is the signature that was ordered (RN-F2.7).
fn finalize(item: &BlindItem, key: &RsaPublicKey, answer: &[u8; 256]) -> Option<IssuanceRequest> {
    let signature = item.blinding.finalize(key, answer).ok()?;
    Some(IssuanceRequest {
        key: item.key,
        entry: item.entry,
        randomizer: signature.randomizer.into(),
        signature: signature.signature.into(),
    })
}
