//! `receive`: take a payment, or money that comes back.

use zeni_crypto::Digest;
use zeni_message::Time;
use zeni_money::{Amount, Currency, Money};
use zeni_note::{
    Chain, ChainFault, Hop, Payment,
    chain::Endorsement,
    challenge::give_back_opening,
    keylist::Terms,
    payment::{Checked, Knowledge, PaymentFault, overspent},
};

use crate::{
    Explain, Holder, ReceiveOutcome, ReceivedReport, Trouble,
    error::errors,
    record::{ChallengeState, Holding, HoldingPhase, Line, OwnChallenge},
    table::Change,
};

errors! {
    /// Why a payment is refused. Nothing changes on either side; the payer may show the same bytes again (RN-X17, X18).
    pub enum ReceiveError {
        AlreadyReceived = Never, "already_received", "this payment was received before: it counts once";
        AnsweredBefore { holding: usize } = Never, "answered_before", "the payer answered this request before with another amount of the same money (holding {holding}): only the first counts, ask him to answer a new request";
        Filtered { holding: usize } = AfterRepair, "filtered", "the payer of holding {holding} may be revoked, which the bank can tell: connect and receive the same payment again";
        NoGiveBack { fault: ChainFault } = Never, "bad_give_back", "the money that is given back is not well formed: {fault}";
    } passes {
        Payment(PaymentFault);
        Trouble(Trouble);
    }
}

impl Explain for PaymentFault {
    fn code(&self) -> &'static str {
        match self {
            PaymentFault::OtherNetwork => "other_network",
            PaymentFault::UnknownChallenge => "unknown_request",
            PaymentFault::Holdings { .. } => "holdings",
            PaymentFault::Currency { .. } => "currency",
            PaymentFault::Chain { fault: ChainFault::UnknownTerms { .. }, .. } => "unknown_terms",
            PaymentFault::Chain { .. } => "bad_chain",
            PaymentFault::Expired { .. } => "expired",
            PaymentFault::Series { .. } => "series",
            PaymentFault::Unlicensed { .. } => "unlicensed_payer",
            PaymentFault::Revoked { .. } => "revoked",
            PaymentFault::LicenceEnded { .. } => "licence_ended",
            PaymentFault::Cap { .. } => "cap",
            PaymentFault::Amount { .. } => "amount",
            PaymentFault::Signature { .. } => "bad_signature",
            PaymentFault::Overspent { .. } => "overspent",
            PaymentFault::Repeated { .. } => "repeated_holding",
            PaymentFault::Overflow => "overflow",
            PaymentFault::StaleList { .. } => "stale_revocations",
        }
    }

    fn retry(&self) -> zeni_message::Retry {
        match self {
            PaymentFault::Chain { fault: ChainFault::UnknownTerms { .. }, .. } | PaymentFault::StaleList { .. } => {
                zeni_message::Retry::AfterRepair
            }
            _ => zeni_message::Retry::Never,
        }
    }
}

impl Holder {
    /// Checks a payment offline, stores it, then says yes (RN-F4.6, F4.7). A valid endorsement to one's own key on a
    /// request one did make is always stored: what is late, repeated, incomplete or too much is owed back.
    ///
    /// Recovery after a cut: what was stored is loaded by [`Holder::resume`].
    pub async fn receive(&mut self, payment: &Payment) -> Result<ReceivedReport, ReceiveError> {
        if payment.network != self.config.roots.network {
            return Err(PaymentFault::OtherNetwork.into());
        }
        self.settle().await?;
        match self.get::<OwnChallenge>(&payment.answer.0).await? {
            Some(own) => self.receive_payment(own, payment).await,
            None => self.receive_back(payment).await,
        }
    }

