//! Asking, paying, taking, giving back: documents in and out, no network.

use std::{io::IsTerminal, ops::DerefMut, path::Path};

use anyhow::Context;
use serde_json::json;
use zeni_holder::{Document, Holder, PayeeName, Preview};

use super::{Session, explain, money};
use zeni_money::Money;
use zeni_note::Payment;

use crate::{
    cli::{OutArgs, RequestArgs},
    documents::{self, Input},
    output::{Failure, foreign},
};

/// What to do when a document that was signed could not be shown.
const SHOW_AGAIN: &str = "it is signed and stored: show it again with 'zeni wallet payments'";
/// The same for a request, which nobody can have answered.
const ASK_AGAIN: &str = "nobody has the request: make a new one";

impl<H: DerefMut<Target = Holder>> Session<H> {
    pub(super) async fn request(&mut self, args: &RequestArgs) -> Result<(), Failure> {
        let money = money(&args.amount)?;
        documents::check_writable(&args.out)?;
        let requested = self.holder.request(money, &args.memo).await.map_err(explain)?;
        let text = Document::Challenge(requested.document).to_text(self.holder.roots().network);
        documents::show(&text, &args.out, self.output.json).map_err(|failure| not_shown(failure, ASK_AGAIN))?;
        if self.output.json {
            let value = json!({
                "ok": true, "money": money.to_wire(), "sign_until": requested.sign_until.0,
                "terminal": requested.terminal, "document": text,
            });
            return self.output.result(&value, "");
        }
        Ok(())
    }

    pub(super) async fn pay(&mut self, request: &Input, out: &OutArgs, yes: bool) -> Result<(), Failure> {
        documents::check_writable(out)?;
        let piped = request.is_piped();
        let request = Document::parse_challenge(request.read()?).map_err(explain)?;
        let preview = self.holder.preview(&request).await.map_err(explain)?;
        self.output.say(&described(&preview));
        if !yes && !preview.answered && !piped && !confirmed()? {
            return Err(Failure::refused("declined", "nothing was signed"));
        }
        let paid = self.holder.pay(&request).await.map_err(explain)?;
        let text = Document::Payment(paid.document).to_text(self.holder.roots().network);
        documents::show(&text, out, self.output.json).map_err(|failure| not_shown(failure, SHOW_AGAIN))?;
        if self.output.json {
            let value = json!({
                "ok": true, "money": paid.money.to_wire(), "holdings": paid.holdings, "again": paid.again,
                "payee": preview.payee, "terminal": preview.terminal, "held_before": preview.available.to_wire(),
                "document": text,
            });
            return self.output.result(&value, "");
        }
        Ok(())
    }

    pub(super) async fn receive(&mut self, payment: &Input) -> Result<(), Failure> {
        let payment = Document::parse_payment(payment.read()?).map_err(explain)?;
        let report = self.holder.receive(&payment).await.map_err(explain)?;
        let mut text = format!("received {}", report.money);
        if report.outcome.is_owed_back() {
            let why = serde_json::to_value(report.outcome).map_err(anyhow::Error::from)?;
            text = format!(
                "{text}, but {}: it fulfils no request; send it back with 'give-back', or deposit it if you hold without a licence",
                why.as_str().unwrap_or("")
            );
        }
        self.output.result(&report, &text)
    }

    /// Shows the payments again that were made, give-backs among them: the same bytes as before.
    pub(super) async fn payments(&mut self, out: &OutArgs) -> Result<(), Failure> {
        let paid = self.holder.payments().await.map_err(explain)?;
        self.documents(paid.into_iter().map(|one| (one.money, one.document)).collect(), "payments", out)
    }

    pub(super) async fn give_back(&mut self, out: &OutArgs) -> Result<(), Failure> {
        documents::check_writable(out)?;
        let given = self.holder.give_back().await.map_err(explain)?;
        self.documents(given.into_iter().map(|one| (one.money, one.document)).collect(), "given_back", out)
    }

    /// Shows several payments, each a document of its own.
    fn documents(&self, payments: Vec<(Money, Payment)>, word: &str, out: &OutArgs) -> Result<(), Failure> {
        let network = self.holder.roots().network;
        let mut documents = Vec::new();
        for (index, (money, payment)) in payments.into_iter().enumerate() {
            let text = Document::Payment(payment).to_text(network);
            // one file per document: from the second on a number stands before the ending
            let path = out.out.as_ref().map(|path| if index == 0 { path.clone() } else { numbered(path, index + 1) });
            documents::show(&text, &OutArgs { out: path, qr: out.qr }, self.output.json)
                .map_err(|failure| not_shown(failure, SHOW_AGAIN))?;
            documents.push(json!({"money": money.to_wire(), "document": text}));
        }
        if self.output.json || documents.is_empty() {
            let text = if documents.is_empty() { "there are none" } else { "" };
            return self.output.result(&json!({"ok": true, word: documents}), text);
        }
        Ok(())
    }
}

/// What is done is done: the document that could not be shown is there to be shown another time.
fn not_shown(failure: Failure, what_to_do: &str) -> Failure {
    match failure {
        Failure::Refused { text, .. } => Failure::try_again("not_written", format!("{text}; {what_to_do}")),
        other => other,
    }
}

fn numbered(path: &Path, number: usize) -> std::path::PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{number}{ending}"))
}

fn described(preview: &Preview) -> String {
    let payee = match &preview.payee {
        PayeeName::Certified { name, bank: None } => foreign(name),
        PayeeName::Certified { name, bank: Some(bank) } => {
            format!("{} (as bank {} certifies)", foreign(name), foreign(bank))
        }
        PayeeName::Unverified { claimed, fingerprint } if claimed.is_empty() => {
            format!("somebody without a name (key {fingerprint})")
        }
        PayeeName::Unverified { claimed, fingerprint } => {
            format!("'{}' (unverified, key {fingerprint})", foreign(claimed))
        }
    };
    let memo = if preview.memo.is_empty() { String::new() } else { format!(" for '{}'", foreign(&preview.memo)) };
    let terminal = if preview.terminal { "; the payee has no licence and can only deposit it" } else { "" };
    format!("zeni: {payee} asks for {}{memo}; you hold {}{terminal}", preview.money, preview.available)
}

/// Asks on a terminal; elsewhere giving the command is consent.
fn confirmed() -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Ok(true);
    }
    eprint!("Pay? [y/N] ");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("cannot read the answer")?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
