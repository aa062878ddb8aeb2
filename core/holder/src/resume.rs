//! `resume`: finish everything unfinished, each from its stored state.

use crate::{
    CardRefused, ContactOutcome, DepositError, DepositReport, Explain, Holder, Progress, RenewError, Renewed, Resumed,
    Trouble,
    record::{DepositPhase, Holding, HoldingPhase, OwnDeposit, OwnPayment, Renewal, Request, RequestState, Withdrawal},
};

impl Holder {
    /// Carries on everything that was cut: the payment that the card has open, loads, before the bank is heard, payments, orders, redemptions that are
    /// due, deposits, renewals, claims. Then fetches lists that grow old and renews what is at its cap. One that cannot go on now says why and stays; the
    /// others go on.
    pub async fn resume(&mut self) -> Result<Vec<Resumed>, Trouble> {
        let mut report = Vec::new();
        // nothing else moves money while the card has a payment open
        self.settle().await?;
        // before the bank is heard, which may name a payer whose money was taken
        for holding in self.stored().await? {
            if self.load(holding).await.is_ok() {
                report.push(resumed::<(), Trouble>("load", &Ok(())));
            }
        }
        self.at_the_bank(&mut report).await?;
        report.extend(self.disagreements().await?);
        for holding in self.stored().await? {
            report.push(resumed("load", &self.load_cleared(holding).await));
        }
        for payment in self.active::<OwnPayment>().await? {
            report.push(self.resume_payment(payment).await);
        }
        for withdrawal in self.active::<Withdrawal>().await? {
            report.push(resumed("withdrawal", &self.carry_withdrawal(withdrawal).await.map(|_| ())));
        }
        for withdrawal in self.open_sealed().await? {
            let carried = self.carry_sealed(withdrawal).await;
            let mut one = resumed("sealed_order", &carried);
            if carried.as_ref().is_ok_and(|carried| carried.pending > 0) {
                one = Resumed { progress: Progress::Open, outcome: "pending", ..one };
            }
            report.push(one);
        }
        let redeemed = self.run_due().await?;
        report.extend((0..redeemed.redeemed).map(|_| resumed::<(), Trouble>("redemption", &Ok(()))));
        let unredeemed = redeemed.pending.into_iter().chain(redeemed.refused);
        report.extend(unredeemed.map(|outcome| told("redemption", Progress::Open, outcome, String::new())));
        for stuck in self.stuck().await? {
            let (from, until) = (stuck.claim_from, stuck.claim_until);
            let (money, why) = (stuck.money, stuck.reason);
            let reason =
                format!("the issuer redeems {money} no more ({why}): 'refund' claims it back from {from} to {until}");
            report.push(told("claim", Progress::Open, "stuck", reason));
        }
        for deposit in self.active::<OwnDeposit>().await? {
            let presented = matches!(deposit.phase, DepositPhase::Presented(_));
            report.push(of_deposit(presented, self.carry_deposit(deposit).await));
        }
        for renewal in self.active::<Renewal>().await? {
            let carried = self.carry_renewal(renewal).await.map(Vec::from_iter);
            report.push(renewed(carried));
        }
        for request in self.active::<Request>().await? {
            if matches!(request.state, RequestState::Claiming(_)) {
                let carried = self.carry_claim(request).await;
                let mut one = resumed("claim", &carried);
                if carried.is_ok_and(|claim| claim.state == "pending") {
                    one = Resumed { progress: Progress::Open, outcome: "pending", ..one };
                }
                report.push(one);
            }
        }
        self.keep_up(&mut report).await?;
        Ok(report)
    }

    /// The card's contact, where the bank may see this wallet connect, and what the bank thinks of the card.
    async fn at_the_bank(&mut self, report: &mut Vec<Resumed>) -> Result<(), Trouble> {
        if self.goes_to_the_bank().await? && self.contact().await? == ContactOutcome::Frozen {
            // nothing is left to do about it but the refund, which is asked for
            report.push(told("card", Progress::Done, "frozen", zeni_card::CardError::Frozen.to_string()));
        } else if let Some(CardRefused { code, reason }) = self.card_refused().await? {
            let reason = format!("the bank does not take this card ({code}): {reason}");
            report.push(told("card", Progress::Refused, "card_contact", reason));
        }
        Ok(())
    }

