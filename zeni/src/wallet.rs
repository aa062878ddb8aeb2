//! `zeni wallet` and `zeni shop`.

mod backup;
mod cards;
mod choice;
mod pay;
mod told;

use std::{collections::BTreeSet, ops::DerefMut, sync::Arc};

use anyhow::Context;
use serde_json::json;
use zeni_holder::{
    CardRefused, ContactOutcome, Document, Enrolment, Explain, Holder, Kind, Privacy, Progress, Resumed, SealedKeys,
    Trouble, Via,
};
use zeni_identity::{AccountKeyName, Csr, PartyName};
use zeni_message::{Retry, Role, route::Clock};
use zeni_money::Money;
use zeni_shop::Shop;
use zeni_wallet::Wallet;

use self::told::{credited, told, why};
use crate::{
    card,
    cli::{
        HomeArgs, JoinArgs, OpenShopCommand, OpenWalletCommand, PrivacyArg, ShopArgs, ShopCommand, ViaArg, WalletArgs,
        WalletCardCommand, WalletCommand,
    },
    home::{Home, NewHome},
    network::key_hex,
    output::{Failure, Output, foreign},
};

/// Pause between two tries to redeem at once, and tries: half a minute in all.
const REDEEM_PAUSE: std::time::Duration = std::time::Duration::from_millis(300);
const REDEEM_TRIES: u32 = 100;
/// Rounds that find no issuer before it is left for later.
const SILENT_MAX: u32 = 3;

/// A typed reason of the holder as the end of a command.
pub(crate) fn explain<E: Explain>(error: E) -> Failure {
    match error.retry() {
        Retry::Later => Failure::try_again(error.code(), error),
        Retry::Never | Retry::AfterRepair => Failure::refused(error.code(), error),
    }
}

/// An amount as people write it.
pub(crate) fn money(text: &str) -> Result<Money, Failure> {
    text.parse().map_err(|error: zeni_money::MoneyError| Failure::Usage(error.to_string()))
}

/// How to withdraw.
struct How {
    via: Option<Via>,
    issuer_made_keys: bool,
    now: bool,
}

/// A result for scripts and for people.
type Told = (serde_json::Value, String);

/// An open wallet or shop.
struct Session<H> {
    home: Home,
    holder: H,
    output: Output,
    /// What was told already of things that are not finished.
    told: BTreeSet<String>,
}

/// `zeni wallet …`.
pub(crate) async fn run_wallet(args: WalletArgs, output: Output, clock: Arc<dyn Clock>) -> Result<(), Failure> {
    let home = args.home;
    let makes = matches!(
        args.command,
        WalletCommand::Join { .. }
            | WalletCommand::Restore { .. }
            | WalletCommand::Card { command: WalletCardCommand::Add(_) }
    );
    if args.on.is_some() && makes {
        return Err(Failure::Usage("--on names a card of a wallet that is there".into()));
    }
    match args.command {
        WalletCommand::Join { join, privacy } => {
            let privacy = match privacy {
                PrivacyArg::Untraceable => Privacy::Untraceable,
                PrivacyArg::Unlinkable => Privacy::Unlinkable,
            };
            self::join(&home, join, privacy, Kind::Wallet, output, clock).await
        }
        WalletCommand::Restore { file } => backup::restore(&home, &file, output, clock).await,
        WalletCommand::Card { command: WalletCardCommand::Care(command) } => {
            card::care(cards::named(&home, args.on.as_deref(), clock).await?, command, output).await
        }
        WalletCommand::Card { command: WalletCardCommand::Add(add) } => cards::add(&home, add, output, clock).await,
        WalletCommand::Open(command) => cards::run(&home, args.on.as_deref(), command, output, clock).await,
    }
}

/// `zeni shop …`.
pub(crate) async fn run_shop(args: ShopArgs, output: Output, clock: Arc<dyn Clock>) -> Result<(), Failure> {
    let home = args.home;
    match args.command {
        ShopCommand::Join { join } => self::join(&home, join, Privacy::Untraceable, Kind::Shop, output, clock).await,
        ShopCommand::Card { command } => card::care(Home::open(&home, clock).await?, command, output).await,
        ShopCommand::Open(command) => {
            Session::of(Home::open(&home, clock).await?, Kind::Shop, Shop::new, output).await?.shop(command).await
        }
    }
}

