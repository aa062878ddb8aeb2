use zeni_message::Role;
use zeni_note::{licence::key_digest, messages::authority::GetRevocations, testing::key};
use zeni_store::testing::block_on;

use super::*;
use crate::tests::{Bench, TARO, digest_of};

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

struct PublicKeyText<'a>(&'a PublicKey);

impl std::fmt::Display for PublicKeyText<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
