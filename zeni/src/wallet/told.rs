//! `balance`, `history` and `resume` for people and scripts.

use std::{collections::BTreeSet, ops::DerefMut};

use serde_json::json;
use zeni_holder::{CardRefused, DepositReport, Holder, PAID_TO_NOBODY, Progress, Resumed, Via, unknown_money_is};

use super::{Session, Told, explain};
use crate::output::{Failure, Output, foreign};

impl<H: DerefMut<Target = Holder>> Session<H> {
    pub(super) async fn balance(&mut self) -> Result<(), Failure> {
        let (value, text) = self.balance_told().await?;
        self.output.result(&value, &text)
    }

    pub(super) async fn balance_told(&mut self) -> Result<(zeni_holder::Balance, String), Failure> {
        let balance = self.holder.balance().await.map_err(explain)?;
        let mut text = String::new();
        for one in &balance.balances {
            text.push_str(&format!("{} available", one.available));
            if !one.ways.sealed.amount.is_zero() {
                text.push_str(&format!(" ({} registered, {} under seal)", one.ways.registered, one.ways.sealed));
            }
            let deposit_only = (one.deposit_only, "to be deposited only");
            let restored = (one.restored, if balance.frozen { "refundable only" } else { "restored" });
            for (money, word) in [deposit_only, (one.pending, "pending"), (one.owed_back, "owed back"), restored] {
                if !money.amount.is_zero() {
                    text.push_str(&format!(", {money} {word}"));
                }
            }
            text.push('\n');
        }
        if balance.balances.is_empty() {
            text.push_str("nothing yet");
        }
        if balance.frozen {
            text.push_str(
                "the card is frozen, because a copy or an older state of it was used: 'refund' claims what it holds",
            );
            let of_account = balance.account_currency.as_ref().map(|code| format!(" in {code}"));
            text.push_str(&of_account.unwrap_or_default());
            text.push('\n');
        }
        if let Some(code) = &balance.account_currency {
            for one in balance.balances.iter().filter(|one| one.currency != *code && !one.restored.amount.is_zero()) {
                text.push_str(&format!(
                    "{} is never refunded to this account, which is in {code}: {PAID_TO_NOBODY}\n",
                    one.restored
                ));
            }
        }
        if balance.awaits_contact && !balance.frozen {
            text.push_str("the card pays nobody before it was shown to its bank: 'resume' does that\n");
        }
        for money in &balance.unknown {
            text.push_str(&format!("{}\n", unknown_money_is(money)));
        }
        if let Some(refused) = &balance.card_refused {
            let CardRefused { code, reason } = refused;
            text.push_str(&format!(
                "the bank does not take this card ({code}): {reason}; until it does nothing is withdrawn to it\n"
            ));
        }
        for one in &balance.stuck {
            text.push_str(&format!(
                "{} of what is pending is not redeemed any more ({}): 'refund' claims it back from {} to {}\n",
                one.money, one.reason, one.claim_from, one.claim_until
            ));
        }
        Ok((balance, text))
    }

    pub(super) async fn history(&mut self) -> Result<(), Failure> {
        let (value, text) = self.history_told().await?;
        self.output.result(&value, &text)
    }

    pub(super) async fn history_told(&mut self) -> Result<Told, Failure> {
        let entries = self.holder.history().await.map_err(explain)?;
        let line = |entry: &zeni_holder::HistoryEntry| {
            let time = entry.time.to_string();
            let about = match entry.via {
                Some(Via::Sealed) => "under seal".to_owned(),
                Some(Via::Registered) => "registered".to_owned(),
                None => foreign(&entry.text),
            };
            format!("{time}  {:<12} {:>16}  {about}", entry.kind, entry.money.to_string())
        };
        let text = entries.iter().map(line).collect::<Vec<_>>().join("\n");
        Ok((json!({"entries": entries}), text))
    }

    pub(super) async fn resume(&mut self) -> Result<(), Failure> {
        let (value, text) = self.resume_told().await?;
        self.output.result(&value, &text)
    }

    pub(super) async fn resume_told(&mut self) -> Result<Told, Failure> {
        let resumed = self.holder.resume().await.map_err(explain)?;
        let line = |one: &Resumed| {
            if one.progress == Progress::Done && one.reason.is_empty() {
                format!("{}: done", one.what)
            } else {
                format!("{}: {}", one.what, why(one))
            }
        };
        let mut text = resumed.iter().map(line).collect::<Vec<_>>().join("\n");
        if resumed.is_empty() {
            text.push_str("nothing was unfinished");
        }
        let end = end_of(&resumed);
        let value = json!({"ok": end.is_none(), "resumed": resumed});
        match end {
            None => Ok((value, text)),
            Some(end) => Err(end.with_result(value, &text)),
        }
    }
}

/// How a `resume` fails: what was refused for good comes before what is tried again; what waits for its term is no failure.
fn end_of(resumed: &[Resumed]) -> Option<Failure> {
    let are = |progress| resumed.iter().filter(move |one| one.progress == progress);
    if let Some(one) = are(Progress::Refused).next() {
        return Some(Failure::refused(one.outcome, format!("{}: {}", one.what, why(one))));
    }
    let open = are(Progress::Open).count();
    let first = are(Progress::Open).next()?;
    Some(Failure::try_again(first.outcome, format!("{open} things are not finished yet")))
}

/// Why a thing is not finished, in words where there are any.
pub(super) fn why(one: &Resumed) -> &str {
    if one.reason.is_empty() { one.outcome } else { &one.reason }
}

/// Where a deposit stands.
pub(super) fn told(report: &DepositReport) -> String {
    let mut text = format!("{} deposited: {} available", report.money, report.available);
    if !report.held.amount.is_zero() {
        let until = report.waiting_until.map(|until| format!(" (a refund is decided from {until} on)"));
        text.push_str(&format!(", {} held until the issuer answers{}", report.held, until.unwrap_or_default()));
    }
    if !report.claimed.amount.is_zero() {
        text.push_str(&format!(", {} claimed in a case", report.claimed));
    }
    for reason in &report.refused {
        text.push_str(&format!("\nnot credited: {reason}"));
    }
    text
}

/// The result of deposits, which is a refusal where the bank took nothing of any.
pub(super) fn credited(
    output: Output,
    reports: &[DepositReport],
    value: serde_json::Value,
    text: String,
) -> Result<(), Failure> {
    let nothing = |report: &DepositReport| !report.refused.is_empty() && report.not_credited == report.money;
    if reports.is_empty() || !reports.iter().all(nothing) {
        return output.result(&value, &text);
    }
    let reasons: BTreeSet<&str> = reports.iter().flat_map(|report| &report.refused).map(String::as_str).collect();
    let reasons = reasons.into_iter().collect::<Vec<_>>().join(", ");
    let end = Failure::refused("not_credited", format!("nothing was credited: {reasons}"));
    Err(end.with_result(value, &text))
}

#[cfg(test)]
mod tests;
