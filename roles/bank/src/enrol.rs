//! `Enrol` (RN-F2.1, RN-X6): a customer's first contact.
//!
//! The catalogue says nothing about guessing. Codes are random secrets, so guessing is hopeless already; besides,
//! [`WRONG_CODES_MAX`] wrong codes lock the account's enrolment for [`LOCK_S`] seconds, twice as long with each further one
//! up to [`LOCK_MAX_S`]. While it is locked the right code is refused as well. All of it answers `UnknownAccount`, and an
//! account that does not exist costs the same work. The counter is the one thing that a refused message changes.

use zeni_crypto::{Digest, ct_eq, sha256};
use zeni_identity::{Csr, PartyName, Validity};
use zeni_message::{
    Role,
    route::{Ctx, Failure, Handle},
};
use zeni_note::messages::bank::{Enrol, EnrolRefusal, Enrolled};
use zeni_store::{Tx, params};

use crate::{
    accounts::{Customer, code_digest},
    bank::{Bank, failure},
    schema,
};

/// Wrong codes that stay without effect.
const WRONG_CODES_MAX: u64 = 5;
/// Seconds of the first lock.
const LOCK_S: u64 = 60;
/// Seconds of the longest lock.
const LOCK_MAX_S: u64 = 86_400;

impl Handle<Enrol> for Bank {
    async fn handle(&self, ctx: &Ctx, message: Enrol) -> Result<Enrolled, Failure<EnrolRefusal>> {
        let customer = self.known(ctx, &message).await?;
        let request = sha256(&[&message.csr]);
        let account = customer.account.clone();
        let stored = move |tx: &mut Tx<'_>| {
            let row = tx.row(schema::SELECT_CERTIFICATE, params![&account, request.0])?;
            Ok(row.map(|row| row.text(0).map(str::to_owned)).transpose()?)
        };
        let chain = match self.store.read(stored).await.map_err(failure)? {
            Some(chain) => chain,
            None => self.certify(ctx, &message, &customer, request).await?,
        };
        Ok(Enrolled { chain, account_salt: customer.salt.into() })
    }
}

impl Bank {
    /// The account, if the code is right and enrolment is not locked.
    async fn known(&self, ctx: &Ctx, message: &Enrol) -> Result<Customer, Failure<EnrolRefusal>> {
        let account = message.account.clone();
        let read = move |tx: &mut Tx<'_>| Ok(Customer::read(tx, &account)?);
        let customer = self.store.read(read).await.map_err(failure)?;
        let code = code_digest(&self.config.bank, &message.account, &message.code);
        let expected = customer.as_ref().map_or(Digest([0; 32]), |customer| customer.code);
        let right = ct_eq(&code.0, &expected.0);
        let customer = customer.ok_or(EnrolRefusal::UnknownAccount)?;
        if ctx.now < customer.locked_until {
            return Err(EnrolRefusal::UnknownAccount.into());
        }
        if right {
            if customer.wrong > 0 {
                self.count_wrong(&customer.account, 0, 0).await?;
            }
            return Ok(customer);
        }
        let wrong = customer.wrong.saturating_add(1);
        let locked_until = match wrong.checked_sub(WRONG_CODES_MAX) {
            None => 0,
            Some(beyond) => {
                let doubled = 1_u64.checked_shl(u32::try_from(beyond).unwrap_or(u32::MAX)).unwrap_or(u64::MAX);
                ctx.now.plus(LOCK_S.saturating_mul(doubled).min(LOCK_MAX_S)).0
            }
        };
        self.count_wrong(&customer.account, wrong, locked_until).await?;
        Err(EnrolRefusal::UnknownAccount.into())
    }

    async fn count_wrong(&self, account: &str, wrong: u64, until: u64) -> Result<(), Failure<EnrolRefusal>> {
        let lane = self.lane(account);
        let account = account.to_owned();
        let count = move |tx: &mut Tx<'_>| {
            let row = params![&account, schema::int(wrong), schema::int(until)];
            Ok(tx.execute(schema::UPDATE_WRONG, row).map(drop)?)
        };
        self.store.write(lane, count).await.map_err(failure)
    }

    /// Certifies the key of the request and stores the certificate; what another message stored meanwhile wins.
    async fn certify(
        &self,
        ctx: &Ctx,
        message: &Enrol,
        customer: &Customer,
        request: Digest,
    ) -> Result<String, Failure<EnrolRefusal>> {
        let csr = Csr::check(&message.csr).map_err(|_| EnrolRefusal::BadRequest)?;
        let role = if message.shop { Role::Shop } else { Role::Wallet };
        let name = format!("{}/{}", self.config.bank, customer.account);
        let party = PartyName::new(&self.config.network_name, role, &name).map_err(|_| Failure::Internal)?;
        if *csr.name() != party {
            return Err(EnrolRefusal::BadRequest.into());
        }
        let validity = Validity::days(ctx.now, self.config.certificate_days);
        let certificate = self
            .customers
            .issue_client(&party, csr.key(), validity, self.entropy.bytes())
            .map_err(|_| EnrolRefusal::BadRequest)?;
        let chain = certificate.pem() + &self.customers.certificate_pem();
        let account = customer.account.clone();
        let job = move |tx: &mut Tx<'_>| {
            tx.execute(schema::INSERT_CERTIFICATE, params![&account, request.0, &chain])?;
            let row = tx.row(schema::SELECT_CERTIFICATE, params![&account, request.0])?;
            row.map_or_else(|| Ok(chain.clone()), |row| Ok(row.text(0)?.to_owned()))
        };
        self.store.write(self.lane(&customer.account), job).await.map_err(failure)
    }
}

#[cfg(test)]
mod tests;