    async fn receive_payment(&mut self, own: OwnChallenge, payment: &Payment) -> Result<ReceivedReport, ReceiveError> {
        let (terms, revocations, now) = (self.key_lists().await?, self.revocations().await?, self.now());
        let known = Knowledge { roots: &self.config.roots, terms: &terms, revocations: &revocations, now };
        let challenge = &own.document.record;
        let mut checked = payment.check(challenge, &known)?;
        let (mut new, mut cut) = (Vec::with_capacity(checked.received.len()), Vec::new());
        for one in &checked.received {
            match self.get::<Holding>(&one.identity.0).await? {
                None => new.push(one.clone()),
                Some(holding) if matches!(holding.phase, HoldingPhase::Loading { .. }) => cut.push(holding),
                Some(_) => {}
            }
        }
        if new.is_empty() {
            return self.finish_receipt(cut, own.document.record.currency, &checked).await;
        }
        checked.received = new;
        if let Some(holding) = self.answered_before(&checked).await? {
            return Err(ReceiveError::AnsweredBefore { holding });
        }
        let held: Vec<Holding> = self.active().await?;
        let chains = held.iter().map(|it| &it.chain).chain(checked.received.iter().map(|one| &one.chain));
        if let Some(holding) = overspent(chains, &self.config.roots).and_then(|at| at.checked_sub(held.len())) {
            return Err(PaymentFault::Overspent { holding }.into());
        }
        self.not_filtered(&checked).await?;
        let brought = Amount::sum(checked.received.iter().map(|one| one.amount)).unwrap_or(Amount::MAX);
        let ended = checked.received.iter().any(|one| now > one.valid_until);
        let outcome = if ended { ReceiveOutcome::Late } else { judge(&own, brought, now) };
        let report = self.report(outcome, Money::new(brought, challenge.currency), &checked);
        // what came without a licence can be given back to nobody: it goes to the account, and from there by other means
        let owed_back = outcome.is_owed_back() && challenge.right.licence().is_some();
        let phase = HoldingPhase::Loading { owed_back };
        let holdings: Vec<Holding> = checked
            .received
            .into_iter()
            .map(|one| Holding {
                node: one.identity,
                chain: one.chain,
                value: one.amount,
                fresh: own.fresh,
                phase: phase.clone(),
                arrived: now,
            })
            .collect();
        let kind = if outcome.is_owed_back() { "owed_back" } else { "receipt" };
        let first = holdings.first().map_or(payment.answer, |holding| holding.node);
        let mut changes: Vec<Change> = holdings.iter().map(Change::put).collect();
        changes.push(Change::put(&Line::new(now, kind, &first.0, report.money, &challenge.memo)));
        if outcome == ReceiveOutcome::Fulfilled {
            changes.push(Change::put(&OwnChallenge { state: ChallengeState::Fulfilled, ..own }));
        }
        self.commit(changes).await?;
        for holding in holdings {
            self.load(holding).await?;
        }
        Ok(report)
    }

    /// The first new holding whose giver answered the same request from the same money before, with another amount. The issuer
    /// pays the first alone (HC-X49), so that the second is worth nothing.
    async fn answered_before(&self, checked: &Checked) -> Result<Option<usize>, Trouble> {
        let all: Vec<Holding> = self.all().await?;
        let roots = &self.config.roots;
        let place = checked.received.iter().position(|one| {
            let asked = one.chain.hops.last().map(|hop| hop.opening);
            let same_question = all.iter().filter(|held| held.chain.hops.last().map(|hop| hop.opening) == asked);
            same_question
                .filter_map(|held| held.chain.walk(roots).ok())
                .any(|walk| walk.nodes.iter().rev().nth(1).is_some_and(|parent| parent.identity == one.parent))
        });
        Ok(place)
    }

    /// The same payment again: refused, unless the first time was cut before its money was in the card.
    async fn finish_receipt(
        &mut self,
        cut: Vec<Holding>,
        currency: Currency,
        checked: &Checked,
    ) -> Result<ReceivedReport, ReceiveError> {
        let Some(first) = cut.first() else { return Err(ReceiveError::AlreadyReceived) };
        let outcome = match first.phase {
            HoldingPhase::Loading { owed_back: true } => ReceiveOutcome::Repeated,
            _ => ReceiveOutcome::Fulfilled,
        };
        for holding in cut {
            self.load(holding).await?;
        }
        Ok(self.report(outcome, Money::new(checked.total, currency), checked))
    }

    fn report(&self, outcome: ReceiveOutcome, money: Money, checked: &Checked) -> ReceivedReport {
        let received = &checked.received;
        ReceivedReport {
            outcome,
            money,
            holdings: received.len(),
            valid_until: received.iter().map(|one| one.valid_until).min().unwrap_or(Time::START),
            hops_left: received.iter().map(|one| one.hops_left).min().unwrap_or(0),
        }
    }

