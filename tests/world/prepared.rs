//! A network whose banks have made their keys, once per test process: every test begins with copies of its stores.

use std::sync::LazyLock;

use zeni_identity::{Ca, TlsKey, Validity};
use zeni_note::testing::START;
use zeroize::Zeroizing;

use super::{BANKS, Dump, NETWORK, Setup, World};

/// What a world begins with.
pub(crate) struct Prepared {
    pub(super) authority: Dump,
    pub(super) issuer: Dump,
    pub(super) banks: Vec<Dump>,
}

/// Certificate and key of each bank's own authority over its customers.
pub(super) static CUSTOMERS: LazyLock<Vec<(String, Zeroizing<String>)>> = LazyLock::new(|| {
    let validity = Validity::days(START, 3_650);
    let root = Ca::generate(NETWORK, TlsKey::generate(), validity, [1; 16]).unwrap();
    let customers = |bank: &&str| {
        let key = TlsKey::generate();
        let certificate = root.issue_customer_ca(bank, &key.public(), validity, [2; 16]).unwrap();
        (certificate.pem(), key.to_pem())
    };
    BANKS.iter().map(customers).collect()
});

/// The prepared network: the lists of the first two epochs are published.
pub(super) static PREPARED: LazyLock<Prepared> = LazyLock::new(|| {
    let world = World::over(Setup::default(), None);
    world.settle();
    Prepared {
        authority: Dump::of(&world.stores.authority),
        issuer: Dump::of(&world.stores.issuer),
        banks: world.stores.banks.iter().map(Dump::of).collect(),
    }
});
