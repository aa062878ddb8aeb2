//! Persons, as the authority's own file has them (RN-F1.2; never from what a wallet says).

use std::collections::BTreeSet;

use serde::Serialize;
use zeni_crypto::Digest;
use zeni_message::{limits::TEXT_BYTES_MAX, route::Failure};
use zeni_note::licence::Keeper;
use zeni_store::{Caller, Tx, TxError, params};

use crate::{
    Authority, Status,
    rows::{self, PersonRow},
    schema,
    settle::{Decision, settle},
};

/// One row of the authority's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The authority's own id of the person; never leaves it.
    pub id: String,
    /// Real name.
    pub name: String,
    /// [`person_digest`](zeni_note::licence::person_digest) of the secret that stands in for an identity check.
    pub secret: Digest,
    /// Whether the name is public: a shop, whose keys may be certified under it.
    pub public_name: bool,
    /// [`Keeper::Card`] if the authority handed the person a card it has attested (RN-O9).
    pub keeper: Keeper,
}

/// What [`Authority::load_persons`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Loaded {
    /// Persons that were new.
    pub added: usize,
    /// Persons whose row changed.
    pub changed: usize,
    /// Persons who stood there already.
    pub unchanged: usize,
}

/// Why a file of persons is not loaded; nothing of it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadRefusal {
    /// An id or a name is empty, longer than [`TEXT_BYTES_MAX`] bytes, or has control characters.
    #[error("person {id}: id and name have 1 to {TEXT_BYTES_MAX} bytes and no control characters")]
    Text {
        /// The id.
        id: String,
    },
    /// An id stands twice in the file.
    #[error("person {id} stands twice in the file")]
    Repeated {
        /// The id.
        id: String,
    },
    /// Two persons would share one secret.
    #[error("person {id} has the secret of another person")]
    SecretTaken {
        /// The later of the two.
        id: String,
    },
}

/// Why nobody is reinstated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReinstateRefusal {
    /// Nobody has this id.
    #[error("no registered person has this id")]
    UnknownPerson,
}

/// The rows that have one person's id or secret.
type Rows = Vec<(Option<PersonRow>, Option<PersonRow>)>;

impl Authority {
    /// Registers the persons of the authority's file. The same file again changes nothing; whoever is missing from it
    /// stays registered, and how a person stands is never changed by it.
    ///
    /// # Errors
    /// [`LoadRefusal`], or trouble of the store.
    pub async fn load_persons(&self, persons: &[Person]) -> Result<Loaded, Failure<LoadRefusal>> {
        check(persons).map_err(Failure::Refused)?;
        let wanted = persons.to_vec();
        let view = move |tx: &mut Tx<'_>| -> Result<Rows, TxError> {
            let find = |one: &Person| Ok((rows::person_by_id(tx, &one.id)?, rows::person_by_secret(tx, &one.secret)?));
            wanted.iter().map(find).collect()
        };
        let prepare = |found: &Rows| {
            let mut loaded = Loaded::default();
            let mut writes = Vec::new();
            for (person, (by_id, by_secret)) in persons.iter().zip(found) {
                if by_secret.as_ref().is_some_and(|row| row.id != person.id) {
                    return Err(Failure::Refused(LoadRefusal::SecretTaken { id: person.id.clone() }));
                }
                match by_id {
                    Some(row) if is_of(row, person) => loaded.unchanged += 1,
                    known => {
                        if known.is_some() {
                            loaded.changed += 1;
                        } else {
                            loaded.added += 1;
                        }
                        writes.push(person.clone());
                    }
                }
            }
            Ok(if writes.is_empty() { Decision::Done(loaded) } else { Decision::Apply((loaded, writes)) })
        };
        settle(&self.store, Caller::default(), view, prepare, |tx, _, (loaded, writes)| {
            for person in writes {
                let keeper = rows::keeper_code(person.keeper);
                tx.execute(
                    schema::UPSERT_PERSON,
                    params![&person.id, person.secret.0, &person.name, person.public_name, keeper],
                )?;
            }
            Ok(*loaded)
        })
        .await
    }

    /// Lets a person have licences again, after a loss or when his case is closed; answers how he stood before. What was
    /// revoked stays revoked.
    ///
    /// # Errors
    /// [`ReinstateRefusal`], or trouble of the store.
    pub async fn reinstate(&self, person: &str) -> Result<Status, Failure<ReinstateRefusal>> {
        let id = person.to_owned();
        let view = move |tx: &mut Tx<'_>| rows::person_by_id(tx, &id);
        let prepare = |row: &Option<PersonRow>| match row {
            None => Err(Failure::Refused(ReinstateRefusal::UnknownPerson)),
            Some(row) if row.status == Status::Good => Ok(Decision::Done(Status::Good)),
            Some(row) => Ok(Decision::Apply((row.id.clone(), row.status))),
        };
        settle(&self.store, Caller::default(), view, prepare, |tx, _, (id, before)| {
            tx.execute(schema::UPDATE_STATUS, params![id, Status::Good.code()])?;
            Ok(*before)
        })
        .await
    }
}

fn is_of(row: &PersonRow, person: &Person) -> bool {
    row.secret == person.secret
        && row.name == person.name
        && row.public == person.public_name
        && row.keeper == person.keeper
}

fn check(persons: &[Person]) -> Result<(), LoadRefusal> {
    let mut ids = BTreeSet::new();
    let mut secrets = BTreeSet::new();
    for person in persons {
        let fits = |text: &str| (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control);
        if !fits(&person.id) || !fits(&person.name) {
            return Err(LoadRefusal::Text { id: person.id.clone() });
        }
        if !ids.insert(&person.id) {
            return Err(LoadRefusal::Repeated { id: person.id.clone() });
        }
        if !secrets.insert(person.secret) {
            return Err(LoadRefusal::SecretTaken { id: person.id.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