async fn join(
    args: &HomeArgs,
    join: JoinArgs,
    privacy: Privacy,
    kind: Kind,
    output: Output,
    clock: Arc<dyn Clock>,
) -> Result<(), Failure> {
    let (bank, identity) = (&join.bank, join.identity.as_deref());
    let new = NewHome { network: &join.network, bank, identity, further: None, passphrase: None };
    let mut home = Home::create(args, new, clock).await?;
    let (value, text) = match home.profile().await? {
        // cut before it could tell the PUK, which nobody else knows
        Some(profile) if home.puk_to_tell().is_some() && (&profile.bank, &profile.account) == (bank, &join.account) => {
            had_joined(&home, &profile.name)?
        }
        _ => enrol(&mut home, join, privacy, kind).await?,
    };
    output.result(&value, &text)?;
    home.puk_was_told()
}

/// Tells again what joining told.
fn had_joined(home: &Home, name: &str) -> Result<Told, Failure> {
    let (mut value, mut text) = (json!({"ok": true, "name": name}), "had joined already".to_owned());
    tell_puk(home, &mut value, &mut text)?;
    Ok((value, text))
}

/// Joins with a home; the result tells the PUK of a card that was just made.
async fn enrol(home: &mut Home, join: JoinArgs, privacy: Privacy, kind: Kind) -> Result<Told, Failure> {
    let role = if kind == Kind::Shop { Role::Shop } else { Role::Wallet };
    let name = PartyName::new(&home.network.name, role, &format!("{}/{}", join.bank, join.account))
        .map_err(|error| Failure::Usage(format!("account '{}': {error}", join.account)))?;
    let (key, network) = (home.tls_key()?, home.network.name.clone());
    let csr = Arc::new(move |account_key: &zeni_crypto::PublicKey| {
        let account_key = AccountKeyName::new(&network, zeni_note::sealed::account_key_digest(account_key).0);
        Csr::make(&key, &name, &account_key.expect("a network that has a party's name has its keys' names"))
    });
    // a join that was refused left its secret behind: later licences are drawn with the one that serves
    if home.identity() != join.identity.as_deref() && home.profile().await?.is_none() {
        home.replace_identity(join.identity.as_deref())?;
    }
    let holder = home.holder(&join.bank, None).await?;
    let JoinArgs { bank, account, code, identity, .. } = join;
    let enrolment = Enrolment { bank, account, code, csr, identity };
    let (joined, contact) = match kind {
        Kind::Wallet => {
            let mut wallet = Wallet::new(holder);
            let joined = wallet.join(enrolment, privacy).await.map_err(explain)?;
            (joined, first_contact(home, &mut wallet).await)
        }
        Kind::Shop => {
            let mut shop = Shop::new(holder);
            let joined = shop.join(enrolment).await.map_err(explain)?;
            (joined, first_contact(home, &mut shop).await)
        }
    };
    let mut text = match joined.licences {
        0 => format!("joined as {}, without a licence: what is received can only be deposited", joined.name),
        licences => format!("joined as {} with {licences} licences", joined.name),
    };
    let mut value = json!({"ok": true, "name": joined.name, "licences": joined.licences});
    // whatever came of the contact, the PUK is told
    match contact {
        Ok((ContactOutcome::Away, _)) => not_shown(&mut value, &mut text, "the bank could not be reached"),
        Ok((_, Some(refused))) => {
            let CardRefused { code, reason } = &refused;
            text.push_str(&format!("\nbut the bank does not take this card ({code}): {reason}"));
            value["card_refused"] = json!(refused);
        }
        Ok((_, None)) => {}
        Err(failure) => not_shown(&mut value, &mut text, failure.told().2),
    }
    tell_puk(home, &mut value, &mut text)?;
    Ok((value, text))
}

