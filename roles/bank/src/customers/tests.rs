use zeni_identity::{
    Crls, PartyName, TlsKey, Trust, Unlisted, Usage, Validity,
    pki_types::{CertificateDer, pem::PemObject},
};
use zeni_message::{Role, Time, route::Clock};
use zeni_note::{
    messages::bank::Enrol,
    testing::{DAY, START},
};

use crate::testing::{BANK, NETWORK, Town, now, signing_request};

/// DESIGN §4: a bank that runs for a year without a restart still knows its customers: the list over their certificates is
/// made anew while it runs. Control: with the list of its start it turns them away after a month.
#[test]
fn the_list_is_made_anew_while_the_bank_runs() {
    let town = Town::unkeyed();
    let begin = START.plus(DAY);
    let key = TlsKey::generate();
    let name = PartyName::new(NETWORK, Role::Wallet, &format!("{BANK}/A-1")).expect("a name");
    let account_key = zeni_note::testing::key("account").public();
    let enrol = Enrol {
        account: "A-1".into(),
        code: "code A-1".into(),
        csr: signing_request(&key, &name, &account_key),
        shop: false,
        account_key,
        payee_key: None,
    };
    let chain = now(town.as_caller(None).send(&enrol)).expect("enrolled").chain;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain.as_bytes()).map(|one| one.expect("PEM")).collect();
    let root = town.root();
    let trust = Trust::from_pem(&root.certificate_pem()).expect("a root");
    let of_root = root.issue_crl(1, &[], begin, Validity::days(begin, 400).until()).expect("a list");
    let of_root = Crls::new().with(of_root).expect("the first");
    let first = of_root.with(town.bank.customer_list().expect("a list")).expect("the first");
    let known = |lists: &Crls, at: Time| {
        trust.verify(&chain[0], &chain[1..], Usage::Client, at, lists, Unlisted::Refused).is_ok()
    };
    let mut lists = first.clone();
    for day in 0..360 {
        town.set_time(begin.plus(day * DAY));
        let at = town.clock.now();
        lists = lists.with(town.bank.customer_list().expect("a list")).unwrap_or(lists);
        assert!(known(&lists, at), "day {day}");
        assert_eq!(known(&first, at), day < 30, "day {day}");
    }
}

/// Within a day the list stays the same; a clock that was put ahead and back leaves no list of the future in force.
#[test]
fn a_list_of_the_day_stays() {
    let town = Town::unkeyed();
    let list = |at: Time| {
        town.set_time(at);
        town.bank.customer_list().expect("a list")
    };
    let first = list(START.plus(DAY));
    assert_eq!(list(START.plus(2 * DAY - 1)).der(), first.der());
    assert_ne!(list(START.plus(2 * DAY)).der(), first.der());
    assert_eq!(list(START.plus(300 * DAY)).published(), START.plus(300 * DAY));
    assert_eq!(list(START.plus(3 * DAY)).published(), START.plus(3 * DAY));
}
