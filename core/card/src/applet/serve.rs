//! One function per instruction: what a command that was admitted does.

use alloc::vec::Vec;

use zeni_crypto::{Digest, PublicKey, Signature};
use zeni_message::{Signed, encode};
use zeni_money::Amount;
use zeni_note::{Challenge, ClosingPurpose, Hop, Nonce, Note, Right, closing::ToAccount};

use super::{
    Applet,
    command::{Command, Stated, Status},
};
use crate::{
    BackupKind, Card, CardError, HoldingStatus, Identity, Life, Memory, Pin, Statement,
    apdu::{AID, COMMAND_BYTES_MAX, EXTENDED, NOT_TOLD, VERSION, number_proof, refusal::Refusal, word::StatusWord},
    element::{
        load::{CutOff, Finish, Standing},
        record::Origin,
    },
};

/// Holdings that one reply tells.
const HOLDINGS_TOLD_MAX: usize = 16;
/// Bytes of records in one part of an export.
const EXPORT_BYTES_MAX: usize = 3_072;
/// What CONTACT tells before the first ticket.
const NO_TOKEN: [u8; 16] = [0; 16];

type Served = Result<(), Refusal>;

impl<M: Memory> Applet<M> {
    /// Carries a command out; its reply lies in the session.
    pub(super) fn serve(&mut self, command: Command<'_>) -> Served {
        match command {
            Command::Select(aid) => self.select(aid),
            Command::Verify(None) => self.tries_left(),
            Command::Verify(Some(pin)) => self.verify(&pin),
            Command::ChangePin { old, new } => self.change_pin(&old, &new),
            Command::Unblock { puk, new } => self.unblock(&puk, &new),
            Command::Personalise { identity, pin, puk } => self.personalise(&identity, &pin, &puk),
            Command::GenerateKey => self.generate_key(),
            Command::GetPublicKey(index) => self.get_public_key(index),
            Command::SignStatement { key, of } => self.sign_statement(&key, &of),
            Command::SignChallenge(challenge) => self.sign_challenge(&challenge),
            Command::OpenLoad(key) => self.open_load(&key),
            Command::OpenBlank => self.open_blank(),
            Command::AdoptKey { nonce, seed } => {
                let key = self.element.adopt_key(&nonce, &seed)?;
                self.reply(&key.0)
            }
            Command::LoadBegin { note, right, cut_off } => self.load_begin(&note, &right, cut_off),
            Command::LoadLink(hop) => self.load_link(&hop),
            Command::LoadNote(ticket) => self.load_end(Finish::Note(&ticket)),
            Command::LoadPayment => self.load_end(Finish::Payment),
            Command::LoadClosed => self.load_end(Finish::Closed),
            Command::SignEndorsement { node, amount, answer } => self.sign_endorsement(&node, amount, &answer),
            Command::Confirm(answer) => Ok(self.element.confirm(&answer)?),
            Command::Close { node, purpose } => self.close(&node, &purpose),
            Command::HandIn { to, leaves } => self.hand_in(&to, &leaves),
            Command::Status(status) => self.status(status),
            Command::OpenContact => self.open_contact(),
            Command::CloseContact(ticket) => Ok(self.element.close_contact(&ticket)?),
            Command::TakeRules(rules) => Ok(self.element.take_rules(&rules)?),
            Command::TakeFilter(filter) => Ok(self.element.take_filter(&filter)?),
            Command::TakeClearance(clearance) => Ok(self.element.take_clearance(&clearance)?),
            Command::Refund { node, to } => self.refund(&node, &to),
            Command::Export { kind, after } => self.export(kind, after),
            Command::ImportPart { backup, part, turn } => Ok(self.element.import_part(backup, &part, turn)?),
            Command::ImportEnd(backup) => Ok(self.element.import_end(backup)?),
        }
    }

    /// SELECT, which ended the session as it came.
    fn select(&mut self, aid: &[u8]) -> Served {
        if aid != AID {
            return Err(StatusWord::UnknownApplication.into());
        }
        self.session.selected = true;
        self.information()
    }

