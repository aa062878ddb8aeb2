//! The operator's filter of revoked keys: what a key pays that it names is refused, unless a clearance has it.

use zeni_crypto::PublicKey;
use zeni_message::{Signed, Time};
use zeni_note::{Clearance, RevocationFilter, licence::key_digest, operator::CLEARED_MAX};

use super::{
    Element,
    memory::Memory,
    operator::ordered,
    record::{CLEARED, FILTER, Writes},
};
use crate::CardError;

/// Clearances that the card keeps; those before are forgotten when there would be more, and can be asked for again.
const CLEARED_KEPT_MAX: usize = 256;

impl<M: Memory> Element<M> {
    /// Number of the filter; 0 without one.
    pub(super) fn filter_number(&mut self) -> Result<u64, CardError> {
        Ok(self.read::<RevocationFilter>(FILTER, &[])?.map_or(0, |filter| filter.number))
    }

    /// Time of the filter; the beginning of time without one.
    pub(super) fn filter_time(&mut self) -> Result<Time, CardError> {
        Ok(self.read::<RevocationFilter>(FILTER, &[])?.map_or(Time(0), |filter| filter.time))
    }

    pub(super) fn do_take_filter(&mut self, filter: &Signed<RevocationFilter>) -> Result<(), CardError> {
        let card = self.operational()?;
        let record = ordered(&card, filter)?;
        if !record.is_well_formed() {
            return Err(CardError::Operator);
        }
        let held: Option<RevocationFilter> = self.read(FILTER, &[])?;
        if held.as_ref() == Some(record) {
            return Ok(());
        }
        if let Some(held) = held.filter(|held| held.number >= record.number) {
            return Err(CardError::Older { held: held.number, found: record.number });
        }
        let mut writes = Writes::default();
        writes.put(FILTER, &[], record);
        // what was cleared of the filter before says nothing of this one
        for (place, _) in self.memory.scan(&[CLEARED])? {
            writes.0.push((place, None));
        }
        self.commit(writes)
    }

    pub(super) fn do_take_clearance(&mut self, clearance: &Signed<Clearance>) -> Result<(), CardError> {
        let card = self.operational()?;
        let record = ordered(&card, clearance)?;
        let filter: Option<RevocationFilter> = self.read(FILTER, &[])?;
        let held = filter.as_ref().map_or(0, |filter| filter.number);
        if record.keys.len() > CLEARED_MAX {
            return Err(CardError::Operator);
        }
        if record.filter != held {
            return Err(CardError::Older { held, found: record.filter });
        }
        let mut writes = Writes::default();
        let before = self.memory.scan(&[CLEARED])?;
        if before.len() + record.keys.len() > CLEARED_KEPT_MAX {
            before.into_iter().for_each(|(place, _)| writes.0.push((place, None)));
        }
        // whoever is not named needs no clearance
        for key in record.keys.iter().filter(|key| filter.as_ref().is_some_and(|filter| filter.names_digest(key))) {
            writes.put(CLEARED, &[&key.0], &held);
        }
        if writes.0.is_empty() { Ok(()) } else { self.commit(writes) }
    }

    pub(super) fn do_names(&mut self, key: &PublicKey) -> Result<bool, CardError> {
        self.card()?;
        let Some(filter) = self.read::<RevocationFilter>(FILTER, &[])? else { return Ok(false) };
        if !filter.names(key) {
            return Ok(false);
        }
        let cleared: Option<u64> = self.read(CLEARED, &[&key_digest(key).0])?;
        Ok(cleared != Some(filter.number))
    }
}