/// Shows the card to its bank with the certificate that joining brought: before, one whose keys stay pays nobody. Answers what
/// came of it, and why the bank does not take the card.
async fn first_contact(home: &Home, holder: &mut Holder) -> Result<(ContactOutcome, Option<CardRefused>), Failure> {
    let profile = holder.profile().await.map_err(explain)?;
    holder.set_peers(home.peers(&profile.bank, Some(&profile.certificates))?);
    let outcome = holder.contact().await.map_err(explain)?;
    Ok((outcome, holder.card_refused().await.map_err(explain)?))
}

/// The card is still to be shown to its bank, which the next command that goes there does.
fn not_shown(value: &mut serde_json::Value, text: &mut String, why: &str) {
    text.push_str(&format!(
        "\nbut the card was not shown to its bank yet ({why}): 'resume' does that; a card in a reader pays nobody before"
    ));
    value["card_not_shown"] = json!(why);
}

/// Adds the PUK of a card that was just made to a result.
fn tell_puk(home: &Home, value: &mut serde_json::Value, text: &mut String) -> Result<(), Failure> {
    if let (Some(card), Some(puk)) = (home.card_name()?, home.puk_to_tell()) {
        text.push_str(&format!(
            "\nwrite this down, it is shown once: card {card}, PUK {puk} (unblocks it when its PIN was wrong too often)"
        ));
        value["card"] = json!(card);
        value["puk"] = json!(puk);
    }
    Ok(())
}

impl<H: DerefMut<Target = Holder>> Session<H> {
    async fn of(
        home: Home,
        kind: Kind,
        party: impl FnOnce(Holder) -> H,
        output: Output,
    ) -> Result<Session<H>, Failure> {
        let profile = home.profile().await?.ok_or_else(|| explain(Trouble::NotJoined))?;
        if profile.kind != kind {
            let (is, command) = match profile.kind {
                Kind::Wallet => ("a person's wallet", "zeni wallet"),
                Kind::Shop => ("a shop", "zeni shop"),
            };
            return Err(Failure::Usage(format!("{} is {is}: use '{command}'", home.dir().display())));
        }
        let holder = home.holder(&profile.bank, Some(&profile.certificates)).await?;
        Ok(Session { home, holder: party(holder), output, told: BTreeSet::new() })
    }

    /// Before a command that uses the network: finishes what was interrupted. What cannot be finished now is told and
    /// does not stop the command.
    async fn catch_up(&mut self) -> Result<Vec<Resumed>, Failure> {
        let resumed = self.holder.resume().await.map_err(explain)?;
        for one in &resumed {
            let text = match one.progress {
                Progress::Done | Progress::Waiting => continue,
                Progress::Open => format!("zeni: {} is not finished yet: {}", one.what, why(one)),
                Progress::Refused => format!("zeni: {}: {}", one.what, why(one)),
            };
            // once, also by a command that stays and looks every second
            if self.told.insert(text.clone()) {
                self.output.say(&text);
            }
        }
        Ok(resumed)
    }

