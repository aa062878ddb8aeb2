//! `zeni inspect`: what a document is, and all that can be verified about it.

use std::{path::Path, sync::Arc};

use serde_json::json;
use zeni_crypto::{PublicKey, keyfile};
use zeni_holder::{Document, Finding, Inspection};
use zeni_identity::{PartyName, Trust, Validity};
use zeni_message::{Issuer, Role, Time, peer::Peer, route::Clock};
use zeni_note::{
    KeyList,
    keylist::Roots,
    messages::issuer::GetKeyLists,
    sealed::{Certified, Envelope, Identified, SEALED_REPLY_LEN},
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
    if let Some(inspection) = sealed_bytes(&bytes) {
        return tell(&inspection, output);
    }
    let network = || {
        let network = network_file(&args)?;
        NetworkFile::read(&network).map_err(|error| Failure::Usage(format!("{error:#}")))
    };
    if let Some(chain) = certificates(&bytes) {
        return tell(&certificate(chain, &network()?.trust()?, clock.now()), output);
    }
    let document = Document::parse(&bytes).map_err(explain)?;
    let network = network()?;
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
    Finding::new("the customer enrolled with this account key", Some(checked.is_ok()), detail)
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

/// What a wallet exports beside its orders, known by its length alone: only the issuer opens a request, and only the wallet the answer.
fn sealed_bytes(bytes: &[u8]) -> Option<Inspection> {
    let digest = zeni_crypto::sha256(&[bytes]).to_string();
    let (kind, what) = match bytes.len() {
        Envelope::LEN => ("sealed request", "digest, as the order of it names it"),
        SEALED_REPLY_LEN => ("answer to a sealed request", "digest"),
        _ => return None,
    };
    let fact = |what: &str, detail: String| Finding::new(what, None, detail);
    let findings = vec![fact("bytes", bytes.len().to_string()), fact(what, digest)];
    Some(Inspection { kind: kind.into(), findings })
}

/// The text of certificates in PEM.
fn certificates(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.trim_start().starts_with("-----BEGIN CERTIFICATE-----").then_some(text)
}

/// What a customer's certificate says, and whether a bank of the network has made it.
fn certificate(chain: &str, trust: &Trust, now: Time) -> Inspection {
    let mut findings = Vec::new();
    let mut add = |what: &str, holds, detail: String| findings.push(Finding::new(what, holds, detail));
    let validity = Validity::of_chain(chain);
    let identity = match validity {
        Some(validity) => trust.verify_chain(chain, validity.from()).map_err(|error| error.to_string()),
        None => Err("it cannot be read".to_owned()),
    };
    if let Ok(identity) = &identity {
        add("names", None, identity.party().to_string());
        if let Some(key) = identity.account_key() {
            add("digest of the key of orders", None, zeni_crypto::Digest(*key.digest()).to_string());
        }
    }
    if let Some(validity) = validity {
        add("from", None, validity.from().to_string());
        add("until", None, validity.until().to_string());
        add("holds now", None, if validity.contains(now) { "yes" } else { "no" }.to_owned());
    }
    add("made by a bank of the network", Some(identity.is_ok()), identity.err().unwrap_or_default());
    Inspection { kind: "certificate of a customer".into(), findings }
}

/// Key files and backups say only how they are encrypted.
fn key_file(bytes: &[u8]) -> Option<Inspection> {
    let log2 = keyfile::locked_work_factor(bytes)?;
    let fast = keyfile::WorkFactor::InsecureFast.log2();
    let detail = format!("scrypt work factor 2^{log2}");
    let holds = log2 > fast;
    let text = if holds { detail } else { format!("{detail}: fast keys, for sandboxes only") };
    let finding = Finding::new("passphrase is costly to guess", Some(holds), text);
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
        text.push_str(&format!("\n {mark} {}: {}", foreign(&finding.what), foreign(&finding.told())));
    }
    let holds = inspection.holds();
    let value = json!({"ok": holds, "kind": inspection.kind, "findings": inspection.findings});
    if holds {
        return output.result(&value, &text);
    }
    Err(Failure::refused("does_not_hold", "something that was checked does not hold").with_result(value, &text))
}
