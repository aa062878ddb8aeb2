use super::*;

fn pieces(rests: &[u64]) -> Vec<Piece> {
    let piece = |(rest, place): (&u64, u8)| Piece { node: Digest([place; 32]), rest: amount(*rest) };
    rests.iter().zip(0..).map(piece).collect()
}

fn amount(minor: u64) -> Amount {
    Amount::from_minor(minor).unwrap()
}

fn chosen(rests: &[u64], wanted: u64) -> Option<Vec<u64>> {
    let parts = choose(pieces(rests), amount(wanted))?;
    Some(parts.iter().map(|part| part.amount.minor()).collect())
}

#[test]
fn one_piece_that_fits_exactly_is_taken_whole() {
    assert_eq!(chosen(&[1_000, 500, 100], 500), Some(vec![500]));
}

#[test]
fn an_exact_set_is_preferred_if_it_is_no_larger() {
    // 1,000 alone would do with a rest; two pieces do not beat one
    assert_eq!(chosen(&[1_000, 300, 300], 600), Some(vec![600]));
    assert_eq!(chosen(&[500, 500, 400], 900), Some(vec![500, 400]));
}

#[test]
fn the_last_piece_is_the_smallest_that_still_covers() {
    assert_eq!(chosen(&[1_000, 700, 200], 1_100), Some(vec![1_000, 100]));
    let parts = choose(pieces(&[1_000, 700, 200]), amount(1_100)).unwrap();
    assert_eq!(parts[1].node, Digest([2; 32]));
}

#[test]
fn too_little_or_too_many_pieces_are_no_choice() {
    assert_eq!(chosen(&[100, 100], 300), None);
    assert_eq!(chosen(&[1; HOLDINGS_IN_PAYMENT_MAX], HOLDINGS_IN_PAYMENT_MAX as u64).unwrap().len(), 64);
    assert_eq!(chosen(&[1; HOLDINGS_IN_PAYMENT_MAX + 1], HOLDINGS_IN_PAYMENT_MAX as u64 + 1), None);
}
