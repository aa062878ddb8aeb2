use super::*;

/// RN-X9: a reply holds as many lists as fit it, in order and without a gap.
#[test]
fn a_reply_never_outgrows_its_limit() {
    let lists = [vec![0; 4], vec![0; 4], vec![0; 9], vec![0; 1]];
    assert_eq!(fitting(&lists, 18).len(), 4);
    assert_eq!(fitting(&lists, 17).len(), 3);
    assert_eq!(fitting(&lists, 16).len(), 2);
    assert_eq!(fitting(&lists, 7).len(), 1);
    assert_eq!(fitting(&lists, 3).len(), 0);
}
