//! `Enrol` (RN-F2.1, RN-X6): a customer's first contact.
//!
//! Codes are random secrets of 140 bits, so guessing is hopeless and nothing is counted: a lock would only let a stranger
//! keep others from enrolling. A wrong code and an account that does not exist cost the same work, answer alike and change
//! nothing.

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

impl Handle<Enrol> for Bank {
    async fn handle(&self, ctx: &Ctx, message: Enrol) -> Result<Enrolled, Failure<EnrolRefusal>> {
        let customer = self.known(&message).await?;
        let request = sha256(&[&message.csr]);
        let (account, key) = (customer.account.clone(), message.account_key);
        let stored = move |tx: &mut Tx<'_>| {
            let known = tx.row(schema::SELECT_ACCOUNT_KEY, params![&account, key.0])?.is_some();
            let row = tx.row(schema::SELECT_CERTIFICATE, params![&account, request.0])?.filter(|_| known);
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
    /// The account, if the code is right.
    async fn known(&self, message: &Enrol) -> Result<Customer, Failure<EnrolRefusal>> {
        let account = message.account.clone();
        let read = move |tx: &mut Tx<'_>| Ok(Customer::read(tx, &account)?);
        let customer = self.store.read(read).await.map_err(failure)?;
        let code = code_digest(&self.config.bank, &message.account, &message.code);
        let expected = customer.as_ref().map_or(Digest([0; 32]), |customer| customer.code);
        let right = ct_eq(&code.0, &expected.0);
        customer.filter(|_| right).ok_or_else(|| EnrolRefusal::UnknownAccount.into())
    }

    /// Certifies the key of the request and stores the certificate with the key of the customer's orders (HC-O3); a certificate
    /// that was stored before wins.
    async fn certify(
        &self,
        ctx: &Ctx,
        message: &Enrol,
        customer: &Customer,
        request: Digest,
    ) -> Result<String, Failure<EnrolRefusal>> {
        let csr = Csr::check(&message.csr).map_err(|_| EnrolRefusal::BadRequest)?;
        message.account_key.check().map_err(|_| EnrolRefusal::BadRequest)?;
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
        let (account, key, now) = (customer.account.clone(), message.account_key, schema::int(ctx.now.0));
        let job = move |tx: &mut Tx<'_>| {
            tx.execute(schema::INSERT_ACCOUNT_KEY, params![&account, key.0, now.clone()])?;
            tx.execute(schema::INSERT_CERTIFICATE, params![&account, request.0, &chain])?;
            let row = tx.row(schema::SELECT_CERTIFICATE, params![&account, request.0])?;
            row.map_or_else(|| Ok(chain.clone()), |row| Ok(row.text(0)?.to_owned()))
        };
        self.store.write(self.lane(&customer.account), job).await.map_err(failure)
    }
}

#[cfg(test)]
mod tests;
