//! Which holdings answer a challenge: few, and exactly if that costs nothing.

use std::cmp::Reverse;

use zeni_crypto::Digest;
use zeni_message::{Time, limits::HOLDINGS_IN_PAYMENT_MAX};
use zeni_money::{Amount, Currency};
use zeni_note::keylist::Terms;

use crate::{holder::Live, record::Part};

/// What a payment asks of the holdings that answer it.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) currency: Currency,
    pub(crate) amount: Amount,
    /// Series accepted; none means all.
    pub(crate) series: &'a [u32],
    pub(crate) now: Time,
    /// Endorsements beyond the terms' cap: 1 for a payment to oneself before a closing.
    pub(crate) beyond_cap: usize,
}

/// Why no holdings answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PickFault {
    /// Too little altogether.
    Insufficient { available: Amount },
    /// Enough, but holdings at their cap are needed.
    Capped { usable: Amount },
    /// Enough, but in more pieces than one payment may have.
    TooMany,
}

/// One usable holding with what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    node: Digest,
    rest: Amount,
}

/// The parts that make up the amount wanted.
pub(crate) fn pick<T: Terms + ?Sized>(live: &[Live], terms: &T, wanted: &Wanted<'_>) -> Result<Vec<Part>, PickFault> {
    let (mut usable, mut available) = (Vec::new(), Amount::ZERO);
    for one in live {
        let note = &one.holding.chain.note.record;
        let Some(terms) = terms.terms(note.series, note.epoch) else { continue };
        let accepted = wanted.series.is_empty() || wanted.series.contains(&note.series);
        let valid = one.holding.is_payable_under(terms, wanted.now);
        if note.currency != wanted.currency || !accepted || !valid {
            continue;
        }
        available = available.checked_add(one.status.remaining).unwrap_or(Amount::MAX);
        if one.holding.chain.hops.len() < usize::from(terms.payments_max) + wanted.beyond_cap {
            usable.push(Piece { node: one.holding.node, rest: one.status.remaining });
        }
    }
    if available < wanted.amount {
        return Err(PickFault::Insufficient { available });
    }
    let sum = Amount::sum(usable.iter().map(|piece| piece.rest)).unwrap_or(Amount::MAX);
    if sum < wanted.amount {
        return Err(PickFault::Capped { usable: sum });
    }
    choose(usable, wanted.amount).ok_or(PickFault::TooMany)
}

/// Largest first; an exact set is preferred to one that leaves a rest if it is no larger.
fn choose(mut pieces: Vec<Piece>, amount: Amount) -> Option<Vec<Part>> {
    pieces.sort_by_key(|piece| Reverse(piece.rest));
    let few = fewest(&pieces, amount);
    let exact = exactly(&pieces, amount).filter(|exact| few.as_ref().is_none_or(|few| exact.len() <= few.len()));
    exact.or(few).filter(|parts| parts.len() <= HOLDINGS_IN_PAYMENT_MAX)
}

/// Whole pieces, largest first, none larger than what is still wanted.
fn exactly(pieces: &[Piece], amount: Amount) -> Option<Vec<Part>> {
    let (mut rest, mut parts) = (amount, Vec::new());
    for piece in pieces {
        if !rest.is_zero() && piece.rest <= rest {
            rest = rest.checked_sub(piece.rest)?;
            parts.push(Part { node: piece.node, amount: piece.rest });
        }
    }
    rest.is_zero().then_some(parts)
}

/// The largest pieces until they suffice, the last one replaced by the smallest that still covers the remainder.
fn fewest(pieces: &[Piece], amount: Amount) -> Option<Vec<Part>> {
    let (mut rest, mut parts) = (amount, Vec::new());
    for (place, piece) in pieces.iter().enumerate() {
        if piece.rest >= rest {
            let last = pieces[place..].iter().rfind(|it| it.rest >= rest)?;
            parts.push(Part { node: last.node, amount: rest });
            return Some(parts);
        }
        rest = rest.checked_sub(piece.rest)?;
        parts.push(Part { node: piece.node, amount: piece.rest });
    }
    None
}

#[cfg(test)]
mod tests;
