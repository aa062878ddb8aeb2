use zeni_message::Role;
use zeni_note::{licence::key_digest, messages::authority::GetRevocations, testing::key};
use zeni_store::testing::block_on;

use super::*;
use crate::tests::{Bench, TARO, digest_of, rows};

/// RN-X32, RN-D22: one licence is revoked, named by its key or by its digest; the other licences of the person stay.
#[test]
fn one_licence_is_revoked() {
    let bench = Bench::new();
    let (one, two, three) = (key("one"), key("two"), key("three"));
    bench.license(TARO, &[&one, &two, &three]);
    let by_key = PublicKeyText(&one.public()).to_string();
    let first = block_on(bench.authority.revoke(&by_key, Reason::Administrative)).unwrap();
    let by_digest = key_digest(&two.public()).to_string();
    let second = block_on(bench.authority.revoke(&by_digest, Reason::Administrative)).unwrap();
    assert!(!first.already && !second.already);
    assert_eq!((&second.licence, second.list), (&by_digest, first.list + 1));
    let list = bench.send_as(Role::Bank, &GetRevocations {}).unwrap().record;
    assert_eq!(list.number, second.list);
    assert!(list.revokes(&one.public()) && list.revokes(&two.public()) && !list.revokes(&three.public()));
    let before = bench.dump();
    let again = block_on(bench.authority.revoke(&by_key, Reason::Administrative)).unwrap();
    assert!(again.already);
    assert_eq!(bench.dump(), before);
    assert_eq!(bench.audit().violations, []);
}

/// What names no licence changes nothing.
#[test]
fn nothing_else_is_revoked() {
    let bench = Bench::new();
    bench.license(TARO, &[&key("one")]);
    let before = bench.dump();
    let refused = |text: &str| block_on(bench.authority.revoke(text, Reason::Administrative)).unwrap_err();
    assert_eq!(refused("licence 7"), Failure::Refused(RevokeRefusal::NotADigest));
    let unknown = digest_of("unknown").to_string();
    assert_eq!(refused(&unknown), Failure::Refused(RevokeRefusal::UnknownLicence));
    assert_eq!(bench.dump(), before);
}

/// RN-D22: date and reason class of a revocation stay what they were when more of the person's licences are revoked.
#[test]
fn the_first_reason_stays() {
    let bench = Bench::new();
    let (one, cheat) = (key("one"), key("cheat"));
    bench.license(TARO, &[&one, &cheat]);
    let named = key_digest(&one.public()).to_string();
    block_on(bench.authority.revoke(&named, Reason::Administrative)).unwrap();
    let reasons = |bench: &Bench| {
        let dump = bench.dump();
        let mut reasons: Vec<_> = rows(&dump, "licence").iter().map(|row| row.opt_int(7).unwrap()).collect();
        reasons.sort_unstable();
        reasons
    };
    let first = Some(Reason::Administrative.code());
    assert_eq!(reasons(&bench), [None, first]);
    bench.disclose(bench.proof(&cheat, "n")).unwrap();
    assert_eq!(reasons(&bench), [Some(Reason::Overspent.code()), first]);
    let list = bench.send_as(Role::Bank, &GetRevocations {}).unwrap().record;
    assert_eq!(list.revoked.len(), 2);
    assert_eq!(bench.audit().violations, []);
}

/// RN-X31: likewise for a loss.
#[test]
fn a_loss_keeps_earlier_reasons() {
    let bench = Bench::new();
    let one = key("one");
    bench.license(TARO, &[&one]);
    let named = key_digest(&one.public()).to_string();
    block_on(bench.authority.revoke(&named, Reason::Administrative)).unwrap();
    bench.send(&zeni_note::messages::authority::ReportLost { secret: TARO.into() }).unwrap();
    let dump = bench.dump();
    assert_eq!(rows(&dump, "licence")[0].opt_int(7), Ok(Some(Reason::Administrative.code())));
    let list = bench.send_as(Role::Bank, &GetRevocations {}).unwrap().record;
    assert_eq!(list.revoked.len(), 1);
}

struct PublicKeyText<'a>(&'a PublicKey);

impl std::fmt::Display for PublicKeyText<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
