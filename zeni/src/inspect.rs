//! `zeni inspect`: what a document is, and all that can be verified about it.

use std::{path::Path, sync::Arc};

use serde_json::json;
use zeni_crypto::{PublicKey, keyfile};
use zeni_holder::{Document, Finding, Inspection};
use zeni_identity::{PartyName, Trust};
use zeni_message::{Issuer, Role, peer::Peer, route::Clock};
use zeni_note::{
    KeyList,
    keylist::Roots,
    messages::issuer::GetKeyLists,
    sealed::{Certified, Identified},
};
use zeni_wire::{ClientConfig, HttpsTransport};

use crate::{
    cli::InspectArgs,
    documents,
    network::{NetworkFile, public_key},
    output::{Failure, Output, foreign},
    wallet::explain,
};

/// Reads, decodes, verifies. Exit 1 when something that was checked does not hold.
pub(crate) async fn run(args: InspectArgs, output: Output, clock: Arc<dyn Clock>) -> Result<(), Failure> {
    let bytes = documents::read(&args.file)?;
    if let Some(inspection) = key_file(&bytes) {
        return tell(&inspection, output);
    }
    let document = Document::parse(&bytes).map_err(explain)?;
    let network = network_file(&args)?;
    let network = NetworkFile::read(&network).map_err(|error| Failure::Usage(format!("{error:#}")))?;
    let roots = network.roots()?;
    let lists = if args.fetch_key_lists { key_lists(&network, &roots, &clock).await? } else { Vec::new() };
    let signer = signer(&args, &document, &network)?;
    let mut inspection = document.inspect(&roots, &lists, clock.now(), signer.as_ref());
    if let Document::Identified(case) = &document {
        inspection.findings.push(enrolled(&case.record, &network.trust()?));
    }
    tell(&inspection, output)
}

/// Whether the customer's certificate names the key that signed the order.
fn enrolled(case: &Identified, trust: &Trust) -> Finding {
    let certified = |pem: &str, at| {
        let identity = trust.verify_chain(pem, at).ok()?;
        let (bank, account) = identity.party().customer()?;
        let account_key = zeni_crypto::Digest(*identity.account_key()?.digest());
        Some(Certified { bank: bank.into(), account: account.into(), account_key })
    };
    let checked = case.check_account_key(certified);
    let detail = checked.as_ref().err().map(ToString::to_string).unwrap_or_default();
    Finding { what: "the customer enrolled with this account key".into(), holds: Some(checked.is_ok()), detail }
}

/// The key that has to have signed: the one named, or the bank's as the network file says.
fn signer(args: &InspectArgs, document: &Document, network: &NetworkFile) -> Result<Option<PublicKey>, Failure> {
    if let Some(hex) = &args.key {
        return Ok(Some(public_key(hex).map_err(|error| Failure::Usage(format!("{error:#}")))?));
    }
    let bank = match document {
        Document::IssuanceOrder(order) => &order.record.bank,
        Document::Identified(case) => &case.record.order.record.bank,
        _ => return Ok(None),
    };
    let known = network.banks.iter().find(|known| known.name == *bank);
    Ok(known.map(|known| public_key(&known.key)).transpose()?)
}

/// The issuer's key lists, those that both have signed.
async fn key_lists(network: &NetworkFile, roots: &Roots, clock: &Arc<dyn Clock>) -> Result<Vec<KeyList>, Failure> {
    let server = PartyName::new(&network.name, Role::Issuer, "issuer").map_err(anyhow::Error::from)?;
    let config = ClientConfig::anonymous(&network.issuer.public, server, network.trust()?, clock.clone());
    let issuer: Peer<Issuer> = Peer::new(Arc::new(HttpsTransport::new(config).map_err(anyhow::Error::from)?));
    let mut lists = issuer.send(&GetKeyLists { from_epoch: 0 }).await.map_err(explain)?;
    lists.retain(|list| list.check(roots).is_ok());
    Ok(lists)
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
