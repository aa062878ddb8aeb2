//! `renew`: holdings that have passed through as many hands as they may, for new notes at the issuer (RN-X34).

use zeni_card::CardError;
use zeni_message::{Refusal, Retry, peer::SendError};
use zeni_money::{Amount, Money};
use zeni_note::{
    Chain, Closing, ClosingPurpose, Right,
    keylist::Terms,
    messages::issuer::{Renew, RenewRefusal},
};

use crate::{
    Explain, Holder, Renewed, SyncError, Trouble,
    error::errors,
    holder::Live,
    receive::hops_left,
    record::{Holding, HoldingPhase, Line, OwnRight, Part, Renewal, RenewalPhase},
    table::Change,
};

errors! {
    /// Why a holding is not renewed yet; what was begun stays and `resume` carries it on.
    pub enum RenewError {
        NoKeyList = AfterRepair, "no_key_list", "no key list for the present time is at hand: connect to fetch it";
        NoLicence = AfterRepair, "no_licence", "the licence of the renewal's key is missing";
        BadNote = Later, "bad_note", "the issuer's note is false or not the one that was due: run resume";
    } passes {
        Trouble(Trouble);
        Licences(SyncError);
        Issuer(SendError<RenewRefusal>);
    }
}

impl From<CardError> for RenewError {
    fn from(error: CardError) -> Self {
        RenewError::Trouble(error.into())
    }
}

impl Holder {
    /// Renews every holding at its cap, over a fresh anonymous connection each. A rest first passes to a fresh key of
    /// the holder's own.
    ///
    /// Recovery after a cut: [`Holder::resume`].
    pub async fn renew(&mut self) -> Result<Vec<Renewed>, RenewError> {
        self.settle().await?;
        let (capped, mut renewed) = (self.capped().await?, Vec::new());
        if !capped.is_empty() {
            self.is_newest_card().await?;
        }
        for one in capped {
            let money = Money::new(one.status.remaining, one.holding.currency());
            let renewal = self.plan_renewal(&one.holding, one.status.value, money).await?;
            if let Some(done) = self.carry_renewal(renewal).await? {
                renewed.push(done);
            }
        }
        Ok(renewed)
    }

    /// Licensed holdings of valid notes that have no payment left.
    pub(crate) async fn capped(&mut self) -> Result<Vec<Live>, Trouble> {
        let (terms, now) = (self.key_lists().await?, self.now());
        let mut live = self.live().await?;
        live.retain(|it| {
            let note = &it.holding.chain.note.record;
            let known = terms.terms(note.series, note.epoch);
            let licensed = it.holding.chain.right().licence().is_some();
            let valid = known.is_some_and(|terms| now <= terms.valid_until);
            licensed && valid && hops_left(&terms, &it.holding.chain) == 0
        });
        Ok(live)
    }

    async fn plan_renewal(&mut self, holding: &Holding, value: Amount, money: Money) -> Result<Renewal, RenewError> {
        let whole = value == money.amount;
        let (renewal, licence) = if whole {
            self.plan_closing(holding.node, holding.node, money).await?
        } else {
            let licence = self.take_rights(1).await?.pop().ok_or(RenewError::NoLicence)?;
            let now = self.now();
            let list = self.current_list(now).await?.ok_or(RenewError::NoKeyList)?;
            let parts = vec![Part { node: holding.node, amount: money.amount }];
            let moves = Box::new(self.plan_move(&licence, &list, money, parts, now).await?);
            (Renewal { node: holding.node, money, phase: RenewalPhase::Moving(moves) }, licence)
        };
        let mut changes = vec![Change::put(&licence.spent()), Change::put(&renewal)];
        if whole {
            changes.push(Change::put(&holding.with(HoldingPhase::Committed)));
        }
        self.commit(changes).await?;
        Ok(renewal)
    }