    async fn withdraw(&mut self, amount: &str, how: How) -> Result<(), Failure> {
        let How { via, issuer_made_keys, now } = how;
        let money = money(amount)?;
        if let Some(only) = self.home.currency()?.filter(|only| *only != money.currency) {
            return Err(Failure::refused(
                "card_currency",
                format!("this card is for {only} alone, not for {}", money.currency),
            ));
        }
        if issuer_made_keys && via == Some(Via::Registered) {
            return Err(Failure::Usage("--issuer-made-keys goes with --via sealed only".into()));
        }
        self.catch_up().await?;
        let mut done = if issuer_made_keys {
            self.output.say("zeni: the issuer makes these keys: it could sign in your place");
            self.holder.withdraw_sealed(money, SealedKeys::MadeByIssuer).await
        } else {
            self.holder.withdraw_via(money, via, now).await
        }
        .map_err(explain)?;
        if done.via == Via::Sealed {
            return self.ordered(done).await;
        }
        let mut waiting = None;
        if now {
            self.output.say("zeni: redeeming at once: whoever sees your bank and the issuer can match the times");
            let (redeemed, reason) = self.redeem_now(done.requests - done.redeemed).await?;
            // what an earlier withdrawal left is redeemed with it, and counts beyond its own requests
            done.redeemed = done.requests.min(done.redeemed + redeemed);
            waiting = reason;
        }
        let left = done.requests - done.redeemed;
        let text = match waiting.filter(|_| left > 0) {
            None if left == 0 => format!("withdrew {} in {} notes", done.money, done.redeemed),
            None => format!(
                "withdrew {}; {left} requests will be redeemed at random times by later commands, 'resume' or 'run'",
                done.money
            ),
            // not "try again", which would withdraw once more: the withdrawal is done and the money is in this wallet
            Some(reason) => format!(
                "withdrew {}, but {left} of {} requests are not redeemed yet ({reason}); they are stored here, nothing is \
                 lost: 'resume' redeems them, do not withdraw again",
                done.money, done.requests
            ),
        };
        let mut value = serde_json::to_value(&done).map_err(anyhow::Error::from)?;
        value["waiting"] = json!(waiting.filter(|_| left > 0));
        self.output.result(&value, &text)
    }

    /// Tells what became of orders under seal, after some patience with the issuer.
    async fn ordered(&mut self, mut done: zeni_holder::Withdrawn) -> Result<(), Failure> {
        let open = done.requests - done.redeemed - done.refused.len();
        if open > 0 {
            done.redeemed += self.redeem_now(open).await?.0;
        }
        let mut text = format!("withdrew {} under seal: {} of {} notes", done.money, done.redeemed, done.requests);
        for reason in &done.refused {
            text.push_str(&format!(
                "\nthe bank says that one was refused and its money is back on the account: {reason}"
            ));
        }
        if done.redeemed + done.refused.len() < done.requests {
            text.push_str("\nthe others follow with later commands, 'resume' or 'run'");
        }
        self.output.result(&done, &text)
    }

    async fn orders(&mut self, export: Option<&std::path::Path>) -> Result<(), Failure> {
        let orders = self.holder.sealed_orders().await.map_err(explain)?;
        let network = self.holder.roots().network;
        if let Some(dir) = export {
            std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
            // it names the key of one's orders: what one shows against an order that somebody else's key signed
            let (path, profile) = (dir.join("certificate.pem"), self.holder.profile().await.map_err(explain)?);
            crate::documents::write_private(&path, profile.certificates.as_bytes())?;
        }
        let (mut told, mut text) = (Vec::new(), Vec::new());
        for (place, order) in (1..).zip(orders) {
            let record = &order.order.record;
            told.push(json!({
                "number": place, "state": order.state, "reason": order.reason, "money": order.money.to_wire(),
                "time": record.time.0, "bank": record.bank, "account": record.account,
                "request": record.of.request.to_string(), "account_key": key_hex(&order.account_key),
                "receipt": order.receipt.is_some(), "asked_until": order.asked_until.map(|time| time.0),
            }));
            let mut line =
                format!("{place:>4}  {:<9} {:>16}  {}", order.state, order.money.to_string(), record.of.request);
            if let Some(reason) = &order.reason {
                line.push_str(&format!("\n      the bank says: refused, {}", foreign(reason)));
                if let Some(until) = order.asked_until {
                    line.push_str(&format!("; 'resume' asks again until {until}"));
                }
            }
            text.push(line);
            let Some(dir) = export else { continue };
            let write =
                |what: &str, bytes: &[u8]| crate::documents::write_private(&dir.join(format!("{place}-{what}")), bytes);
            write("order.txt", Document::WithdrawalOrder(order.order).to_text(network).as_bytes())?;
            write("request.bin", &order.request)?;
            if let Some(receipt) = order.receipt {
                write("receipt.txt", Document::IssuanceOrder(receipt).to_text(network).as_bytes())?;
            }
            if let Some(answer) = order.answer {
                write("answer.bin", &answer)?;
            }
        }
        let text = if text.is_empty() { "no orders under seal".to_owned() } else { text.join("\n") };
        self.output.result(&json!({"orders": told}), &text)
    }

