//! RN-F1: licences on fresh keys for a person whom the authority knows.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use zeni_crypto::{Digest, Signature};
use zeni_message::{
    Signed, Time,
    limits::BATCH_ITEMS_MAX,
    route::{Ctx, Failure, Handle},
};
use zeni_note::{
    Licence, LicenceRequest, NameCertificate,
    licence::{Keeper, key_digest, person_digest},
    messages::authority::{GetLicences, GetLicencesRefusal, Licences},
};
use zeni_store::{Caller, Tx, TxError, params};

use crate::{
    Authority, Status,
    rows::{self, LicenceRow, PersonRow, time_value},
    schema,
    settle::{Decision, settle},
};

/// All that the answer depends on.
#[derive(PartialEq, Eq)]
struct Seen {
    person: Option<PersonRow>,
    /// Identity of the key list of each epoch that the requests name.
    key_lists: BTreeMap<u32, Option<Digest>>,
    /// Rows of the keys, in the order of the requests.
    licences: Vec<Option<LicenceRow>>,
    /// Number of the person's licences that have not ended.
    held: u64,
    /// Certificate of the first key.
    certificate: Option<Signed<NameCertificate>>,
}

/// What is written, and the answer.
struct Prepared {
    person: String,
    reply: Licences,
    new_licences: Vec<Signed<Licence>>,
    new_certificate: Option<Signed<NameCertificate>>,
}

impl Handle<GetLicences> for Authority {
    async fn handle(&self, ctx: &Ctx, message: GetLicences) -> Result<Licences, Failure<GetLicencesRefusal>> {
        let (secret, now) = (person_digest(&message.secret), ctx.now);
        let requests: Vec<LicenceRequest> = message.requests.iter().map(|request| request.record.clone()).collect();
        let view = move |tx: &mut Tx<'_>| view(tx, &secret, &requests, now);
        let prepare = |seen: &Seen| self.license(&message, &secret, seen, ctx.now);
        settle(&self.store, lane(&secret), view, prepare, |tx, _, prepared: &Prepared| apply(tx, prepared)).await
    }
}

impl Authority {
    /// Checks in the order of [`GetLicencesRefusal`] and signs what is not there yet.
    fn license(
        &self,
        message: &GetLicences,
        secret: &Digest,
        seen: &Seen,
        now: Time,
    ) -> Result<Decision<Prepared, Licences>, Failure<GetLicencesRefusal>> {
        let person = seen.person.as_ref().ok_or(GetLicencesRefusal::UnknownPerson)?;
        self.check(message, secret, person, seen)?;
        let mut new_licences = Vec::new();
        let mut licences = Vec::with_capacity(message.requests.len());
        for (request, row) in message.requests.iter().zip(&seen.licences) {
            licences.push(match row {
                Some(row) => row.licence.clone(),
                None => {
                    let licence = Licence {
                        key: request.record.key,
                        until: self.config.grid.end(now),
                        keeper: granted(message.keeper, person.keeper),
                    };
                    let licence = Signed::sign(self.config.network, licence, &self.keys.signing);
                    new_licences.push(licence.clone());
                    licence
                }
            });
        }
        let wanted = message.certify_name && person.public;
        let first = licences.first().filter(|_| wanted).map(|first| &first.record);
        let new_certificate = first.filter(|_| seen.certificate.is_none()).map(|first| {
            let certificate = NameCertificate { name: person.name.clone(), key: first.key, until: first.until };
            Signed::sign(self.config.network, certificate, &self.keys.signing)
        });
        let certificate = first.and_then(|_| new_certificate.clone().or_else(|| seen.certificate.clone()));
        let reply = Licences { name: person.name.clone(), licences, certificate };
        if new_licences.is_empty() && new_certificate.is_none() {
            return Ok(Decision::Done(reply));
        }
        Ok(Decision::Apply(Prepared { person: person.id.clone(), reply, new_licences, new_certificate }))
    }

