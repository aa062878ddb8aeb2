use zeni_crypto::armor;

use super::*;

/// RN-P4: the same bytes travel by screen as by file; frames may be scanned in any order and twice.
#[test]
fn frames_come_together_in_any_order() {
    let text = armor::encode("PAYMENT", &[7u8; 3_000]);
    let mut all = frames(&text);
    assert!(all.len() > 1);
    assert!(all.iter().all(|frame| frame.len() <= FRAME_TEXT_MAX + 24));
    all.reverse();
    all.push(all[0].clone());
    for between in ["", "\n"] {
        let joined = join_frames(all.join(between).as_bytes());
        assert_eq!(joined.trim_ascii_end(), text.trim_end().as_bytes(), "joined by {between:?}");
    }
}

#[test]
fn a_missing_frame_is_not_papered_over() {
    let text = armor::encode("PAYMENT", &[7u8; 3_000]);
    let mut all = frames(&text);
    all.remove(1);
    let joined = all.join("");
    assert_eq!(join_frames(joined.as_bytes()), joined.as_bytes());
}

#[test]
fn plain_documents_stay_as_they_are() {
    let text = armor::encode("PAYMENT", b"x");
    assert!(text.starts_with("-----BEGIN ZENI"), "the frame mark stands inside an armour head too");
    assert_eq!(join_frames(text.as_bytes()), text.as_bytes());
    assert_eq!(join_frames(&[0xff, 0xfe]), [0xff, 0xfe]);
}

#[test]
fn every_frame_makes_a_code() {
    assert_eq!(
        codes(&armor::encode("PAYMENT", &[7u8; 3_000])).unwrap().len(),
        frames(&armor::encode("PAYMENT", &[7u8; 3_000])).len()
    );
}
