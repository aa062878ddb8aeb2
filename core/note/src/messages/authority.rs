//! Messages to the registration authority.

use alloc::{string::String, vec::Vec};

use zeni_crypto::{Digest, PublicKey, Signature};
use zeni_message::{
    Auth, Authority, Message, NoRefusal, Role, Signed,
    limits::{MESSAGE_BYTES_MAX, SMALL_MESSAGE_BYTES_MAX},
    refusals,
};

use crate::{
    KeyList, Licence, LicenceRequest, NameCertificate, OverspendingProof, RevocationList, keylist::KeyListRecord,
    licence::Keeper,
};

/// RN-F1.2: asks for licences on fresh keys, for one person. A stock is many keys in one message (RN-O28).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct GetLicences {
    /// The authority's secret for the person (stands in for its identity check); never a name.
    #[n(0)]
    pub secret: String,
    /// One request per key, each signed by the key; at most [`BATCH_ITEMS_MAX`](zeni_message::limits::BATCH_ITEMS_MAX).
    #[n(1)]
    pub requests: Vec<Signed<LicenceRequest>>,
    /// Where the keys live.
    #[n(2)]
    pub keeper: Keeper,
    /// Whether the first key also gets a certificate of the person's public name (shops).
    #[n(3)]
    pub certify_name: bool,
}

/// RN-F1.4.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Licences {
    /// The person's name as the authority's file has it.
    #[n(0)]
    pub name: String,
    /// In the order of the requests.
    #[n(1)]
    pub licences: Vec<Signed<Licence>>,
    /// The name certificate of the first key, if asked for.
    #[n(2)]
    pub certificate: Option<Signed<NameCertificate>>,
}

refusals! {
    /// Why licences are refused (RN-F1.3).
    pub enum GetLicencesRefusal {
        1 UnknownPerson = Sender, AfterRepair, "unknown_person", "no registered person has this identity secret: check it with the authority";
        2 Suspended = Sender, Never, "suspended", "this person's licences were revoked: see the authority";
        3 BatchSize { 0 found: u32, 1 max: u32 } = Sender, AfterRepair, "batch_size", "{found} requests in one message, 1 to {max} are allowed";
        4 OtherPerson { 0 item: u32 } = Sender, Never, "other_person", "request {item} was signed for another person";
        5 KeyListDiffers { 0 epoch: u32 } = Nobody, Never, "key_list_differs", "your key list of epoch {epoch} is not the authority's: do not withdraw, export both lists";
        6 BadKey { 0 item: u32 } = Sender, Never, "bad_key", "key {item} is not a canonical key of prime order";
        7 NotPossessed { 0 item: u32 } = Sender, Never, "not_possessed", "request {item} is not signed by the key it names";
        8 OtherOwner { 0 item: u32 } = Sender, Never, "other_owner", "key {item} is registered to another person";
        9 TooMany { 0 max: u32 } = Sender, Later, "too_many", "a person has at most {max} licences that have not ended: use those you have";
    }
}

impl Message for GetLicences {
    type To = Authority;
    type Reply = Licences;
    type Refusal = GetLicencesRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop];
    const AUTH: Auth = Auth::Anonymous;
    const PATH: &'static str = "/v1/licences";
    const MAX: usize = MESSAGE_BYTES_MAX;
}

/// Asks for the current revocation list (RN-D22).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct GetRevocations {}

impl Message for GetRevocations {
    type To = Authority;
    type Reply = Signed<RevocationList>;
    type Refusal = NoRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop, Role::Bank, Role::Issuer];
    const AUTH: Auth = Auth::Anonymous;
    const PATH: &'static str = "/v1/revocations";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}

/// Asks the authority for the key lists it has signed, the second source beside the issuer (RN-X9).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct GetSignedKeyLists {
    /// From this epoch on.
    #[n(0)]
    pub from_epoch: u32,
}

impl Message for GetSignedKeyLists {
    type To = Authority;
    type Reply = Vec<KeyList>;
    type Refusal = NoRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop, Role::Bank];
    const AUTH: Auth = Auth::Anonymous;
    const PATH: &'static str = "/v1/key-lists";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}

/// The issuer asks the authority to sign the key list of an epoch; one list per epoch, for ever.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct CosignKeyList {
    /// The list.
    #[n(0)]
    pub record: KeyListRecord,
    /// The issuer's signature on it.
    #[n(1)]
    pub issuer: Signature,
}

refusals! {
    /// Why the authority does not sign a key list.
    pub enum CosignKeyListRefusal {
        1 NotIssuer = Sender, Never, "not_issuer", "the list is not signed by the issuer";
        2 OtherList { 0 epoch: u32 } = Sender, Never, "other_list", "another list of epoch {epoch} was signed before";
        3 Content { 0 entry: u32 } = Sender, AfterRepair, "content", "entry {entry} or the terms of the list contradict the rest";
        4 Chain { 0 expected_epoch: u32 } = Sender, AfterRepair, "chain", "the list does not continue the one before it: epoch {expected_epoch} is next";
    }
}

