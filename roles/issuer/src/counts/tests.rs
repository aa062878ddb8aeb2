use futures::executor::block_on;
use zeni_crypto::Digest;
use zeni_message::{Signed, peer::SendError};
use zeni_note::messages::issuer::{Counts, ReportCounts, ReportCountsRefusal};

use crate::{
    Policy,
    testing::{BANKS, Setup},
};

fn counts(setup: &Setup, bank: usize, number: u64, signed: Vec<(Digest, u64)>) -> ReportCounts {
    let bank = &setup.banks[bank];
    let counts = Counts { bank: bank.name.to_owned(), number, signed, totals: Vec::new() };
    ReportCounts { counts: Signed::sign(setup.world.network(), counts, &bank.document) }
}

/// DESIGN §4: counts are signed, of the bank's own keys, and never go down; the same report twice is one.
#[test]
fn counts_never_go_down() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let entry = setup.banks[0].signers[0].0.digest();
    let theirs = setup.banks[1].signers[0].0.digest();
    let send = |report: ReportCounts| block_on(setup.member(BANKS[0], report));
    let refused = |refusal| Err(SendError::Refused(refusal));
    assert_eq!(send(counts(&setup, 0, 5, vec![(entry, 7)])), Ok(5));
    assert_eq!(send(counts(&setup, 0, 5, vec![(entry, 7)])), Ok(5));
    let before = crate::tests::dump(&setup.store);
    assert_eq!(send(counts(&setup, 0, 5, vec![(entry, 8)])), refused(ReportCountsRefusal::Older { last: 5 }));
    assert_eq!(send(counts(&setup, 0, 4, vec![(entry, 8)])), refused(ReportCountsRefusal::Older { last: 5 }));
    assert_eq!(send(counts(&setup, 0, 6, vec![(entry, 6)])), refused(ReportCountsRefusal::Older { last: 5 }));
    let foreign = counts(&setup, 0, 6, vec![(entry, 9), (theirs, 1)]);
    assert_eq!(send(foreign), refused(ReportCountsRefusal::UnknownKey { entry: 1 }));
    assert_eq!(send(counts(&setup, 1, 6, vec![(theirs, 9)])), refused(ReportCountsRefusal::OtherBank));
    let mut forged = counts(&setup, 0, 6, vec![(entry, 9)]);
    forged.counts.record.signed[0].1 = 1_000;
    assert_eq!(send(forged), refused(ReportCountsRefusal::BadSignature));
    assert_eq!(crate::tests::dump(&setup.store), before);
    assert_eq!(send(counts(&setup, 0, 6, vec![(entry, 9)])), Ok(6));
    assert_eq!(send(counts(&setup, 0, 7, vec![(entry, 9)])), Ok(7), "nothing was signed in between");
}
