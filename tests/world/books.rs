//! The books of all institutions against each other and against what is in people's hands (RN-P22).

use zeni_store::testing::block_on;

use super::{OPENING, Person, World};

/// Sums over the banks and the issuer, in yen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Books {
    pub(crate) available: u64,
    pub(crate) held: u64,
    pub(crate) signed: u64,
    /// Taken from accounts for orders under seal.
    pub(crate) sealed: u64,
    pub(crate) returned: u64,
    pub(crate) reclaimed: u64,
    pub(crate) issued: u64,
    pub(crate) outstanding: u64,
    pub(crate) honoured: u64,
    pub(crate) dormant: u64,
}

fn minor(text: &str) -> u64 {
    text.strip_prefix("JPY:").expect("an amount in yen").parse().expect("a whole number")
}

impl World {
    /// Every institution's own audit is sound, and the three of them agree; nothing may be under way.
    pub(crate) fn check_books(&self) -> Books {
        let mut books = Books::default();
        for bank in &self.banks {
            let audit = block_on(bank.audit()).unwrap();
            assert_eq!(audit.violations, vec![], "bank {}", audit.bank);
            for one in &audit.currencies {
                books.available += minor(&one.available);
                books.held += minor(&one.held);
                books.signed += minor(&one.signed) - minor(&one.corrected);
                books.sealed += minor(&one.sealed) + minor(&one.reserved);
                books.returned += minor(&one.returned);
                books.reclaimed += minor(&one.reclaimed);
            }
        }
        let audit = block_on(self.issuer.audit()).unwrap();
        assert_eq!(audit.violations, Vec::<String>::new(), "issuer");
        assert_eq!(audit.in_flight, Vec::<String>::new(), "something is under way");
        let issuer = audit.currencies.first().cloned().unwrap_or_default();
        (books.issued, books.outstanding) = (issuer.issued + issuer.sealed, issuer.outstanding);
        (books.honoured, books.dormant) = (issuer.honoured, issuer.dormant);
        assert!(block_on(self.authority.audit()).unwrap().violations.is_empty(), "authority");
        let openings = OPENING * self.accounts.borrow().len() as u64;
        assert_eq!(
            books.available + books.signed + books.sealed,
            openings + books.returned + books.reclaimed,
            "accounts"
        );
        assert_eq!(books.returned, issuer.returned + issuer.honoured, "returns");
        assert_eq!(books.issued, books.outstanding + issuer.returned + books.dormant, "issue");
        books
    }

    /// RN-P22 with honest people: what was debited is outstanding, came back, or waits in a request; and all of it is in
    /// somebody's hands.
    pub(crate) fn check(&self, people: &[&Person]) -> Books {
        let books = self.check_books();
        let figures: Vec<[u64; 4]> = people.iter().map(|person| person.figures()).collect();
        let sum = |column: usize| figures.iter().map(|one| one[column]).sum::<u64>();
        let unredeemed = books.signed + books.sealed - books.reclaimed - books.issued;
        assert_eq!(unredeemed, sum(1), "Σ unredeemed requests");
        assert_eq!(books.outstanding, sum(0) + sum(2) + sum(3) + books.held, "Σ outstanding");
        let openings = OPENING * self.accounts.borrow().len() as u64;
        let wealth: u64 = figures.iter().flatten().sum();
        assert_eq!(books.available + books.held + wealth, openings, "Σ money");
        books
    }

    /// What an account shows: available and held.
    pub(crate) fn account(&self, person: &Person) -> [u64; 2] {
        self.account_at(person.bank, &person.account())
    }

    pub(crate) fn account_at(&self, bank: &str, account: &str) -> [u64; 2] {
        let statement = block_on(self.bank(bank).statement(account)).unwrap().unwrap();
        [minor(&statement.balance), minor(&statement.held)]
    }

    /// Keys against which a case is open, with its state and the name that was released.
    pub(crate) fn cases(&self) -> Vec<(String, Option<String>)> {
        block_on(self.issuer.cases()).unwrap().into_iter().map(|case| (case.state, case.name)).collect()
    }
}