    /// Redeems `open` requests as soon as the issuer takes them: it waits for the bank's count of signatures. Answers how
    /// many it took, and why the last one is not.
    async fn redeem_now(&mut self, open: usize) -> Result<(usize, Option<&'static str>), Failure> {
        let (mut redeemed, mut waiting, mut silent) = (0, Some("not_counted"), 0);
        let progress = self.output.progress("redeeming");
        for _ in 0..REDEEM_TRIES {
            if redeemed >= open || silent >= SILENT_MAX {
                break;
            }
            progress.set_message(format!("redeeming: {redeemed} of {open} notes"));
            tokio::time::sleep(REDEEM_PAUSE).await;
            let round = self.holder.run_due().await.map_err(explain)?;
            redeemed += round.redeemed;
            silent += u32::from(round.pending.contains(&"unreachable"));
            waiting = round.refused.last().or(round.pending.last()).copied().or(waiting);
        }
        progress.finish_and_clear();
        Ok((redeemed, waiting))
    }

    async fn deposit(&mut self, amount: &str, reveal: bool) -> Result<(), Failure> {
        let money = money(amount)?;
        self.catch_up().await?;
        let deposited = match reveal {
            true => self.holder.deposit_revealing(money).await,
            false => self.holder.deposit(money).await,
        };
        let report = deposited.map_err(explain)?;
        self.deposited(&report)
    }

    fn deposited(&self, report: &zeni_holder::DepositReport) -> Result<(), Failure> {
        let value = serde_json::to_value(report).map_err(anyhow::Error::from)?;
        credited(self.output, std::slice::from_ref(report), value, told(report))
    }

    async fn renew(&mut self) -> Result<(), Failure> {
        let mut renewed: Vec<_> = self.catch_up().await?.into_iter().flat_map(|one| one.renewed).collect();
        renewed.extend(self.holder.renew().await.map_err(explain)?);
        let text = format!("{} holdings renewed", renewed.len());
        self.output.result(&json!({"renewed": renewed}), &text)
    }

    async fn refund(&mut self) -> Result<(), Failure> {
        self.catch_up().await?;
        self.output.say("zeni: a claim shows the bank the key of what is claimed");
        let (claims, refunds) = (self.holder.claim().await, self.holder.refund().await);
        let (claims, refunds) = match (claims, refunds) {
            (Ok(claims), Ok(refunds)) => (claims, refunds),
            (Ok(claims), Err(refund)) if !claims.is_empty() => {
                self.output.say(&format!("zeni: no refund: {refund}"));
                (claims, Vec::new())
            }
            (Err(claim), Ok(refunds)) if !refunds.is_empty() => {
                self.output.say(&format!("zeni: no claim: {claim}"));
                (Vec::new(), refunds)
            }
            // of two reasons the one that time heals is told
            (Err(claim), Err(refund)) if claim.retry() == Retry::Later => {
                self.output.say(&format!("zeni: no refund: {refund}"));
                return Err(explain(claim));
            }
            (claim, Err(refund)) => {
                if let Err(claim) = claim {
                    self.output.say(&format!("zeni: no claim: {claim}"));
                }
                return Err(explain(refund));
            }
            (Err(claim), Ok(_)) => return Err(explain(claim)),
        };
        let mut text = format!("{} requests claimed back, {} refunds asked for", claims.len(), refunds.len());
        for refund in &refunds {
            text.push_str(&format!("\n{}", told(refund)));
        }
        let value = json!({"claims": claims, "refunds": refunds});
        match claims.is_empty() {
            true => credited(self.output, &refunds, value, text),
            false => self.output.result(&value, &text),
        }
    }

