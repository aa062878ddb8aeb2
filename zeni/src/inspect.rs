//! `zeni inspect`: what a document is, and all that can be verified about it.

use std::{path::Path, sync::Arc};

use serde_json::json;
use zeni_crypto::keyfile;
use zeni_holder::{Document, Finding, Inspection};
use zeni_message::route::Clock;

use crate::{
    cli::InspectArgs,
    documents,
    network::NetworkFile,
    output::{Failure, Output, foreign},
    wallet::explain,
};

/// Reads, decodes, verifies. Exit 1 when something that was checked does not hold.
pub(crate) fn run(args: &InspectArgs, output: Output, clock: &Arc<dyn Clock>) -> Result<(), Failure> {
    let bytes = documents::read(&args.file)?;
    if let Some(inspection) = key_file(&bytes) {
        return tell(&inspection, output);
    }
    let document = Document::parse(&bytes).map_err(explain)?;
    let network = network_file(args)?;
    let network = NetworkFile::read(&network).map_err(|error| Failure::Usage(format!("{error:#}")))?;
    let roots = network.roots()?;
    tell(&document.inspect(&roots, &[], clock.now()), output)
}

/// The network to verify against: named, or beside the document.
fn network_file(args: &InspectArgs) -> Result<std::path::PathBuf, Failure> {
    if let Some(path) = &args.network {
        return Ok(path.clone());
    }
    let beside = args.file.parent().unwrap_or(Path::new(".")).join("network.toml");
    if beside.exists() {
        return Ok(beside);
    }
    Err(Failure::Usage("say which network to verify against: --network FILE".into()))
}

/// Key files and backups say only how they are encrypted.
fn key_file(bytes: &[u8]) -> Option<Inspection> {
    let log2 = keyfile::locked_work_factor(bytes)?;
    let fast = keyfile::WorkFactor::InsecureFast.log2();
    let detail = format!("scrypt work factor 2^{log2}");
    let holds = log2 > fast;
    let text = if holds { detail } else { format!("{detail}: fast keys, for sandboxes only") };
    let finding = Finding { what: "passphrase is costly to guess".into(), holds: Some(holds), detail: text };
    Some(Inspection { kind: "encrypted key file".into(), findings: vec![finding] })
}

fn tell(inspection: &Inspection, output: Output) -> Result<(), Failure> {
    let mut text = inspection.kind.clone();
    for finding in &inspection.findings {
        let mark = match finding.holds {
            None => " ",
            Some(true) => "✓",
            Some(false) => "✗",
        };
        text.push_str(&format!("\n {mark} {}: {}", foreign(&finding.what), foreign(&finding.detail)));
    }
    let holds = inspection.holds();
    let value = json!({"ok": holds, "kind": inspection.kind, "findings": inspection.findings});
    if holds {
        return output.result(&value, &text);
    }
    Err(Failure::refused("does_not_hold", "something that was checked does not hold").with_result(value, &text))
}
