//! `IdentifyOverspender` (HC-F5.3…F5.6, HC-A18, A20, A21): a customer's name against a proof, and nothing against anything else.
//!
//! The evidence is checked by itself first; only evidence that proves overspending of a note and leads to a request is looked up
//! (HC-X39). The bank names only whom a stored order names, signed by a key of his account. The issuer learns no name (HC-O23).

mod cases;
mod log;
mod whole;

use zeni_crypto::{Digest, PublicKey};
use zeni_message::{
    Signed, Time, decode,
    limits::SMALL_MESSAGE_BYTES_MAX,
    route::{Ctx, Failure, Handle},
};
use zeni_note::{
    messages::{
        bank::{Identification, IdentifyOverspender, IdentifyRefusal},
        issuer::GetKeyLists,
    },
    sealed::{Evidence, Identified, IssuanceOrder, IssuerMadeKeys, KeyMaker, WithdrawalOrder},
};
use zeni_store::{Caller, Tx, TxError, params};

use crate::{
    bank::{Bank, failure},
    books::broken,
    lists::Lists,
    schema,
};

pub(crate) use cases::CaseFile;
pub use cases::{CaseReport, CasesReport, IdentificationEntry, LiftRefusal, cases_of, lift_in};
use log::Content;
pub use log::IdentificationOutcome;
pub(crate) use log::{end, mark};
pub use whole::accept_log_in;
pub(crate) use whole::{RULES, note_break, violations};

type Refused = Failure<IdentifyRefusal>;

/// A stored order with its customer.
struct Ordered {
    account: String,
    name: String,
    order: Signed<WithdrawalOrder>,
    key: PublicKey,
    /// The certificate of the account that named the key when the order was taken, if there is one.
    certificate: Option<String>,
}

/// What the data base says of a request (HC-A16).
enum Seen {
    /// The case was opened before.
    Named,
    Ordered(Box<Ordered>),
    Nobody,
}

impl Handle<IdentifyOverspender> for Bank {
    async fn handle(&self, ctx: &Ctx, message: IdentifyOverspender) -> Result<Identification, Refused> {
        let asked = log::evidence(&message);
        let evidence = match self.evidence(&message).await? {
            Ok(evidence) => evidence,
            Err(refusal) => {
                tracing::warn!(code = log::word(&refusal), "asked for a name with evidence that opens none");
                let outcome = IdentificationOutcome::from(&refusal);
                self.note(outcome, log::subject(outcome, &[&asked.0]), asked, ctx.now).await?;
                return Err(refusal.into());
            }
        };
        let (note, request) = (evidence.note, evidence.request);
        let seen = self.store.read(move |tx: &mut Tx<'_>| Ok(look(tx, &note, &request)?)).await.map_err(failure)?;
        let (file, outcome) = match seen {
            Seen::Named => return Ok(Identification::Identified),
            Seen::Nobody => (None, IdentificationOutcome::Unknown),
            Seen::Ordered(ordered) => (self.case_file(message, &evidence, *ordered), IdentificationOutcome::Unproven),
        };
        let Some(file) = file else {
            tracing::error!(?outcome, "overspending by a note of this bank, and no customer can be named");
            self.note(outcome, log::subject(outcome, &[&note.0]), asked, ctx.now).await?;
            return Ok(Identification::Unknown);
        };
        let (subject, now) = (named(&note), ctx.now);
        let job = move |tx: &mut Tx<'_>| Ok(file.open(tx, &subject, asked, now)?);
        self.store.write(Caller::default(), job).await.map_err(failure)?;
        tracing::info!("a customer was named against a proof");
        Ok(Identification::Identified)
    }
}

impl Bank {
    /// Checks the evidence by itself, with the key lists at hand, and once more with fresh ones if its epoch was missing.
    async fn evidence(&self, message: &IdentifyOverspender) -> Result<Result<Evidence, IdentifyRefusal>, Refused> {
        let lists = self.lists::<IdentifyRefusal>().await.map_err(failure)?;
        let checked = self.check_evidence(message, &lists);
        if checked.as_ref().err() != Some(&IdentifyRefusal::UnknownEpoch) {
            return self.believed(checked).await;
        }
        let from_epoch = lists.lists.last().map_or(0, |list| list.record.epoch.saturating_add(1));
        if let Ok(news) = self.issuer.send(&GetKeyLists { from_epoch }).await {
            // a list that is not taken leaves the epoch unknown, which is told below
            drop(self.take_lists(news).await);
        }
        let lists = self.lists::<IdentifyRefusal>().await.map_err(failure)?;
        self.believed(self.check_evidence(message, &lists)).await
    }

