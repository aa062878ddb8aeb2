//! `run_due`: issuance requests against notes, each over its own anonymous connection.

use std::collections::BTreeSet;

use zeni_card::{CardError, Statement};
use zeni_crypto::{Digest, PublicKey};
use zeni_message::{Refusal, Retry, Time, peer::SendError};
use zeni_note::{
    Chain, Nonce, Right,
    messages::issuer::{GetNonce, Issued, Redeem, RedeemRefusal},
    request::Possession,
};

use crate::{
    Explain, Holder, Redeemed, Trouble, Via,
    error::errors,
    record::{Holding, HoldingPhase, Line, OwnRight, Request, RequestState},
    table::Change,
};

errors! {
    /// Why a request is not redeemed yet.
    pub(crate) enum RedeemError {
        NoLicence = AfterRepair, "no_licence", "the licence of the request's key is missing: draw licences";
        BadNote = Later, "bad_note", "the issuer's note is false or not the one that was bought";
    } passes {
        Trouble(Trouble);
        Nonce(SendError<zeni_message::NoRefusal>);
        Issuer(SendError<RedeemRefusal>);
    }
}

impl From<CardError> for RedeemError {
    fn from(error: CardError) -> Self {
        RedeemError::Trouble(error.into())
    }
}

impl Holder {
    /// Carries on orders under seal that are due, then redeems every request that is due, each over a connection that shares nothing with the others (RN-F3, RN-O6).
    /// What is refused for now stays pending with a later due time.
    ///
    /// The delays protect only if this runs when they end: what fell due while nobody ran it goes out in one burst, which
    /// an issuer that watches addresses and times can take for one person's.
    pub async fn run_due(&mut self) -> Result<Redeemed, Trouble> {
        self.settle().await?;
        let now = self.now();
        let mut requests = self.active::<Request>().await?;
        // one slot per key: a request that was perhaps sent comes before others of its key
        requests.sort_by_key(|it| !matches!(it.state, RequestState::Sent(_)));
        let mut busy: BTreeSet<PublicKey> = BTreeSet::new();
        let mut report = self.run_due_sealed(now).await?;
        for request in requests {
            let open = request.is_open();
            let key = request.request.key;
            let sent = matches!(request.state, RequestState::Sent(_));
            if !open || (request.due > now && !sent) || busy.contains(&key) {
                continue;
            }
            if sent && request.due > now {
                busy.insert(key);
                continue;
            }
            let content = request.request.content_id();
            match self.redeem(request).await {
                Ok(()) => report.redeemed += 1,
                // one request that the card cannot take does not hold up the others
                Err(RedeemError::Trouble(trouble)) if !trouble.is_of_one_request() => return Err(trouble),
                Err(error) => {
                    // perhaps carried out: its slot is taken until the answer is known
                    if self.is_perhaps_sent(&content).await? {
                        busy.insert(key);
                    }
                    match error.retry() {
                        Retry::Later => report.pending.push(error.code()),
                        Retry::Never | Retry::AfterRepair => report.refused.push(error.code()),
                    }
                }
            }
        }
        Ok(report)
    }

    /// When the next request is due; none if nothing waits. An order that the bank calls refused is not waited for: what may come of
    /// it until [`SealedReport::asked_until`](crate::SealedReport::asked_until) is asked about by every round that runs.
    pub async fn next_due(&self) -> Result<Option<Time>, Trouble> {
        let requests = self.active::<Request>().await?;
        let open = |it: &&Request| it.is_open();
        let orders = self.open_orders().await?;
        Ok(requests.iter().filter(open).map(|it| it.due).chain(orders.iter().map(|it| it.due)).min())
    }

    pub(crate) async fn redeem(&mut self, request: Request) -> Result<(), RedeemError> {
        let key = request.request.key;
        let right = self.get::<OwnRight>(&key.0).await?.map(|it| it.right);
        let Some(Right::Licensed(licence)) = right else { return Err(RedeemError::NoLicence) };
        let issuer = self.peers.issuer.fresh();
        let nonce = match issuer.send(&GetNonce {}).await {
            Ok(nonce) => nonce,
            Err(error) => {
                self.put_off(request).await?;
                return Err(error.into());
            }
        };
        let (slot, first) = match request.state {
            RequestState::Sent(slot) => (slot, FirstSending::No),
            _ => (self.card.open_load(&key)?, FirstSending::Yes),
        };
        let request = Request { state: RequestState::Sent(slot), ..request };
        self.put(&request).await?;
        let content = Possession { content: request.request.content_id(), nonce };
        let possession = self.card.sign_statement(&key, &Statement::Possession(&content))?;
        let message = Redeem { request: request.request.clone(), licence: licence.clone(), slot, nonce, possession };
        let issued = match issuer.send(&message).await {
            Ok(issued) => issued,
            Err(error) => {
                self.not_redeemed(request, first, &error).await?;
                return Err(error.into());
            }
        };
        let chain = Chain { note: issued.note.clone(), holder: licence.into(), hops: Vec::new() };
        if !self.is_bought(&request, &issued, slot) {
            self.put_off(request).await?;
            return Err(RedeemError::BadNote);
        }
        let holding = self.new_note(chain, &issued);
        let line = Line::new(self.now(), "redemption", &holding.node.0, request.money, "").via(Via::Registered);
        let done = Request { state: RequestState::Redeemed, ..request };
        self.commit(vec![Change::put(&holding), Change::put(&done), Change::put(&line)]).await?;
        Ok(self.load(holding).await?)
    }