    fn check(
        &self,
        message: &GetLicences,
        secret: &Digest,
        person: &PersonRow,
        seen: &Seen,
    ) -> Result<(), GetLicencesRefusal> {
        if person.status != Status::Good {
            return Err(GetLicencesRefusal::Suspended);
        }
        check_size(message.requests.len())?;
        let requests = || (0u32..).zip(&message.requests);
        for (item, request) in requests() {
            if request.record.person != *secret {
                return Err(GetLicencesRefusal::OtherPerson { item });
            }
        }
        for (_, Signed { record, .. }) in requests() {
            let own = seen.key_lists.get(&record.epoch).copied().flatten();
            if own != Some(record.key_list) {
                return Err(GetLicencesRefusal::KeyListDiffers { epoch: record.epoch });
            }
        }
        for (item, request) in requests() {
            request.record.key.check().map_err(|_| GetLicencesRefusal::BadKey { item })?;
        }
        for (item, request) in requests() {
            request
                .verify(self.config.network, &request.record.key)
                .map_err(|_| GetLicencesRefusal::NotPossessed { item })?;
        }
        for ((item, _), row) in requests().zip(&seen.licences) {
            if row.as_ref().is_some_and(|row| row.person != person.id) {
                return Err(GetLicencesRefusal::OtherOwner { item });
            }
        }
        let new = requests().zip(&seen.licences).filter(|(_, row)| row.is_none());
        let new: BTreeSet<_> = new.map(|((_, request), _)| request.record.key.0).collect();
        let held = seen.held.saturating_add(u64::try_from(new.len()).unwrap_or(u64::MAX));
        if !new.is_empty() && held > u64::from(self.config.licences_max) {
            return Err(GetLicencesRefusal::TooMany { max: self.config.licences_max });
        }
        Ok(())
    }
}

/// A key is said to live in a card only if the authority attested one for the person, whatever the wallet says (RN-O9).
fn granted(asked: Keeper, attested: Keeper) -> Keeper {
    match (asked, attested) {
        (Keeper::Card, Keeper::Card) => Keeper::Card,
        _ => Keeper::Software,
    }
}

fn check_size(found: usize) -> Result<(), GetLicencesRefusal> {
    if (1..=BATCH_ITEMS_MAX).contains(&found) {
        return Ok(());
    }
    let shown = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Err(GetLicencesRefusal::BatchSize { found: shown(found), max: shown(BATCH_ITEMS_MAX) })
}

/// Persons take turns at the store.
fn lane(secret: &Digest) -> Caller {
    let [a, b, c, d, e, f, g, h, ..] = secret.0;
    Caller(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

fn view(tx: &mut Tx<'_>, secret: &Digest, requests: &[LicenceRequest], now: Time) -> Result<Seen, TxError> {
    let person = rows::person_by_secret(tx, secret)?;
    let mut seen = Seen { person, key_lists: BTreeMap::new(), licences: Vec::new(), held: 0, certificate: None };
    let Some(person) = seen.person.as_ref().filter(|_| check_size(requests.len()).is_ok()) else { return Ok(seen) };
    let held = tx.row(schema::COUNT_LICENCES, params![&person.id, time_value(now)])?;
    seen.held = held.map_or(Ok(0), |row| row.u64(0))?;
    for request in requests {
        if let Entry::Vacant(place) = seen.key_lists.entry(request.epoch) {
            let row = tx.row(schema::KEY_LIST_IDENTITY, params![request.epoch])?;
            place.insert(row.map(|row| rows::digest(&row, 0)).transpose()?);
        }
        seen.licences.push(rows::licence_by_key(tx, &request.key)?);
    }
    if let Some(first) = requests.first()
        && let Some(row) = tx.row(schema::CERTIFICATE_BY_KEY, params![first.key.0])?
    {
        let record = NameCertificate { name: row.text(0)?.to_owned(), key: first.key, until: Time(row.u64(1)?) };
        seen.certificate = Some(Signed { record, signature: Signature(row.array(2)?) });
    }
    Ok(seen)
}

fn apply(tx: &mut Tx<'_>, prepared: &Prepared) -> Result<Licences, TxError> {
    for Signed { record, signature } in &prepared.new_licences {
        // one request may name a key twice
        tx.execute(
            schema::INSERT_LICENCE,
            params![
                record.key.0,
                key_digest(&record.key).0,
                &prepared.person,
                time_value(record.until),
                rows::keeper_code(record.keeper),
                signature.0,
            ],
        )?;
    }
    if let Some(Signed { record, signature }) = &prepared.new_certificate {
        tx.execute(
            schema::INSERT_CERTIFICATE,
            params![record.key.0, &record.name, time_value(record.until), signature.0],
        )?;
    }
    Ok(prepared.reply.clone())
}

#[cfg(test)]
mod tests;
