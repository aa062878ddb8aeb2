//! `preview` and `pay`: answer somebody's request.

use zeni_card::{CardError, HoldingState};
use zeni_crypto::{Digest, PublicKey};
use zeni_message::{Signed, Time, limits::TEXT_BYTES_MAX};
use zeni_money::{Amount, Currency, Money};
use zeni_note::{
    Answer, Challenge, Payment, Right,
    challenge::{NamedBy, is_plain},
    licence::{LicenceFault, check_licence},
};

use crate::{
    Evidence, Holder, Paid, PayeeName, Preview, Trouble,
    error::errors,
    pick::{PickFault, Wanted, pick},
    record::{Holding, HoldingPhase, Line, OwnChallenge, OwnPayment, Part, PaymentState},
    table::Change,
};

errors! {
    /// Why a request for payment is not answered, in the order of the checks. Nothing is signed.
    pub enum PayError {
        Signature = Never, "bad_request_signature", "the request is not signed by the key it names, was altered, or belongs to another network: ask for a new one";
        Licence { fault: LicenceFault } = Never, "payee_licence", "the payee cannot be paid: {fault}";
        OtherKey = Never, "payee_key", "the request names one key as payee and another as holder: do not pay";
        NotPlain = Never, "text_not_plain", "the request's memo or name holds control characters or such that turn the direction of writing: do not pay";
        FalseName { claimed: String } = Never, "false_name", "the request claims the name {claimed} with a certificate that is false, has ended or is for another key: do not pay";
        Zero = Never, "zero", "the request asks for nothing";
        Text { max: usize } = Never, "text_too_long", "the request's memo or name is longer than {max} bytes";
        FromTheFuture { time: Time } = AfterRepair, "from_the_future", "the request was made at {time}, which is still to come: check both clocks";
        TooLate { sign_until: Time } = Never, "request_ended", "the request could be answered until {sign_until}: ask for a new one";
        UnknownEpoch { epoch: u32 } = AfterRepair, "unknown_epoch", "the key list of epoch {epoch} is not at hand: connect once to fetch it";
        ForeignKeyList { epoch: u32 } = Never, "foreign_key_list", "the payee has another key list of epoch {epoch}: nothing is paid; the request is kept as evidence, show it to the authority";
        OwnRequest = Never, "own_request", "this is a request of your own";
        Restored { available: Money, restored: Money } = Never, "restored", "only {available} can be spent: {restored} came from a backup and can only be refunded after the end of its validity";
        Insufficient { available: Money } = AfterRepair, "insufficient_funds", "only {available} can be spent: withdraw more";
        NeedsRenewal { usable: Money } = AfterRepair, "needs_renewal", "only {usable} can be paid on: the rest has passed through too many hands and must be renewed online first";
        TooManyHoldings { max: usize } = AfterRepair, "too_many_holdings", "the amount needs more than {max} pieces of money: pay it in parts";
    } passes {
        Trouble(Trouble);
    }
}

mod begun;

impl From<CardError> for PayError {
    fn from(error: CardError) -> Self {
        PayError::Trouble(error.into())
    }
}

/// Characters of a fingerprint: 40 bits, to be compared by voice.
const FINGERPRINT_CHARS: usize = 10;

/// Short form of a key, e.g. `3f9a-02c4-1b`.
pub fn fingerprint(key: &PublicKey) -> String {
    let digest = zeni_crypto::tagged("zeni/fingerprint", &[&key.0]).to_string();
    let groups: Vec<&str> = [0..4, 4..8, 8..FINGERPRINT_CHARS].into_iter().filter_map(|it| digest.get(it)).collect();
    groups.join("-")
}

impl Holder {
    /// Checks a request and says who asks for what. Nothing is signed; no connection is needed.
    pub async fn preview(&mut self, request: &Signed<Challenge>) -> Result<Preview, PayError> {
        let answer = request.record.answer(self.config.roots.network);
        let before = self.begun(&answer).await?;
        let payee = self.check_request(request, before.is_none()).await?;
        if before.is_none() {
            self.is_newest_card().await?;
            self.within_limits(Money::new(request.record.total, request.record.currency))?;
        }
        let holdings = match &before {
            Some(OwnPayment { state: PaymentState::Ready(payment), .. }) => payment.answers.len(),
            Some(OwnPayment { state: PaymentState::Endorsing(parts), .. }) => parts.len(),
            None => self.parts_for(&request.record).await?.len(),
        };
        let challenge = &request.record;
        Ok(Preview {
            payee,
            money: Money::new(challenge.total, challenge.currency),
            memo: challenge.memo.clone(),
            sign_until: challenge.sign_until,
            holdings,
            available: Money::new(self.payable(challenge.currency).await?, challenge.currency),
            terminal: challenge.right.licence().is_none(),
            answered: before.is_some(),
        })
    }