    /// RN-F3.6: the note is genuine, of the face value bought, for the right key; the ticket is for this slot.
    fn is_bought(&self, request: &Request, issued: &Issued, slot: Nonce) -> bool {
        let roots = &self.config.roots;
        let note = &issued.note.record;
        let bought = note.holder == request.request.key
            && note.face == request.money.amount
            && note.currency == request.money.currency
            && (note.series, note.epoch) == (request.series, request.epoch);
        bought && issued.ticket.record.nonce == slot && self.is_issued(issued, roots)
    }

    /// Whether note and ticket are the issuer's and belong together.
    pub(crate) fn is_issued(&self, issued: &Issued, roots: &zeni_note::keylist::Roots) -> bool {
        issued.ticket.record.note == issued.note.identity(roots.network)
            && issued.note.verify(roots.network, &roots.issuer).is_ok()
            && issued.ticket.verify(roots.network, &roots.issuer).is_ok()
    }

    /// A new note as a holding that is still to be loaded.
    pub(crate) fn new_note(&self, chain: Chain, issued: &Issued) -> Holding {
        Holding {
            node: issued.note.identity(self.config.roots.network),
            value: issued.note.record.face,
            fresh: false,
            chain,
            phase: HoldingPhase::LoadingNote(issued.ticket.clone()),
            arrived: self.now(),
        }
    }

    /// Puts a stored holding into the card's slot; a second time changes nothing.
    pub(crate) async fn load(&mut self, holding: Holding) -> Result<(), Trouble> {
        let (loaded, phase) = match &holding.phase {
            HoldingPhase::LoadingNote(ticket) => (self.card.load_note(&holding.chain, ticket), HoldingPhase::Ours),
            HoldingPhase::Loading { owed_back: true } => {
                (self.card.load_payment(&holding.chain), HoldingPhase::OwedBack)
            }
            HoldingPhase::Loading { owed_back: false } => (self.card.load_payment(&holding.chain), HoldingPhase::Ours),
            _ => return Ok(()),
        };
        match loaded {
            Ok(_) | Err(CardError::LoadedBefore) => self.put(&holding.with(phase)).await,
            Err(error) => Err(error.into()),
        }
    }

    /// A refusal speaks of the message it answers alone: one sent before whose reply was lost may have been carried out,
    /// with the note bound to the slot. Such a request keeps its slot, unless the issuer looked for its note and found none.
    async fn not_redeemed(
        &mut self,
        request: Request,
        first: FirstSending,
        error: &SendError<RedeemRefusal>,
    ) -> Result<(), Trouble> {
        let SendError::Refused(refusal) = error else { return self.put_off(request).await };
        let sent_before = first == FirstSending::No;
        match refusal.retry() {
            Retry::Later if sent_before => self.put_off(request).await,
            Retry::Later => self.put_off(Request { state: RequestState::Waiting, ..request }).await,
            Retry::Never | Retry::AfterRepair if sent_before && !proves_no_note(refusal) => self.put_off(request).await,
            Retry::Never | Retry::AfterRepair => {
                let state = RequestState::Stuck(refusal.code().into());
                self.put(&Request { state, ..request }).await
            }
        }
    }

    /// Whether the stored request with this content has a slot that its note may be bound to.
    async fn is_perhaps_sent(&self, content: &Digest) -> Result<bool, Trouble> {
        let request = self.get::<Request>(&content.0).await?;
        Ok(request.is_some_and(|it| matches!(it.state, RequestState::Sent(_))))
    }

    /// The next try: after 1, 2, 4 … seconds, then at the policy's pace.
    async fn put_off(&mut self, request: Request) -> Result<(), Trouble> {
        let due = self.next_try(request.tries);
        self.put(&Request { due, tries: request.tries.saturating_add(1), ..request }).await
    }

    /// The next try: after 1, 2, 4 … seconds, then at the policy's pace.
    pub(crate) fn next_try(&self, tries: u32) -> Time {
        let policy = &self.config.policy;
        let wait = if tries < policy.redeem_tries_max {
            1u64.checked_shl(tries).unwrap_or(u64::MAX).min(policy.redeem_retry_s)
        } else {
            policy.redeem_retry_s
        };
        self.now().plus(wait)
    }
}

/// Whether the message that was refused is the first of its request.
#[derive(Clone, Copy, PartialEq)]
enum FirstSending {
    Yes,
    No,
}

/// Whether the issuer says this only after it looked for the request's note and found none, and will say it of every
/// message of the request from now on.
fn proves_no_note(refusal: &RedeemRefusal) -> bool {
    use RedeemRefusal as R;
    match refusal {
        R::Expired { .. } | R::LicenceEnded | R::Revoked | R::Void => true,
        R::StaleNonce | R::UnknownKey | R::OtherKey | R::BadKey | R::BadRequest | R::BadLicence | R::NotPossessed => {
            false
        }
        // a message that is still on its way may be let through
        R::NotCounted | R::Ceiling | R::Stopped => false,
    }
}
