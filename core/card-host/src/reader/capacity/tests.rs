use super::*;

#[test]
fn extended_lengths_are_told_by_the_historical_bytes() {
    let ours = [0x3B, 0x95, 0x13, 0x81, 0x01, 0x80, 0x73, 0x00, 0x01, 0xC0, 0x00];
    assert!(tells_extended(&ours));
    let mut short = ours;
    short[9] = 0x80;
    assert!(!tells_extended(&short));
    // an OpenPGP card, which has more interface bytes and another object before
    let other = [
        0x3B, 0xDA, 0x18, 0xFF, 0x81, 0xB1, 0xFE, 0x75, 0x1F, 0x03, 0x00, 0x31, 0xC5, 0x73, 0xC0, 0x01, 0x40, 0x00,
        0x90, 0x00, 0x0C,
    ];
    assert!(tells_extended(&other));
    for cut in 0..ours.len() - 1 {
        assert!(!tells_extended(&ours[..cut]), "{cut}");
    }
}

#[test]
fn properties_are_found_by_their_tags() {
    let list = [0x06, 4, 1, 2, 3, 4, 0x0A, 4, 0x00, 0x00, 0x01, 0x00];
    assert_eq!(property(&list, 0x0A), Some(&[0, 0, 1, 0][..]));
    assert_eq!(property(&list, 0x12), None);
    assert_eq!(property(&list[..9], 0x0A), None, "cut");
}