    /// Money that this wallet paid and that its payee sends back to the key that signed.
    async fn receive_back(&mut self, payment: &Payment) -> Result<ReceivedReport, ReceiveError> {
        let terms = self.key_lists().await?;
        let mut holdings: Vec<Holding> = Vec::new();
        let (mut valid_until, mut hops_left) = (Time(u64::MAX), usize::MAX);
        for answer in &payment.answers {
            let verified =
                answer.chain.verify(&self.config.roots, &terms).map_err(|fault| ReceiveError::NoGiveBack { fault })?;
            let Some(parent) = self.given_back(&answer.chain, &payment.answer, verified.nodes()).await? else {
                return Err(PaymentFault::UnknownChallenge.into());
            };
            let leaf = verified.leaf();
            if answer.amount.is_zero() || answer.amount > leaf.value {
                return Err(PaymentFault::Amount { holding: holdings.len() }.into());
            }
            let endorsement = Endorsement { parent: leaf.identity, amount: answer.amount, answer: payment.answer };
            let message = zeni_message::sig_structure(self.config.roots.network, &endorsement);
            leaf.holder
                .verify(&message, &answer.signature)
                .map_err(|_| PaymentFault::Signature { holding: holdings.len() })?;
            let hop = Hop {
                opening: give_back_opening(given_at(&answer.chain), &leaf.identity),
                amount: answer.amount,
                signature: answer.signature,
                payee: parent.chain.right().clone(),
            };
            let node = zeni_crypto::sha256(&[&message]);
            if self.get::<Holding>(&node.0).await?.is_none() && holdings.iter().all(|it| it.node != node) {
                let chain = answer.chain.extended(hop);
                let phase = HoldingPhase::Loading { owed_back: false };
                valid_until = valid_until.min(verified.terms().valid_until);
                let max = usize::from(verified.terms().payments_max);
                hops_left = hops_left.min(max.saturating_sub(chain.hops.len()));
                let (value, arrived) = (answer.amount, self.now());
                holdings.push(Holding { node, chain, value, fresh: false, phase, arrived });
            }
        }
        let Some(first) = holdings.first() else {
            let unknown = payment.answers.is_empty();
            return Err(if unknown { PaymentFault::UnknownChallenge.into() } else { ReceiveError::AlreadyReceived });
        };
        let amount = Amount::sum(holdings.iter().map(|it| it.value)).ok_or(PaymentFault::Overflow)?;
        let money = Money::new(amount, first.currency());
        let mut changes: Vec<Change> = holdings.iter().map(Change::put).collect();
        changes.push(Change::put(&Line::new(self.now(), "returned", &first.node.0, money, "")));
        self.commit(changes).await?;
        let count = holdings.len();
        for holding in holdings {
            self.load(holding).await?;
        }
        Ok(ReceivedReport { outcome: ReceiveOutcome::GivenBack, money, holdings: count, valid_until, hops_left })
    }

    /// The holding of this wallet whose endorsement is the chain's last, if `answer` gives exactly that back to its key.
    async fn given_back(
        &self,
        chain: &Chain,
        answer: &Digest,
        nodes: &[zeni_note::Node],
    ) -> Result<Option<Holding>, Trouble> {
        let [.., parent, leaf] = nodes else { return Ok(None) };
        let Some(own) = self.get::<Holding>(&parent.identity.0).await? else { return Ok(None) };
        let opening = give_back_opening(given_at(chain), &leaf.identity);
        Ok((opening.answer_for(&own.key()) == *answer).then_some(own))
    }
}

/// TIME of a give-back: that of the endorsement it gives back, so that both sides derive the same answer.
pub(crate) fn given_at(chain: &Chain) -> Time {
    chain.hops.last().map_or(Time::START, |hop| hop.opening.time)
}

/// Whether a payment that is valid in itself fulfils its request.
fn judge(own: &OwnChallenge, brought: Amount, now: Time) -> ReceiveOutcome {
    let challenge = &own.document.record;
    if own.state == ChallengeState::Fulfilled {
        ReceiveOutcome::Repeated
    } else if now > challenge.sign_until {
        ReceiveOutcome::Late
    } else if brought < challenge.total {
        ReceiveOutcome::Incomplete
    } else if brought > challenge.total {
        ReceiveOutcome::Overpaid
    } else {
        ReceiveOutcome::Fulfilled
    }
}

/// Payments that can still follow; none if the note's terms are not at hand.
pub(crate) fn hops_left(terms: &(impl Terms + ?Sized), chain: &Chain) -> usize {
    let note = &chain.note.record;
    terms
        .terms(note.series, note.epoch)
        .map_or(0, |terms| usize::from(terms.payments_max).saturating_sub(chain.hops.len()))
}