    /// Answers a request that the person has said yes to (RN-F4.5). The payment is stored before it is returned. Once something of
    /// it was signed, the same request gives the same bytes, in this wallet: another one, a further card's too, knows nothing of it.
    ///
    /// Recovery after a cut: the same again, or [`Holder::resume`].
    pub async fn pay(&mut self, request: &Signed<Challenge>) -> Result<Paid, PayError> {
        self.settle().await?;
        let answer = request.record.answer(self.config.roots.network);
        let before = self.begun(&answer).await?;
        self.check_request(request, before.is_none()).await?;
        let again = before.is_some();
        let payment = match before {
            Some(payment) => payment,
            None => self.plan_payment(request, answer).await?,
        };
        let money = payment.money;
        let document = self.carry_payment(payment).await?;
        Ok(Paid { holdings: document.answers.len(), document, money, again })
    }

    /// Payments that were signed for others, oldest first, to be shown again.
    pub async fn payments(&self) -> Result<Vec<Paid>, Trouble> {
        let all = self.all::<OwnPayment>().await?;
        let ready = |it: OwnPayment| match it.state {
            PaymentState::Ready(document) => {
                Some(Paid { holdings: document.answers.len(), document, money: it.money, again: true })
            }
            PaymentState::Endorsing(_) => None,
        };
        Ok(all.into_iter().filter_map(ready).collect())
    }

    /// The checks of a request in the order of [`PayError`]; dates only for what was not answered before.
    async fn check_request(&mut self, request: &Signed<Challenge>, new: bool) -> Result<PayeeName, PayError> {
        let (roots, now) = (self.config.roots, self.now());
        let challenge = &request.record;
        request.verify(roots.network, &challenge.payee).map_err(|_| PayError::Signature)?;
        if !new {
            return self.payee_name(challenge, Time::START).await;
        }
        let payee = &challenge.payee;
        match &challenge.right {
            Right::Licensed(licence) => check_licence(licence, payee, roots.network, &roots.authority, now)
                .map_err(|fault| PayError::Licence { fault })?,
            Right::Unlicensed(key) if key != payee => return Err(PayError::OtherKey),
            Right::Unlicensed(_) => {}
        }
        if self.revocations().await?.revokes(&challenge.payee) {
            return Err(PayError::Licence { fault: LicenceFault::Revoked });
        }
        if !is_plain(&challenge.name) || !is_plain(&challenge.memo) {
            return Err(PayError::NotPlain);
        }
        let name = self.payee_name(challenge, now).await?;
        if challenge.total.is_zero() {
            return Err(PayError::Zero);
        }
        if challenge.memo.len() > TEXT_BYTES_MAX || challenge.name.len() > TEXT_BYTES_MAX {
            return Err(PayError::Text { max: TEXT_BYTES_MAX });
        }
        if challenge.time > now.plus(self.config.policy.clock_skew_s) {
            return Err(PayError::FromTheFuture { time: challenge.time });
        }
        if now > challenge.sign_until {
            return Err(PayError::TooLate { sign_until: challenge.sign_until });
        }
        self.check_key_list(request).await?;
        let answer = challenge.answer(roots.network);
        if self.get::<OwnChallenge>(&answer.0).await?.is_some() {
            return Err(PayError::OwnRequest);
        }
        Ok(name)
    }

    /// RN-X9: a payee with another key list of a known epoch is evidence that somebody shows two.
    async fn check_key_list(&mut self, request: &Signed<Challenge>) -> Result<(), PayError> {
        let epoch = request.record.epoch;
        let lists = self.key_lists().await?;
        let known = lists.iter().find(|list| list.record.epoch == epoch).ok_or(PayError::UnknownEpoch { epoch })?;
        if known.record.identity(self.config.roots.network) == request.record.key_list {
            return Ok(());
        }
        self.put(&Evidence::ForeignChallenge(request.clone())).await?;
        Err(PayError::ForeignKeyList { epoch })
    }

    /// RN-X42: a name is certified, or unverified; a false certificate is refused.
    async fn payee_name(&self, challenge: &Challenge, now: Time) -> Result<PayeeName, PayError> {
        let name = challenge.name.clone();
        if challenge.certificate.is_none() {
            return Ok(PayeeName::Unverified { claimed: name, fingerprint: fingerprint(&challenge.payee) });
        }
        match challenge.named_by(&self.config.roots, &self.key_lists().await?, now) {
            Some(NamedBy::Authority) => Ok(PayeeName::Certified { name, bank: None }),
            Some(NamedBy::Bank(bank)) => Ok(PayeeName::Certified { name, bank: Some(bank) }),
            None => Err(PayError::FalseName { claimed: name }),
        }
    }