    /// Application information. How many PUKs were wrong would tell one card from another for years: only who showed the PIN, or
    /// needs the PUK now, is told.
    fn information(&mut self) -> Served {
        let (life, tries) = (self.element.life()?, self.element.tries()?);
        let puk = if self.session.verified || life == Life::Locked { tries.puk } else { NOT_TOLD };
        let assembled = u32::try_from(COMMAND_BYTES_MAX).expect("the buffer is small").to_be_bytes();
        self.reply(&[VERSION, life.code(), EXTENDED])?;
        self.reply(&assembled)?;
        self.reply(&[tries.pin, puk])
    }

    /// VERIFY without data.
    fn tries_left(&mut self) -> Served {
        if self.session.verified {
            return Ok(());
        }
        let tries = self.element.tries()?.pin;
        Err(if tries == 0 { CardError::Locked } else { CardError::Pin { tries } }.into())
    }

    fn verify(&mut self, pin: &Pin) -> Served {
        self.session.verified = false;
        self.element.verify_pin(pin)?;
        self.session.verified = true;
        Ok(())
    }

    /// CHANGE REFERENCE DATA.
    fn change_pin(&mut self, old: &Pin, new: &Pin) -> Served {
        self.session.verified = false;
        self.element.change_pin(old, new)?;
        self.session.verified = true;
        Ok(())
    }

    /// RESET RETRY COUNTER.
    fn unblock(&mut self, puk: &Pin, new: &Pin) -> Served {
        self.session.verified = false;
        Ok(self.element.unblock(puk, new)?)
    }

    fn personalise(&mut self, identity: &Identity, pin: &Pin, puk: &Pin) -> Served {
        let number = self.element.personalise(identity, pin, puk)?;
        self.reply(&number[..])
    }

    fn generate_key(&mut self) -> Served {
        let key = self.element.generate_key()?;
        self.reply(&key.0)
    }

    fn get_public_key(&mut self, index: u16) -> Served {
        let (key, origin) = self.element.key_at(index)?.ok_or(StatusWord::UnknownRecord)?;
        self.reply(&key.0)?;
        self.reply(&[match origin {
            Origin::Own => 0,
            Origin::Restored => 1,
        }])
    }

    fn sign_statement(&mut self, key: &PublicKey, of: &Stated) -> Served {
        let statement = match of {
            Stated::LicenceRequest(record) => Statement::LicenceRequest(record),
            Stated::Possession(record) => Statement::Possession(record),
            Stated::RequestClaim(record) => Statement::RequestClaim(record),
            Stated::WithdrawalOrder(record) => Statement::WithdrawalOrder(record),
        };
        let signature = self.element.sign_statement(key, &statement)?;
        self.reply(&signature.0)
    }

    fn sign_challenge(&mut self, challenge: &Challenge) -> Served {
        let signature = self.element.sign_challenge(challenge)?;
        self.reply(&signature.0)
    }

    fn open_load(&mut self, key: &PublicKey) -> Served {
        let nonce = self.element.open_load(key)?;
        self.reply(&nonce[..])
    }

    fn open_blank(&mut self) -> Served {
        let nonce = self.element.open_blank()?;
        self.reply(&nonce[..])
    }

    /// LOAD, first step.
    fn load_begin(&mut self, note: &Signed<Note>, right: &Right, cut_off: CutOff) -> Served {
        let standing = self.element.load_begin(note, right, cut_off)?;
        self.reply_standing(&standing)
    }

    /// LOAD, an endorsement more.
    fn load_link(&mut self, hop: &Hop) -> Served {
        let standing = self.element.load_link(hop)?;
        self.reply_standing(&standing)
    }

    /// LOAD, the end.
    fn load_end(&mut self, finish: Finish<'_>) -> Served {
        let status = self.element.load_end(finish)?;
        self.reply(&encode(&status))
    }

    fn sign_endorsement(&mut self, node: &Digest, amount: Amount, answer: &Digest) -> Served {
        let signature = self.element.endorse(node, amount, answer)?;
        self.reply(&signature.0)
    }

    fn close(&mut self, node: &Digest, purpose: &ClosingPurpose) -> Served {
        let (amount, signature) = self.element.close(node, purpose)?;
        self.reply_signed(amount, &signature)
    }

