//! `claim`: unredeemed requests back to the account (RN-X14). `report_lost`: all licences revoked (RN-X31).

use zeni_card::{CardError, Statement};
use zeni_crypto::{PublicKey, Signature};
use zeni_message::{Refusal, Retry, Signed, Time, peer::SendError};
use zeni_note::{
    Nonce,
    keylist::Terms,
    messages::{
        authority::{ReportLost, ReportLostRefusal},
        bank::{ClaimRefusal, ClaimRequest, ClaimState},
    },
    request::RequestClaim,
};

use crate::{
    Claimed, Holder, Trouble,
    error::errors,
    record::{Line, Request, RequestState},
    redeem::RedeemError,
    table::Change,
};

errors! {
    /// Why requests are not claimed back; the same again continues.
    pub enum ClaimError {
        TooEarly { from: Time } = Later, "too_early", "unredeemed requests can still be redeemed; claims are heard from {from} on";
        Nothing = Never, "nothing_to_claim", "there is no unredeemed request";
        TooLate = Never, "too_late", "the term for claims is over";
    } passes {
        Trouble(Trouble);
        Bank(SendError<ClaimRefusal>);
    }
}

impl From<CardError> for ClaimError {
    fn from(error: CardError) -> Self {
        ClaimError::Trouble(error.into())
    }
}

errors! {
    /// Why a loss is not reported.
    pub enum ReportLostError {
    } passes {
        Trouble(Trouble);
        Authority(SendError<ReportLostRefusal>);
    }
}

impl Holder {
    /// Claims every request whose term for redeeming is over back at the bank. **The bank sees the request's key**: tell
    /// the person before.
    ///
    /// Recovery after a cut: the same again, or [`Holder::resume`].
    pub async fn claim(&mut self) -> Result<Vec<Claimed>, ClaimError> {
        self.settle().await?;
        self.contact().await?;
        let (lists, now) = (self.key_lists().await?, self.now());
        let (mut claimed, mut first, mut late) = (Vec::new(), None::<Time>, false);
        for request in self.active::<Request>().await? {
            let Some(terms) = lists.terms(request.series, request.epoch) else { continue };
            let claiming = matches!(request.state, RequestState::Claiming(_));
            if !claiming && now <= terms.redeem_until {
                let from = terms.redeem_until.plus(1);
                first = Some(first.map_or(from, |first| first.min(from)));
            } else if !claiming && now > terms.claim_until {
                late = true;
            } else {
                let money = request.money;
                match self.still_unredeemed(request).await? {
                    // a claim of what was issued after all is refused for good: the issuer's word comes first
                    Some(request) if matches!(request.state, RequestState::Sent(_)) => {
                        claimed.push(Claimed { money, state: "pending" });
                    }
                    Some(request) => claimed.push(self.carry_claim(request).await?),
                    None => {}
                }
            }
        }
        match (claimed.is_empty(), first) {
            (true, Some(from)) => Err(ClaimError::TooEarly { from }),
            (true, None) => Err(if late { ClaimError::TooLate } else { ClaimError::Nothing }),
            (false, _) => Ok(claimed),
        }
    }

    /// The request, unless it was redeemed after all: what was perhaps sent is asked for once more, since the issuer
    /// answers with the same note as before.
    async fn still_unredeemed(&mut self, request: Request) -> Result<Option<Request>, ClaimError> {
        if !matches!(request.state, RequestState::Sent(_)) {
            return Ok(Some(request));
        }
        let id = request.request.content_id();
        match self.redeem(request).await {
            Ok(()) => Ok(None),
            Err(RedeemError::Trouble(trouble)) => Err(trouble.into()),
            Err(_) => Ok(self.get(&id.0).await?),
        }
    }

    /// The card refuses a claim while the key's latest slot is loaded; with one key for all notes that slot is another
    /// request's, so a new one is opened for this one.
    fn sign_claim(&mut self, key: &PublicKey, claim: &RequestClaim) -> Result<Signature, CardError> {
        match self.card.sign_statement(key, &Statement::RequestClaim(claim)) {
            Err(CardError::LoadedBefore) => {
                self.card.open_load(key)?;
                self.card.sign_statement(key, &Statement::RequestClaim(claim))
            }
            signed => signed,
        }
    }

    /// Sends the stored claim of a request, or makes one.
    pub(crate) async fn carry_claim(&mut self, request: Request) -> Result<Claimed, ClaimError> {
        let profile = self.profile().await?;
        let id: Nonce = match request.state {
            RequestState::Claiming(id) => id,
            _ => self.nonce(),
        };
        let request = Request { state: RequestState::Claiming(id), ..request };
        self.put(&request).await?;
        let account = Holder::account_digest(&profile, &id);
        let record = RequestClaim { request: request.request.content_id(), bank: profile.bank, account, id };
        let key = request.request.key;
        let signature = self.sign_claim(&key, &record)?;
        let message = ClaimRequest { request: request.request.clone(), claim: Signed { record, signature } };
        let money = request.money;
        let (state, word) = match self.peers.bank.send(&message).await {
            Ok(ClaimState::Pending) => return Ok(Claimed { money, state: "pending" }),
            Ok(ClaimState::Credited) => (RequestState::Credited, "credited"),
            Ok(ClaimState::Refused) => (RequestState::Lost("refused".into()), "refused"),
            Err(SendError::Refused(refusal)) if refusal.retry() == Retry::Never => {
                (RequestState::Lost(refusal.code().into()), "refused")
            }
            Err(error) => return Err(error.into()),
        };
        let mut changes = vec![Change::put(&Request { state, ..request.clone() })];
        if word == "credited" {
            let id = request.request.content_id();
            changes.push(Change::put(&Line::new(self.now(), "claim", &id.0, money, "")));
        }
        self.commit(changes).await?;
        Ok(Claimed { money, state: word })
    }

    /// Tells the authority that the person's card is lost: all his licences are revoked, rests come back by refund only
    /// (RN-X31). Answers how many licences were revoked.
    pub async fn report_lost(&mut self) -> Result<u32, ReportLostError> {
        let secret = self.config.identity.clone().ok_or(Trouble::Locked)?;
        Ok(self.peers.authority.fresh().send(&ReportLost { secret }).await?)
    }
}
