//! `Enrol` (RN-F2.1, RN-X6): a customer's first contact.
//!
//! Codes are random secrets of 140 bits, so guessing is hopeless and nothing is counted: a lock would only let a stranger
//! keep others from enrolling. A wrong code and an account that does not exist cost the same work, answer alike and change
//! nothing.

use zeni_crypto::{Digest, ct_eq, tagged};
use zeni_identity::{Csr, CsrError, PartyName, Validity};
use zeni_message::{
    Role, Signed, Time, decode, encode,
    limits::SMALL_MESSAGE_BYTES_MAX,
    route::{Ctx, Failure, Handle},
};
use zeni_note::{
    NameCertificate,
    messages::bank::{Enrol, EnrolRefusal, Enrolled},
    sealed::account_key_digest,
};
use zeni_store::{JobError, Tx, TxError, params};

use crate::{
    accounts::{Customer, code_digest},
    bank::{Bank, failure},
    books::broken,
    certificates, schema,
};

/// Certificates of one account that hold or that its stored orders need: whoever has the code fills no database. Those that are there
/// are never given up for a new one, so that no wallet loses its right to order by another's joining.
pub(crate) const CERTIFICATES_MAX: usize = 64;

impl Handle<Enrol> for Bank {
    async fn handle(&self, ctx: &Ctx, message: Enrol) -> Result<Enrolled, Failure<EnrolRefusal>> {
        let customer = self.known(&message).await?;
        let payee = message.payee_key.map_or_else(Vec::new, |key| key.0.to_vec());
        let request = tagged("zeni/enrolment", &[&message.csr, &message.account_key.0, &payee]);
        let account = customer.account.clone();
        let stored = move |tx: &mut Tx<'_>| Ok(stored(tx, &account, &request)?);
        let (chain, name) = match self.store.read(stored).await.map_err(failure)? {
            Some(stored) => stored,
            None => self.certify(ctx, &message, &customer, request).await?,
        };
        Ok(Enrolled { chain, account_salt: customer.salt.into(), name })
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

    /// Certifies the key of the request with that of the customer's orders, which the request names (HC-O3), and a shop's name for
    /// its key, and stores them; certificates that were stored before win.
    async fn certify(
        &self,
        ctx: &Ctx,
        message: &Enrol,
        customer: &Customer,
        request: Digest,
    ) -> Result<Certificates, Failure<EnrolRefusal>> {
        let csr = match Csr::check(&message.csr) {
            Err(CsrError::AccountKey) => return Err(EnrolRefusal::OtherAccountKey.into()),
            checked => checked.map_err(|_| EnrolRefusal::BadRequest)?,
        };
        message.account_key.check().map_err(|_| EnrolRefusal::BadRequest)?;
        let role = if message.shop { Role::Shop } else { Role::Wallet };
        let name = format!("{}/{}", self.config.bank, customer.account);
        let party = PartyName::new(&self.config.network_name, role, &name).map_err(|_| Failure::Internal)?;
        if *csr.name() != party {
            return Err(EnrolRefusal::BadRequest.into());
        }
        if *csr.account_key().digest() != account_key_digest(&message.account_key).0 {
            return Err(EnrolRefusal::OtherAccountKey.into());
        }
        let validity = Validity::days(ctx.now, self.config.certificate_days);
        let name = self.name_certificate(message, customer, validity.until())?;
        let certificate = self
            .customers
            .issue_customer(&party, csr.key(), csr.account_key(), validity, self.entropy.bytes())
            .map_err(|_| EnrolRefusal::BadRequest)?;
        let chain = certificate.pem() + &self.customers.certificate_pem();
        let (account, key, now) = (customer.account.clone(), message.account_key, ctx.now);
        let holds = Validity::of_chain(&chain).unwrap_or(validity);
        let job = move |tx: &mut Tx<'_>| {
            if let Some(stored) = stored(tx, &account, &request)? {
                return Ok(stored);
            }
            if certificates::forget_ended(tx, &account, now)? >= CERTIFICATES_MAX {
                let max = u32::try_from(CERTIFICATES_MAX).unwrap_or(u32::MAX);
                return Err(JobError::Refused(EnrolRefusal::TooManyCertificates { max }));
            }
            let (since, until) = (schema::int(holds.from().0), schema::int(holds.until().0));
            let row = params![&account, request.0, &chain, name.as_ref().map(encode), key.0, since, until];
            tx.execute(schema::INSERT_CERTIFICATE, row)?;
            Ok((chain.clone(), name.clone()))
        };
        self.store.write(self.lane(&customer.account), job).await.map_err(failure)
    }

    /// The bank's word that the account's name belongs to a shop's key.
    fn name_certificate(
        &self,
        message: &Enrol,
        customer: &Customer,
        until: Time,
    ) -> Result<Option<Signed<NameCertificate>>, EnrolRefusal> {
        let Some(key) = message.payee_key else { return Ok(None) };
        key.check().map_err(|_| EnrolRefusal::BadRequest)?;
        if !message.shop {
            return Err(EnrolRefusal::NoShop);
        }
        let record = NameCertificate { name: customer.name.clone(), key, until };
        Ok(Some(Signed::sign(self.config.roots.network, record, &self.document)))
    }
}

/// The certificate chain of a customer in PEM, and the one of his name.
type Certificates = (String, Option<Signed<NameCertificate>>);

/// What was certified before for the same request.
fn stored(tx: &mut Tx<'_>, account: &str, request: &Digest) -> Result<Option<Certificates>, TxError> {
    let Some(row) = tx.row(schema::SELECT_CERTIFICATE, params![account, request.0])? else { return Ok(None) };
    let name = row.opt_blob(1)?.map(|bytes| decode(bytes, SMALL_MESSAGE_BYTES_MAX));
    let name = name.transpose().map_err(|_| broken("a name certificate is damaged"))?;
    Ok(Some((row.text(0)?.to_owned(), name)))
}

#[cfg(test)]
mod tests;