    fn hand_in(&mut self, to: &ToAccount, leaves: &[Digest]) -> Served {
        let signed = self.element.hand_in(to, leaves)?;
        self.reply(&encode(&signed))
    }

    /// GET STATUS.
    fn status(&mut self, status: Status) -> Served {
        match status {
            Status::Card => self.information(),
            Status::Refusal => {
                let refusal = self.session.refusal;
                let told = if self.session.verified { refusal } else { refusal.for_anyone() };
                self.reply(&told.to_bytes())
            }
            Status::Identity => {
                let identity = self.element.identity()?;
                self.reply(&encode(&identity))
            }
            Status::Holding(node) => {
                let holding = self.element.holding(&node)?.ok_or(StatusWord::UnknownReference)?;
                self.reply(&encode(&holding))
            }
            Status::Holdings(after) => {
                let holdings: Vec<HoldingStatus> = self.element.holdings_after(after.as_ref(), HOLDINGS_TOLD_MAX)?;
                self.reply(&encode(&holdings))
            }
            Status::Endorsed { node, answer } => {
                let (amount, signature) = self.element.endorsed(&node, &answer)?.ok_or(StatusWord::UnknownReference)?;
                self.reply_signed(amount, &signature)
            }
            Status::TimeFloor => {
                let floor = self.element.time_floor()?;
                self.reply(&floor.0.to_be_bytes())
            }
            Status::OpenPayment => {
                let open = self.element.open_payment()?.ok_or(StatusWord::UnknownReference)?;
                self.reply(&encode(&open))
            }
            Status::Operator => {
                let operator = self.element.operator()?;
                self.reply(&encode(&operator))
            }
            Status::Limits(currency) => {
                let limits = self.element.limits(currency)?;
                self.reply(&encode(&limits))
            }
            Status::Names(key) => {
                let named = self.element.names(&key)?;
                self.reply(&[u8::from(named)])
            }
            Status::Number(host) => self.prove_number(&host),
            Status::Load => {
                let standing = self.element.load_standing()?.ok_or(StatusWord::UnknownReference)?;
                self.reply(&standing.note.0)?;
                self.reply_standing(&standing)
            }
        }
    }

    /// That the card knows its number, by a nonce of the host and a fresh one.
    fn prove_number(&mut self, host: &Nonce) -> Served {
        let drawn = self.element.fresh_nonce();
        let number = match self.element.identity() {
            Ok((_, number)) => number,
            // it has none, which is nobody's
            Err(CardError::Life { .. }) => self.element.fresh_nonce(),
            Err(error) => return Err(error.into()),
        };
        self.reply(&drawn[..])?;
        self.reply(&number_proof(&number, host, &drawn).0)
    }

    /// CONTACT, first step.
    fn open_contact(&mut self) -> Served {
        let contact = self.element.open_contact()?;
        let token = contact.token.unwrap_or(NO_TOKEN.into());
        self.reply(&contact.card[..])?;
        self.reply(&token[..])?;
        self.reply(&contact.nonce[..])
    }

    /// EXPORT of a refund, signed beforehand.
    fn refund(&mut self, node: &Digest, to: &ToAccount) -> Served {
        let (amount, signature) = self.element.refund(node, to)?;
        self.reply_signed(amount, &signature)
    }

    /// EXPORT of keys and counters.
    fn export(&mut self, kind: BackupKind, after: &[u8]) -> Served {
        let part = self.element.export_part(kind, after, EXPORT_BYTES_MAX)?;
        self.reply(&part)
    }

    fn reply(&mut self, bytes: &[u8]) -> Served {
        // every reply is shorter than the buffer, as its parts are bounded above
        self.session.reply.push(bytes).map_err(|_| StatusWord::WrongLength.into())
    }

    fn reply_standing(&mut self, standing: &Standing) -> Served {
        self.reply(&[u8::try_from(standing.links).unwrap_or(u8::MAX)])?;
        self.reply(&standing.signature.0)
    }

    fn reply_signed(&mut self, amount: Amount, signature: &Signature) -> Served {
        self.reply(&amount.minor().to_be_bytes())?;
        self.reply(&signature.0)
    }
}
