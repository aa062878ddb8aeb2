//! What the records of a wallet know of a document, without its card: of several cards the one is found that a document is for.

use zeni_crypto::Digest;
use zeni_note::{Payment, keylist::Roots};
use zeni_store::Store;

use crate::{
    Trouble,
    record::{Holding, OwnChallenge, OwnPayment},
    table,
};

/// How records know a request for payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownRequest {
    /// It was made here.
    Asked,
    /// It was paid from here, or that was begun.
    Paid,
}

impl KnownRequest {
    /// How the database with the tables of [`crate::SCHEMA`] knows the request that `answer` answers.
    pub async fn stored(store: &Store, answer: &Digest) -> Result<Option<KnownRequest>, Trouble> {
        if table::get::<OwnChallenge>(store, &answer.0).await?.is_some() {
            return Ok(Some(KnownRequest::Asked));
        }
        let paid = table::get::<OwnPayment>(store, &answer.0).await?;
        Ok(paid.map(|_| KnownRequest::Paid))
    }
}

/// Whether a payment passes on money that the records in this database held, as one does that gives money back.
pub async fn was_held(store: &Store, roots: &Roots, payment: &Payment) -> Result<bool, Trouble> {
    for answer in &payment.answers {
        let Ok(walk) = answer.chain.walk(roots) else { continue };
        for node in &walk.nodes {
            if table::get::<Holding>(store, &node.identity.0).await?.is_some() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