    /// Of keys that the issuer made the bank believes what it has said of them when it ordered, also if it says otherwise now: nobody
    /// escapes who ordered before (HC-F6).
    async fn believed(
        &self,
        checked: Result<Evidence, IdentifyRefusal>,
    ) -> Result<Result<Evidence, IdentifyRefusal>, Refused> {
        let Ok(evidence) = &checked else { return Ok(checked) };
        if evidence.content.holder != KeyMaker::Issuer || self.config.issuer_made_keys == IssuerMadeKeys::Accepted {
            return Ok(checked);
        }
        let request = evidence.request;
        let read = move |tx: &mut Tx<'_>| Ok(said(tx, &request)?);
        let said = self.store.read(read).await.map_err(failure)?;
        Ok(if said == IssuerMadeKeys::Accepted { checked } else { Err(IdentifyRefusal::KeyMaker) })
    }

    fn check_evidence(&self, message: &IdentifyOverspender, lists: &Lists) -> Result<Evidence, IdentifyRefusal> {
        let list = |epoch| lists.list(epoch).map(|list| &list.record);
        let IdentifyOverspender { proof, content } = message;
        Evidence::check(proof, content, &self.config.roots, list, IssuerMadeKeys::Accepted)
    }

    /// The case file, if the stored order shows that this customer ordered the request.
    fn case_file(&self, message: IdentifyOverspender, evidence: &Evidence, ordered: Ordered) -> Option<CaseFile> {
        let Ordered { account, name, order, key, certificate } = ordered;
        let certificate = certificate?;
        let network = self.config.roots.network;
        let record = &order.record;
        let shows = record.bank == self.config.bank
            && record.account == account
            && record.of == evidence.content.ordered(evidence.request)
            && order.verify(network, &key).is_ok();
        if !shows {
            return None;
        }
        let id = *record.order;
        let IdentifyOverspender { proof, content } = message;
        let document = Identified { proof, content, order, account_key: key, certificate };
        Some(CaseFile {
            account,
            name,
            currency: evidence.content.currency,
            held: evidence.convicted.held(),
            signed: evidence.convicted.signed(),
            order: id,
            document: Signed::sign(network, document, &self.document).to_document(network),
        })
    }

    /// Logs a question that named nobody, once.
    async fn note(
        &self,
        outcome: IdentificationOutcome,
        subject: Digest,
        evidence: Digest,
        time: Time,
    ) -> Result<(), Refused> {
        let content = Content { time, outcome, evidence, file: Digest([0; 32]) };
        let job = move |tx: &mut Tx<'_>| Ok(log::append(tx, &subject, content).map(drop)?);
        self.store.write(Caller::default(), job).await.map_err(failure)
    }
}

/// What the bank has said in its order of a request, if it ordered one.
fn said(tx: &mut Tx<'_>, request: &Digest) -> Result<IssuerMadeKeys, TxError> {
    let Some(row) = tx.row(schema::SELECT_RECEIPT, params![request.0])? else { return Ok(IssuerMadeKeys::Refused) };
    let receipt: Signed<IssuanceOrder> =
        decode(row.blob(0)?, SMALL_MESSAGE_BYTES_MAX).map_err(|_| broken("a receipt is damaged"))?;
    Ok(receipt.record.issuer_made())
}

/// Under this a case is opened once: a sealed key stands for one note.
fn named(note: &Digest) -> Digest {
    log::subject(IdentificationOutcome::Identified, &[&note.0])
}

fn look(tx: &mut Tx<'_>, note: &Digest, request: &Digest) -> Result<Seen, TxError> {
    if log::logged(tx, &named(note))? {
        return Ok(Seen::Named);
    }
    let Some(row) = tx.row(schema::SELECT_ORDERED, params![request.0])? else { return Ok(Seen::Nobody) };
    let account = row.text(0)?.to_owned();
    let order = decode(row.blob(1)?, SMALL_MESSAGE_BYTES_MAX).map_err(|_| broken("a stored order is damaged"))?;
    let key = PublicKey(row.array(2)?);
    let used = row.opt_blob(4)?.map(<[u8]>::to_vec);
    let certificate = match used {
        Some(used) => tx.row(schema::SELECT_ACCOUNT_KEY, params![&account, key.0, used])?,
        None => None,
    };
    let certificate = certificate.map(|row| row.text(0).map(str::to_owned)).transpose()?;
    Ok(Seen::Ordered(Box::new(Ordered { account, name: row.text(3)?.to_owned(), order, key, certificate })))
}

#[cfg(test)]
mod tests;