    async fn parts_for(&mut self, challenge: &Challenge) -> Result<Vec<Part>, PayError> {
        let currency = challenge.currency;
        let wanted =
            Wanted { currency, amount: challenge.total, series: &challenge.series, now: self.now(), beyond_cap: 0 };
        let terms = self.key_lists().await?;
        let live = self.live().await?;
        match pick(&live, &terms, &wanted) {
            Ok(parts) => Ok(parts),
            Err(PickFault::Insufficient { available }) => {
                let available = Money::new(available, currency);
                let restored = Money::new(self.restored(currency).await?, currency);
                Err(match restored.amount.is_zero() {
                    true => PayError::Insufficient { available },
                    false => PayError::Restored { available, restored },
                })
            }
            Err(PickFault::Capped { usable }) => Err(PayError::NeedsRenewal { usable: Money::new(usable, currency) }),
            Err(PickFault::TooMany) => {
                Err(PayError::TooManyHoldings { max: zeni_message::limits::HOLDINGS_IN_PAYMENT_MAX })
            }
        }
    }

    /// What may be paid on now, with what needs a renewal first.
    pub(crate) async fn payable(&mut self, currency: Currency) -> Result<Amount, Trouble> {
        let (terms, now) = (self.key_lists().await?, self.now());
        let live = self.live().await?;
        let of = live.iter().filter(|it| it.status.currency == currency && it.holding.is_payable(&terms, now));
        Ok(Amount::sum(of.map(|it| it.status.remaining)).unwrap_or(Amount::MAX))
    }

    /// What came back from a backup and is not refunded yet.
    pub(crate) async fn restored(&mut self, currency: Currency) -> Result<Amount, Trouble> {
        let mut restored = Amount::ZERO;
        for holding in self.active::<Holding>().await? {
            let status = self.card.holding(&holding.node)?.filter(|it| it.state == HoldingState::Restored);
            if let Some(status) = status.filter(|it| it.currency == currency) {
                restored = restored.checked_add(status.remaining).unwrap_or(Amount::MAX);
            }
        }
        Ok(restored)
    }

    async fn plan_payment(&mut self, request: &Signed<Challenge>, answer: Digest) -> Result<OwnPayment, PayError> {
        let money = Money::new(request.record.total, request.record.currency);
        self.is_newest_card().await?;
        self.within_limits(money)?;
        let parts = self.parts_for(&request.record).await?;
        let asked = Some(request.clone());
        let payment = OwnPayment { answer, money, asked, state: PaymentState::Endorsing(parts) };
        // a plan of which nothing was signed goes, and its place with it: payments stand in the order in which they are signed
        self.commit(vec![Change::remove::<OwnPayment>(&answer.0), Change::put(&payment)]).await?;
        Ok(payment)
    }

    /// Whether the card would pay as much to others now. What it will refuse is not begun, since a payment of several holdings
    /// that is signed in part brings its payee nothing.
    pub(crate) fn within_limits(&mut self, money: Money) -> Result<(), CardError> {
        if self.card.operator()?.frozen {
            return Err(CardError::Frozen);
        }
        self.card.limits(money.currency)?.allow_payment(money.amount).map_err(CardError::Limit)
    }

    /// Has the stored parts signed, stores the payment whole, tells the card so, returns it.
    pub(crate) async fn carry_payment(&mut self, payment: OwnPayment) -> Result<Payment, Trouble> {
        let parts = match &payment.state {
            PaymentState::Ready(document) => return Ok(document.clone()),
            PaymentState::Endorsing(parts) => parts.clone(),
        };
        let answers = self.endorse(&payment.answer, &parts).await?;
        let document = Payment { network: self.config.roots.network, answer: payment.answer, answers };
        let (kind, text) = match &payment.asked {
            Some(asked) => ("payment", asked.record.memo.clone()),
            None => ("given_back", String::new()),
        };
        let line = Line::new(self.now(), kind, &payment.answer.0, payment.money, &text);
        let ready = OwnPayment { state: PaymentState::Ready(document.clone()), ..payment };
        let mut changes = vec![Change::put(&ready), Change::put(&line)];
        changes.extend(self.used_up(&parts).await?);
        self.commit(changes).await?;
        self.card.confirm(&ready.answer)?;
        Ok(document)
    }

    /// Durable decrement and signature for each part; the same parts give the same answers.
    pub(crate) async fn endorse(&mut self, answer: &Digest, parts: &[Part]) -> Result<Vec<Answer>, Trouble> {
        let mut answers = Vec::with_capacity(parts.len());
        for part in parts {
            let holding = self.get::<Holding>(&part.node.0).await?.ok_or(Trouble::Card(CardError::UnknownHolding))?;
            let signature = self.card.endorse(&part.node, part.amount, answer)?;
            answers.push(Answer { chain: holding.chain, amount: part.amount, signature });
        }
        Ok(answers)
    }

    /// The holdings of which these parts left nothing.
    pub(crate) async fn used_up(&mut self, parts: &[Part]) -> Result<Vec<Change>, Trouble> {
        let mut changes = Vec::new();
        for part in parts {
            let left = self.card.holding(&part.node)?.map_or(Amount::ZERO, |status| status.remaining);
            if left.is_zero()
                && let Some(holding) = self.get::<Holding>(&part.node.0).await?
            {
                changes.push(Change::put(&holding.with(HoldingPhase::Gone)));
            }
        }
        Ok(changes)
    }
}
