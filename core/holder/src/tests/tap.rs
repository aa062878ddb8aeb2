//! What a wallet and its card say to each other while the card is at the reader.

use zeni_card::element::testing::tally::{Lengths, Traffic};
use zeni_store::testing::block_on;

use super::home::*;
use crate::*;

/// Exchanges of extended length that a payment of one holding may take (issue 4).
const EXCHANGES_MAX: usize = 12;
/// Those in which a reader is asked whether the owner's card is in it: another SELECT, and the card's number.
const FINDING: usize = 2;

/// What passes while `taro`, whose card was just put to the reader, pays so much.
fn paying(taro: &Home, jiro: &Home, minor: u64, lengths: Lengths) -> (usize, Traffic) {
    let request = block_on(jiro.open().request(yen(minor), "tea")).unwrap();
    let (mut holder, counter) = taro.open_counted(lengths);
    let paid = block_on(holder.pay(&request.document)).unwrap();
    (paid.holdings, counter.take())
}

/// Issue 4: the wallet's own payment of one holding, from the search for the card to the confirmation, takes at most 12 exchanges of extended
/// length, however many holdings the wallet has beside it.
#[test]
fn a_payment_of_one_holding_fits_a_tap() {
    for minor in [500, 3_600] {
        let (_town, taro, jiro) = two_wallets(Privacy::Unlinkable, minor);
        let (holdings, traffic) = paying(&taro, &jiro, 100, Lengths::Extended);
        assert_eq!(holdings, 1);
        assert!(FINDING + traffic.exchanges <= EXCHANGES_MAX, "{minor} yen in the wallet: {traffic:?}");
        let (_, short) = paying(&taro, &jiro, 100, Lengths::Short);
        assert!(short.exchanges <= 2 * EXCHANGES_MAX, "{short:?}");
    }
}
