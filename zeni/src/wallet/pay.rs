//! Asking, paying, taking, giving back: documents in and out, no network.

use std::{io::IsTerminal, path::Path};

use anyhow::Context;
use serde_json::json;
use zeni_holder::{Document, PayeeName, Preview};

use super::{Session, explain, money};
use crate::{
    cli::{OutArgs, RequestArgs},
    documents,
    output::Failure,
};

impl Session {
    pub(super) async fn request(&mut self, args: &RequestArgs) -> Result<(), Failure> {
        let money = money(&args.amount)?;
        let requested = self.holder.request(money, &args.memo).await.map_err(explain)?;
        let text = Document::Challenge(requested.document).to_text(self.holder.roots().network);
        documents::show(&text, &args.out, self.output.json)?;
        if self.output.json {
            let value = json!({
                "ok": true, "money": money.to_wire(), "sign_until": requested.sign_until.0, "document": text,
            });
            return self.output.result(&value, "");
        }
        Ok(())
    }

    pub(super) async fn pay(&mut self, path: &Path, out: &OutArgs, yes: bool) -> Result<(), Failure> {
        let bytes = documents::read(path)?;
        let request = Document::parse_challenge(&bytes).map_err(explain)?;
        let preview = self.holder.preview(&request).await.map_err(explain)?;
        self.output.say(&described(&preview));
        if !yes && !preview.answered && path != Path::new("-") && !confirmed()? {
            return Err(Failure::refused("declined", "nothing was signed"));
        }
        let paid = self.holder.pay(&request).await.map_err(explain)?;
        let text = Document::Payment(paid.document).to_text(self.holder.roots().network);
        documents::show(&text, out, self.output.json)?;
        if self.output.json {
            let value = json!({
                "ok": true, "money": paid.money.to_wire(), "holdings": paid.holdings, "again": paid.again,
                "payee": preview.payee, "document": text,
            });
            return self.output.result(&value, "");
        }
        Ok(())
    }

    pub(super) async fn receive(&mut self, path: &Path) -> Result<(), Failure> {
        let bytes = documents::read(path)?;
        let payment = Document::parse_payment(&bytes).map_err(explain)?;
        let report = self.holder.receive(&payment).await.map_err(explain)?;
        let mut text = format!("received {}", report.money);
        if report.outcome.is_owed_back() {
            let why = serde_json::to_value(report.outcome).map_err(anyhow::Error::from)?;
            text = format!(
                "{text}, but {}: it fulfils no request; send it back with 'give-back'",
                why.as_str().unwrap_or("")
            );
        }
        self.output.result(&report, &text)
    }

    pub(super) async fn give_back(&mut self, out: &OutArgs) -> Result<(), Failure> {
        let given = self.holder.give_back().await.map_err(explain)?;
        let network = self.holder.roots().network;
        let mut documents = Vec::new();
        for (index, one) in given.into_iter().enumerate() {
            let text = Document::Payment(one.document).to_text(network);
            // one file per payer: the second gets a number before its ending
            let numbered = OutArgs {
                out: out.out.as_ref().map(|path| if index == 0 { path.clone() } else { numbered(path, index + 1) }),
                qr: out.qr,
            };
            documents::show(&text, &numbered, self.output.json)?;
            documents.push(json!({"money": one.money.to_wire(), "document": text}));
        }
        let text = if documents.is_empty() { "nothing is owed back" } else { "" };
        if self.output.json || documents.is_empty() {
            return self.output.result(&json!({"ok": true, "given_back": documents}), text);
        }
        Ok(())
    }
}

fn numbered(path: &Path, number: usize) -> std::path::PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{number}{ending}"))
}

fn described(preview: &Preview) -> String {
    let payee = match &preview.payee {
        PayeeName::Certified { name } => name.clone(),
        PayeeName::Unverified { claimed, fingerprint } => format!("'{claimed}' (unverified, key {fingerprint})"),
    };
    let memo = if preview.memo.is_empty() { String::new() } else { format!(" for '{}'", preview.memo) };
    format!("zeni: {payee} asks for {}{memo}", preview.money)
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