    /// Gives up a payment that the card has open and these records do not know.
    async fn confirm_by_force(&mut self) -> Result<(), Failure> {
        let Some(open) = self.holder.confirm_by_force().await.map_err(explain)? else {
            return Err(Failure::refused(
                "nothing_open",
                "the card has no payment open that this wallet does not know",
            ));
        };
        let part = |part: &zeni_card::PaymentPart| {
            let signature = zeni_crypto::hex(&part.signature.0);
            json!({"node": part.node.to_string(), "amount": part.amount.minor(), "signature": signature})
        };
        let parts: Vec<_> = open.parts.iter().map(part).collect();
        let mut text = format!("given up: the answer to {}", open.answer);
        for part in &parts {
            text.push_str(&format!("\n  {} of {}: signature {}", part["amount"], part["node"], part["signature"]));
        }
        self.output.result(&json!({"ok": true, "answer": open.answer.to_string(), "parts": parts}), &text)
    }

    async fn report_lost(&mut self) -> Result<(), Failure> {
        let revoked = self.holder.report_lost().await.map_err(explain)?;
        let text = format!("{revoked} licences ended; what is left comes back by refund after the notes' validity");
        self.output.result(&json!({"ok": true, "revoked": revoked}), &text)
    }
}

impl Session<Wallet> {
    async fn wallet(mut self, command: OpenWalletCommand) -> Result<(), Failure> {
        match command {
            OpenWalletCommand::Withdraw { amount, via, issuer_made_keys, now } => {
                let via = via.map(|via| match via {
                    ViaArg::Sealed => Via::Sealed,
                    ViaArg::Registered => Via::Registered,
                });
                self.withdraw(&amount, How { via, issuer_made_keys, now }).await
            }
            OpenWalletCommand::Orders { export } => self.orders(export.as_deref()).await,
            OpenWalletCommand::Balance => self.balance().await,
            OpenWalletCommand::History => self.history().await,
            OpenWalletCommand::Resume => self.resume().await,
            OpenWalletCommand::Run { until_idle } => {
                let mut served = [Ok(self)];
                cards::serve(&mut served, until_idle).await?;
                let [served] = served;
                served?.balance().await
            }
            OpenWalletCommand::Request(args) => self.request(&args).await,
            OpenWalletCommand::Pay { request, out, yes } => self.pay(&request, &out, yes).await,
            OpenWalletCommand::Receive { payment } => self.receive(&payment).await,
            OpenWalletCommand::GiveBack(out) => self.give_back(&out).await,
            OpenWalletCommand::Payments(out) => self.payments(&out).await,
            OpenWalletCommand::Deposit { amount, reveal } => self.deposit(&amount, reveal).await,
            OpenWalletCommand::Renew => self.renew().await,
            OpenWalletCommand::Refund => self.refund().await,
            OpenWalletCommand::ClaimRefunds { file, backup_passphrase_file } => {
                self.claim_refunds(&file, backup_passphrase_file.as_deref()).await
            }
            OpenWalletCommand::ConfirmByForce => self.confirm_by_force().await,
            OpenWalletCommand::ReportLost => self.report_lost().await,
            OpenWalletCommand::Backup { file, moving } => self.backup(&file, moving).await,
        }
    }
}

impl Session<Shop> {
    async fn shop(mut self, command: OpenShopCommand) -> Result<(), Failure> {
        match command {
            OpenShopCommand::Balance => self.balance().await,
            OpenShopCommand::History => self.history().await,
            OpenShopCommand::Resume => self.resume().await,
            OpenShopCommand::Request(args) => self.request(&args).await,
            OpenShopCommand::Receive { payment } => self.receive(&payment).await,
            OpenShopCommand::GiveBack(out) => self.give_back(&out).await,
            OpenShopCommand::Deposit => self.hand_in_takings().await,
        }
    }

    async fn hand_in_takings(&mut self) -> Result<(), Failure> {
        self.catch_up().await?;
        let reports = self.holder.deposit().await.map_err(explain)?;
        let text = reports.iter().map(told).collect::<Vec<_>>().join("\n");
        let text = if reports.is_empty() { "there is nothing to hand in".to_owned() } else { text };
        credited(self.output, &reports, json!({"deposits": reports}), text)
    }
}