impl Message for CosignKeyList {
    type To = Authority;
    type Reply = Signature;
    type Refusal = CosignKeyListRefusal;
    const FROM: &'static [Role] = &[Role::Issuer];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/cosign-key-list";
    const MAX: usize = MESSAGE_BYTES_MAX;
}

/// RN-F8.2: proof of overspending against the name behind a key.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Disclose {
    /// The proof, by itself enough.
    #[n(0)]
    pub proof: OverspendingProof,
}

/// RN-F8.4.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Disclosed {
    /// Number in the authority's log of disclosures.
    #[n(0)]
    pub number: u64,
    /// The registered name.
    #[n(1)]
    pub name: String,
    /// Pseudonymous handle of the person for caps per person: a keyed digest, the same for all his keys.
    #[n(2)]
    pub person: Digest,
    /// Number of the person's licences that are now revoked (RN-O16).
    #[n(3)]
    pub revoked: u32,
}

refusals! {
    /// Why a name is not released (RN-X38, X39).
    pub enum DiscloseRefusal {
        1 NoProof = Sender, Never, "no_proof", "the evidence does not prove overspending";
        2 UnknownKey = Receiver, Never, "unknown_key", "the licence is genuine but the key is not registered: authority key or database compromised";
        3 AskedEnough { 0 max: u32 } = Sender, Never, "asked_enough", "in this case {max} payees were compared with the overspender, no more are";
    }
}

impl Message for Disclose {
    type To = Authority;
    type Reply = Disclosed;
    type Refusal = DiscloseRefusal;
    const FROM: &'static [Role] = &[Role::Issuer];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/disclose";
    const MAX: usize = MESSAGE_BYTES_MAX;
}

/// Asks whether the payee of an excess and the overspender are one person: yes or no, no name (DESIGN §5).
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct SamePerson {
    /// Proof against the overspender; without it nothing is answered.
    #[n(0)]
    pub proof: OverspendingProof,
    /// The key that claims the excess.
    #[n(1)]
    pub payee: PublicKey,
}

/// Answer to [`SamePerson`].
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct SamePersonAnswer {
    /// Whether both keys belong to one person. Nothing else: whatever stood for the payee's person would let the asker
    /// group keys by person (RN-P7).
    #[n(0)]
    pub same: bool,
}

impl Message for SamePerson {
    type To = Authority;
    type Reply = SamePersonAnswer;
    type Refusal = DiscloseRefusal;
    const FROM: &'static [Role] = &[Role::Issuer];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/same-person";
    const MAX: usize = MESSAGE_BYTES_MAX;
}

/// A key under seal overspent: the authority lists it as revoked, so that payees refuse it who are offline (DESIGN §5 "Trace"). No
/// name and no person is involved: who it was only the note's bank knows.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct RevokeSealed {
    /// The proof, by itself enough.
    #[n(0)]
    pub proof: OverspendingProof,
}

refusals! {
    /// Why a key under seal is not listed as revoked.
    pub enum RevokeSealedRefusal {
        1 Licensed = Sender, Never, "licensed", "the proof is about a licensed key, which its disclosure revokes";
        2 NoProof = Sender, Never, "no_proof", "the evidence does not prove overspending";
    }
}

impl Message for RevokeSealed {
    type To = Authority;
    /// Number in the authority's log of disclosures.
    type Reply = u64;
    type Refusal = RevokeSealedRefusal;
    const FROM: &'static [Role] = &[Role::Issuer];
    const AUTH: Auth = Auth::Certificate;
    const PATH: &'static str = "/v1/revoke-sealed";
    const MAX: usize = MESSAGE_BYTES_MAX;
}

/// RN-X31: the person's card is lost or broken: all his licences are revoked; rests come back by refund only.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct ReportLost {
    /// The authority's secret for the person.
    #[n(0)]
    pub secret: String,
}

refusals! {
    /// Why a loss is not registered.
    pub enum ReportLostRefusal {
        1 UnknownPerson = Sender, AfterRepair, "unknown_person", "no registered person has this identity secret: check it with the authority";
    }
}

impl Message for ReportLost {
    type To = Authority;
    type Reply = u32;
    type Refusal = ReportLostRefusal;
    const FROM: &'static [Role] = &[Role::Wallet, Role::Shop];
    const AUTH: Auth = Auth::Anonymous;
    const PATH: &'static str = "/v1/report-lost";
    const MAX: usize = SMALL_MESSAGE_BYTES_MAX;
}
