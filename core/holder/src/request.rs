//! `request`: ask to be paid.

use zeni_crypto::PublicKey;
use zeni_message::{Signed, Time, limits::TEXT_BYTES_MAX};
use zeni_money::Money;
use zeni_note::{Challenge, KeyList, challenge::is_plain};

use crate::{
    Holder, Kind, Requested, Trouble,
    error::errors,
    record::{ChallengeState, OwnChallenge, OwnRight},
    table::Change,
};

errors! {
    /// Why no request for payment is made.
    pub enum RequestError {
        Zero = AfterRepair, "zero", "ask for at least the smallest unit";
        Memo { max: usize } = AfterRepair, "memo_too_long", "the memo is longer than {max} bytes: shorten it";
        NotPlain = AfterRepair, "memo_not_plain", "the memo holds control characters or such that turn the direction of writing: leave them out";
        NoKeyList = AfterRepair, "no_key_list", "no key list for the present time is at hand: connect once to fetch it";
        Currency { code: String } = AfterRepair, "unknown_currency", "no notes in {code} exist in this network";
        TooMany { max: usize } = Later, "too_many_open", "{max} requests are open already: wait until some have ended";
        NoLicence = AfterRepair, "no_licence", "no unused licence is left: connect once to draw more";
        LicenceEnded = AfterRepair, "licence_ended", "this wallet's licence ended: join again";
        LicenceRevoked = AfterRepair, "licence_revoked", "this wallet's licence is revoked: nobody would pay to it; see the authority";
    } passes {
        Trouble(Trouble);
    }
}

impl From<zeni_card::CardError> for RequestError {
    fn from(error: zeni_card::CardError) -> Self {
        RequestError::Trouble(error.into())
    }
}

impl Holder {
    /// A request for `money`, signed by the key that will hold it, stored open (RN-F4.4). No connection is needed.
    ///
    /// An unlinkable wallet uses a fresh key for each, an untraceable one and a shop their one key. Without a licence the holder
    /// asks as a terminal payee: the request says so, and what it brings can only be deposited.
    pub async fn request(&mut self, money: Money, memo: &str) -> Result<Requested, RequestError> {
        if money.amount.is_zero() {
            return Err(RequestError::Zero);
        }
        if memo.len() > TEXT_BYTES_MAX {
            return Err(RequestError::Memo { max: TEXT_BYTES_MAX });
        }
        if !is_plain(memo) {
            return Err(RequestError::NotPlain);
        }
        let profile = self.profile().await?;
        self.settle().await?;
        let now = self.now();
        let list = self.current_list(now).await?.ok_or(RequestError::NoKeyList)?;
        if !list.record.series.iter().any(|terms| terms.currency == money.currency) {
            return Err(RequestError::Currency { code: money.currency.code().into() });
        }
        let max = self.config.policy.open_challenges_max;
        let open = self.active::<OwnChallenge>().await?;
        if open.iter().filter(|it| now <= it.document.record.sign_until).count() >= max {
            return Err(RequestError::TooMany { max });
        }
        let fresh = Holder::fresh_receipts(&profile);
        let right = match fresh {
            true if profile.registered => self.stock().await?.into_iter().next(),
            true => Some(self.terminal_right()?),
            false => self.main_right(&profile).await?,
        };
        let right = right.ok_or(RequestError::NoLicence)?;
        if right.right.had_ended(now) {
            return Err(RequestError::LicenceEnded);
        }
        if self.revocations().await?.revokes(&right.key()) {
            return Err(RequestError::LicenceRevoked);
        }
        // a person gives no name: it would tie his receipts together, and nobody vouches for it
        let name = if profile.kind == Kind::Shop { profile.name.as_str() } else { "" };
        let document = self.sign_challenge(&right, &list, money, (memo, name), now)?;
        let answer = document.record.answer(self.config.roots.network);
        let sign_until = document.record.sign_until;
        let own = OwnChallenge { answer, document: document.clone(), fresh, state: ChallengeState::Open };
        self.commit(vec![Change::put(&right.spent()), Change::put(&own)]).await?;
        Ok(Requested { document, money, sign_until, terminal: !profile.registered })
    }

    /// A challenge of one's own made at `time`, with the card's slot open for what answers it.
    pub(crate) fn sign_challenge(
        &mut self,
        right: &OwnRight,
        list: &KeyList,
        money: Money,
        (memo, name): (&str, &str),
        time: Time,
    ) -> Result<Signed<Challenge>, Trouble> {
        let payee: PublicKey = right.key();
        let record = Challenge {
            time,
            payee,
            key_salt: self.nonce(),
            name: name.into(),
            name_salt: self.nonce(),
            nonce: self.nonce(),
            currency: money.currency,
            total: money.amount,
            sign_until: time.plus(self.config.policy.request_valid_s),
            memo: memo.into(),
            series: Vec::new(),
            epoch: list.record.epoch,
            key_list: list.record.identity(self.config.roots.network),
            right: right.right.clone(),
            certificate: right.certificate.clone().filter(|it| it.record.name == name && time <= it.record.until),
        };
        let signature = self.card.sign_challenge(&record)?;
        Ok(Signed { record, signature })
    }
}
