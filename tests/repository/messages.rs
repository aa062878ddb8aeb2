//! The table of messages: who may send what to whom (DESIGN §1.1).

use std::collections::BTreeSet;

use zeni_message::{Auth, Message, Party};
use zeni_note::messages::{authority, bank, issuer};

use super::expect_block;

struct Row {
    to: &'static str,
    path: &'static str,
    from: String,
    auth: Auth,
    max: usize,
    name: &'static str,
}

fn row<M: Message>(name: &'static str) -> Row {
    Row {
        to: <M::To as Party>::ROLE.word(),
        path: M::PATH,
        from: M::FROM.iter().map(|role| role.word()).collect::<Vec<_>>().join(", "),
        auth: M::AUTH,
        max: M::MAX,
        name,
    }
}

macro_rules! rows {
    ($($module:ident::$name:ident),* $(,)?) => { vec![$(row::<$module::$name>(stringify!($name))),*] };
}

fn table() -> Vec<Row> {
    rows![
        authority::GetLicences,
        authority::GetRevocations,
        authority::GetSignedKeyLists,
        authority::CosignKeyList,
        authority::Disclose,
        authority::SamePerson,
        authority::RevokeSealed,
        authority::ReportLost,
        bank::Enrol,
        bank::Withdraw,
        bank::WithdrawSealed,
        bank::GetSealedOrders,
        bank::IdentifyOverspender,
        bank::DisputeSignature,
        bank::OpenDeposit,
        bank::Deposit,
        bank::HandInTakings,
        bank::GetDeposit,
        bank::ClaimRequest,
        bank::GetStatement,
        bank::ContactCard,
        bank::GetClearance,
        bank::OpenRefund,
        issuer::GetKeyLists,
        issuer::GetNonce,
        issuer::Redeem,
        issuer::Renew,
        issuer::SubmitKeys,
        issuer::ReportCounts,
        issuer::Return,
        issuer::GetDecisions,
        issuer::VoidRequest,
        issuer::IssueSealed,
        issuer::GetTransfers,
    ]
}

#[test]
fn architecture_shows_the_messages() {
    let mut text =
        String::from("| to | path | message | from | certificate | bytes at most |\n|---|---|---|---|---|---|\n");
    for row in table() {
        let auth = if row.auth == Auth::Certificate { "required" } else { "none" };
        text.push_str(&format!(
            "| {} | `{}` | `{}` | {} | {auth} | {} |\n",
            row.to, row.path, row.name, row.from, row.max
        ));
    }
    expect_block("ARCHITECTURE.md", "messages", &text);
}

#[test]
fn paths_are_unique_for_each_addressee() {
    let mut seen = BTreeSet::new();
    for row in table() {
        assert!(seen.insert((row.to, row.path)), "{} {} is there twice", row.to, row.path);
    }
}

/// RN-F3.1, RN-P15: whatever a person sends to issuer or authority comes without a certificate.
#[test]
fn people_are_anonymous_to_issuer_and_authority() {
    for row in table() {
        if row.to != "bank" && row.from.contains("wallet") {
            assert_eq!(row.auth, Auth::Anonymous, "{}", row.path);
        }
    }
}

/// Every message that is declared stands in the table.
#[test]
fn no_message_is_left_out() {
    let mut declared = BTreeSet::new();
    for party in ["authority", "bank", "issuer"] {
        let messages = super::root().join("core/note/src/messages");
        let parts = std::fs::read_dir(messages.join(party)).into_iter().flatten().map(|part| part.unwrap().path());
        for file in parts.chain([messages.join(format!("{party}.rs"))]) {
            let text = std::fs::read_to_string(file).unwrap();
            let names = text.lines().filter_map(|line| line.strip_prefix("impl Message for "));
            declared.extend(names.map(|rest| rest.trim_end_matches(" {").to_owned()));
        }
    }
    let shown: BTreeSet<String> = table().iter().map(|row| row.name.to_owned()).collect();
    assert_eq!(declared, shown);
}