    async fn plan_closing(
        &mut self,
        node: zeni_crypto::Digest,
        leaf: zeni_crypto::Digest,
        money: Money,
    ) -> Result<(Renewal, OwnRight), RenewError> {
        let licence = self.take_rights(1).await?.pop().ok_or(RenewError::NoLicence)?;
        let key = licence.key();
        let slot = self.card.open_load(&key)?;
        let phase = RenewalPhase::Closing { leaf, nonce: self.nonce(), key, slot };
        Ok((Renewal { node, money, phase }, licence))
    }

    /// Carries a stored renewal as far as it goes; none if the issuer refused it for good.
    pub(crate) async fn carry_renewal(&mut self, mut renewal: Renewal) -> Result<Option<Renewed>, RenewError> {
        if let RenewalPhase::Moving(moves) = &renewal.phase {
            let moves = moves.clone();
            let leaves = match self.carry_move(&moves).await {
                Err(error) if self.is_void(&moves, &error)? => {
                    let phase = RenewalPhase::Refused(error.code().into());
                    self.put(&Renewal { phase, ..renewal }).await?;
                    return Err(error.into());
                }
                moved => moved?,
            };
            let leaf = leaves.first().copied().ok_or(Trouble::Damaged { table: "renewal" })?;
            let (closing, licence) = self.plan_closing(renewal.node, leaf, renewal.money).await?;
            self.commit(vec![Change::put(&licence.spent()), Change::put(&closing)]).await?;
            renewal = closing;
        }
        let RenewalPhase::Closing { leaf, nonce, key, slot } = &renewal.phase else { return Ok(None) };
        let holding = self.get::<Holding>(&leaf.0).await?.ok_or(Trouble::Damaged { table: "holding" })?;
        let right = self.get::<OwnRight>(&key.0).await?.map(|it| it.right);
        let Some(Right::Licensed(licence)) = right else { return Err(RenewError::NoLicence) };
        let purpose = ClosingPurpose::Renewal { nonce: *nonce, licence: licence.clone() };
        let (amount, signature) = self.card.close(leaf, &purpose)?;
        let closing = Closing::Single { amount, purpose, signature };
        let old = holding.chain.note.record.clone();
        let message = Renew { chain: holding.chain.clone(), closing, slot: *slot };
        let issued = match self.peers.issuer.fresh().send(&message).await {
            Ok(issued) => issued,
            // the same again cannot help: the leaf is free for a deposit or a refund
            Err(SendError::Refused(refusal)) if refusal.retry() != Retry::Later => {
                let phase = RenewalPhase::Refused(refusal.code().into());
                let changes = vec![
                    Change::put(&Renewal { phase, ..renewal.clone() }),
                    Change::put(&holding.with(HoldingPhase::Closed { deposit: true })),
                ];
                self.commit(changes).await?;
                return Err(SendError::Refused(refusal).into());
            }
            Err(error) => return Err(error.into()),
        };
        let note = &issued.note.record;
        let due = note.is_made_out_to(key)
            && !note.way.is_sealed()
            && note.face == amount
            && (note.currency, note.series, note.epoch) == (old.currency, old.series, old.epoch);
        if !due || issued.ticket.record.nonce != *slot || !self.is_issued(&issued, &self.config.roots) {
            return Err(RenewError::BadNote);
        }
        let chain = Chain { note: issued.note.clone(), holder: licence.into(), hops: Vec::new() };
        let fresh = self.new_note(chain, &issued);
        let money = renewal.money;
        let line = Line::new(self.now(), "renewal", &renewal.node.0, money, "");
        let done = Renewal { phase: RenewalPhase::Done, ..renewal.clone() };
        self.commit(vec![
            Change::put(&done),
            Change::put(&holding.with(HoldingPhase::Gone)),
            Change::put(&fresh),
            Change::put(&line),
        ])
        .await?;
        self.load(fresh).await?;
        Ok(Some(Renewed { money }))
    }
}