    /// What is stored and perhaps not in the card.
    async fn stored(&self) -> Result<Vec<Holding>, Trouble> {
        let mut stored = self.active::<Holding>().await?;
        stored.retain(|it| matches!(it.phase, HoldingPhase::LoadingNote(_) | HoldingPhase::Loading { .. }));
        Ok(stored)
    }

    /// Whether the bank may see this wallet connect: it is asked about something anyway, or nothing is redeemed now that its
    /// time could be matched with (RN-O6).
    async fn goes_to_the_bank(&self) -> Result<bool, Trouble> {
        let (requests, now) = (self.active::<Request>().await?, self.now());
        let redeems = |it: &Request| it.is_open() && it.due <= now;
        if !requests.iter().any(redeems) || requests.iter().any(|it| matches!(it.state, RequestState::Claiming(_))) {
            return Ok(true);
        }
        Ok(!self.active::<Withdrawal>().await?.is_empty() || !self.active::<OwnDeposit>().await?.is_empty())
    }

    /// What a wallet does of itself while it has a connection: fetch lists before they are stale, renew what is at its
    /// cap (RN-X33, X34).
    async fn keep_up(&mut self, report: &mut Vec<Resumed>) -> Result<(), Trouble> {
        let age = self.now().since(self.revocations().await?.time);
        if age > self.config.policy.list_age_max_s
            && let Err(error) = self.sync_lists().await
        {
            report.push(resumed::<(), _>("lists", &Err(error)));
        }
        if !self.capped().await?.is_empty() {
            report.push(renewed(self.renew().await));
        }
        Ok(())
    }
}

fn renewed(outcome: Result<Vec<Renewed>, RenewError>) -> Resumed {
    let one = resumed("renewal", &outcome);
    Resumed { renewed: outcome.unwrap_or_default(), ..one }
}

fn resumed<T, E: Explain>(what: &'static str, outcome: &Result<T, E>) -> Resumed {
    match outcome {
        Ok(_) => told(what, Progress::Done, "done", String::new()),
        Err(error) => told(what, Progress::Open, error.code(), error.to_string()),
    }
}

/// How a deposit stands; `presented` is one out of a refund file, which stays as it is until its term.
fn of_deposit(presented: bool, carried: Result<DepositReport, DepositError>) -> Resumed {
    let state = match carried {
        Err(error) if presented && error.code() == "too_early" => {
            return told("deposit", Progress::Waiting, "too_early", error.to_string());
        }
        Err(_) => return resumed("deposit", &carried),
        Ok(state) => state,
    };
    let refused = state.refused.join(", ");
    let mut reason = match refused.is_empty() {
        true => String::new(),
        false => format!("refused ({refused}): {} is not credited", state.not_credited),
    };
    if presented && state.done && state.holdings == 0 {
        reason.push_str("; 'claim-refunds' with the same or a newer backup claims it again");
    }
    match (state.done, state.waiting_until) {
        (true, _) if refused.is_empty() => told("deposit", Progress::Done, "done", reason),
        (true, _) => told("deposit", Progress::Refused, "refused", reason),
        (false, None) => told("deposit", Progress::Open, "held", reason),
        (false, Some(until)) => {
            let rest = if reason.is_empty() { "" } else { "; " };
            reason.push_str(&format!("{rest}the refund is decided from {until} on"));
            told("deposit", Progress::Waiting, "waiting", reason)
        }
    }
}

/// One thing that stood unfinished.
pub(crate) fn told(what: &'static str, progress: Progress, outcome: &'static str, reason: String) -> Resumed {
    Resumed { what, progress, outcome, reason, renewed: Vec::new() }
}
