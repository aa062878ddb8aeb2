use super::*;
use crate::testing::key;

fn request() -> IssuanceRequest {
    IssuanceRequest {
        key: key("a").public(),
        entry: Digest([1; 32]),
        randomizer: [2; 32].into(),
        signature: [3; 256].into(),
    }
}

/// RN-D8, DESIGN §4: the bank signs [domain, digest of the key entry, PK_U], so that a request is worth one face value to one
/// key.
#[test]
fn the_bank_signs_entry_and_key() {
    let one = request();
    let entry = [&[0x58, 32][..], &one.entry.0].concat();
    let holder = [&[0x58, 32][..], &one.key.0].concat();
    assert_eq!(one.message(), [&b"\x83\x6czeni/request"[..], &entry, &holder].concat());
    assert_eq!(one.message(), blind_message(&one.entry, &one.key));
}

/// RN-X12, RN-O3: two requests are the same if randomiser, key and entry are; a second signature makes no second request.
#[test]
fn a_request_is_known_by_its_content() {
    let one = request();
    let id = one.content_id();
    for other in [
        IssuanceRequest { key: key("b").public(), ..one.clone() },
        IssuanceRequest { entry: Digest([9; 32]), ..one.clone() },
        IssuanceRequest { randomizer: [9; 32].into(), ..one.clone() },
    ] {
        assert_ne!(other.content_id(), id);
    }
    assert_eq!(IssuanceRequest { signature: [9; 256].into(), ..one }.content_id(), id);
}
