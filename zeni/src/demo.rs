//! `zeni demo`: the whole story, told by running this program's own commands against real servers on loopback.

mod stage;

use serde_json::{Value, json};

use crate::{
    cli::DemoArgs,
    output::{Failure, Output},
};
use stage::Stage;

/// A scene ends with its figures.
type Scene = Result<Value, Failure>;

/// Runs all scenes in order.
pub(crate) async fn run(args: DemoArgs, output: Output) -> Result<(), Failure> {
    let mut stage = Stage::open(args.keep, output).await?;
    let result = play(&mut stage).await;
    let closed = stage.close().await;
    let scenes = result?;
    closed?;
    let summary = json!({"ok": true, "scenes": scenes});
    output.result(
        &summary,
        "\nThe story is complete: every yen is accounted for, and two people were named by their own signatures.",
    )
}

async fn play(stage: &mut Stage) -> Scene {
    people(stage).await?;
    Ok(json!({
        "withdrawal": withdrawal(stage).await?,
        "offline_payment": offline_payment(stage).await?,
        "onward_payment": onward_payment(stage).await?,
        "deposit": deposit(stage).await?,
        "return": returned(stage).await?,
        "honest_replay_not_accused": honest_replay(stage).await?,
        "overspending_named": overspending(stage).await?,
        "under_seal": under_seal(stage).await?,
        "under_seal_named_by_bank": identified_by_bank(stage).await?,
        "audit_balanced": audit(stage).await?,
    }))
}

async fn people(stage: &mut Stage) -> Result<(), Failure> {
    stage.title("People join. The bank knows their names and the authority too; nobody else will.");
    stage.join("wallet", "hanako", "aoba", "A-1001", Some("unlinkable")).await?;
    stage.join("wallet", "taro", "kita", "K-1002", None).await?;
    stage.join("wallet", "jiro", "kita", "K-1001", None).await?;
    stage.join("shop", "cafe", "aoba", "A-2001", None).await?;
    Ok(())
}

async fn withdrawal(stage: &mut Stage) -> Scene {
    stage.title("Hanako withdraws 12,300 yen. Her bank signs blindly; the issuer sees notes without a name.");
    let withdrawn = stage.wallet("hanako", &["withdraw", "12300 JPY", "--now"]).await?;
    let balance = stage.wallet("hanako", &["balance"]).await?;
    let available = available(&balance);
    stage.expect(available == "JPY:12300", "Hanako holds 12,300 yen", &balance)?;
    Ok(json!({"withdrawn": withdrawn["money"], "notes": withdrawn["redeemed"], "available": available}))
}

async fn offline_payment(stage: &mut Stage) -> Scene {
    stage.title("The servers go away. Hanako pays Taro 300 yen, hand to hand.");
    stage.stop_servers().await?;
    stage.pay("hanako", "wallet", "taro", "300 JPY", "first").await?;
    let (payer, payee) = (stage.wallet("hanako", &["balance"]).await?, stage.wallet("taro", &["balance"]).await?);
    stage.expect(available(&payer) == "JPY:12000", "Hanako has 12,000 yen left", &payer)?;
    stage.expect(available(&payee) == "JPY:300", "Taro holds 300 yen", &payee)?;
    Ok(json!({"paid": "JPY:300", "payer_left": available(&payer), "payee_holds": available(&payee)}))
}

async fn onward_payment(stage: &mut Stage) -> Scene {
    stage.title("Still without servers: Taro passes 120 of them on to the café, in an exact amount, no change given.");
    stage.pay("taro", "shop", "cafe", "120 JPY", "onward").await?;
    let (payer, payee) = (stage.wallet("taro", &["balance"]).await?, stage.shop("cafe", &["balance"]).await?);
    stage.expect(available(&payer) == "JPY:180", "Taro has 180 yen left", &payer)?;
    stage.expect(available(&payee) == "JPY:120", "the café holds 120 yen", &payee)?;
    Ok(json!({"paid": "JPY:120", "payer_left": available(&payer), "payee_holds": available(&payee)}))
}

async fn deposit(stage: &mut Stage) -> Scene {
    stage.title("The servers are back. The café hands its takings in under one signature; Taro deposits 100 yen.");
    stage.start_servers().await?;
    stage.shop("cafe", &["deposit"]).await?;
    stage.wallet("taro", &["deposit", "100 JPY"]).await?;
    let shop = stage.settled("aoba", "A-2001", "JPY:120").await?;
    let taro = stage.settled("kita", "K-1002", "JPY:100100").await?;
    Ok(json!({"shop_account": shop["balance"], "taro_account": taro["balance"]}))
}

async fn returned(stage: &mut Stage) -> Scene {
    stage.title("The issuer strikes out what came back. It keeps outstanding notes only.");
    let circulation = stage.admin("issuer", &["circulation"]).await?;
    stage.expect(
        circulation.to_string().contains("\"outstanding\""),
        "the issuer tells what is outstanding",
        &circulation,
    )?;
    Ok(circulation)
}

async fn honest_replay(stage: &mut Stage) -> Scene {
    stage.title(
        "A payment arrives a second time, at the payee and at another person. Nothing happens and nobody is accused.",
    );
    let again = stage.refused("wallet", "taro", &["receive", "first.payment"]).await?;
    let other = stage.refused("wallet", "jiro", &["receive", "first.payment"]).await?;
    let cases = stage.admin("issuer", &["cases"]).await?;
    let count = cases["cases"].as_array().map_or(0, Vec::len);
    stage.expect(count == 0, "there is no case", &cases)?;
    Ok(json!({"second_time": again["code"], "other_payee": other["code"], "cases": count}))
}

async fn overspending(stage: &mut Stage) -> Scene {
    stage.title("Jiro copies his wallet and spends the same 1,000 yen twice: at the café and with Taro.");
    stage.wallet("jiro", &["withdraw", "1000 JPY", "--now"]).await?;
    stage.copy("jiro", "jiro-copy")?;
    stage.pay("jiro", "shop", "cafe", "1000 JPY", "once").await?;
    stage.pay("jiro-copy", "wallet", "taro", "1000 JPY", "twice").await?;
    stage.shop("cafe", &["deposit"]).await?;
    stage.wallet("taro", &["deposit", "1000 JPY"]).await?;
    let case = stage.case_closed().await?;
    let name = case["name"].as_str().unwrap_or_default().to_owned();
    stage.expect(name == "Jiro Tanaka", "his own two signatures opened the name Jiro Tanaka", &case)?;
    stage.admin("issuer", &["cases", "--export", "proof.cose"]).await?;
    let inspected = stage.run(&["inspect", "proof.cose", "--network", "net/network.toml"]).await?;
    Ok(json!({"name": name, "proof": inspected}))
}

async fn under_seal(stage: &mut Stage) -> Scene {
    stage.title(
        "The second way needs no registration: Suzuki joins without an identity and withdraws 1,500 yen through his bank under \
         seal. The bank knows who and cannot read which notes; the issuer knows which notes and not whose.",
    );
    stage.join_unregistered("suzuki", "aoba", "A-1002").await?;
    let withdrawn = stage.wallet("suzuki", &["withdraw", "1500 JPY", "--via", "sealed"]).await?;
    let balance = stage.wallet("suzuki", &["balance"]).await?;
    let sealed = &balance["balances"][0]["ways"]["sealed"];
    stage.expect(*sealed == "JPY:1500", "Suzuki holds 1,500 yen, all issued under seal", &balance)?;
    stage.title("He pays the café 300 of them, which takes both kinds, and deposits 200 again.");
    stage.pay("suzuki", "shop", "cafe", "300 JPY", "sealed").await?;
    stage.shop("cafe", &["deposit"]).await?;
    stage.wallet("suzuki", &["deposit", "200 JPY"]).await?;
    let account = stage.settled("aoba", "A-1002", "JPY:98700").await?;
    Ok(json!({"withdrawn": withdrawn["money"], "via": withdrawn["via"], "account": account["balance"]}))
}

async fn identified_by_bank(stage: &mut Stage) -> Scene {
    stage.title(
        "Suzuki copies his wallet as Jiro did. The issuer can prove that a key overspent, and has no name for it; only his own \
         bank finds his, and only with that proof.",
    );
    stage.copy("suzuki", "suzuki-copy")?;
    stage.pay("suzuki", "shop", "cafe", "1000 JPY", "sealed-once").await?;
    stage.pay("suzuki-copy", "wallet", "taro", "1000 JPY", "sealed-twice").await?;
    stage.shop("cafe", &["deposit"]).await?;
    stage.wallet("taro", &["deposit", "1000 JPY"]).await?;
    let case = stage.case_in("identified").await?;
    stage.expect(case["name"].is_null(), "the issuer learns that he was identified, and no name", &case)?;
    let args = ["--bank", "aoba", "cases", "--export", "identified.cose"];
    let file = stage.admin("bank", &args).await?;
    let name = file["cases"][0]["name"].as_str().unwrap_or_default().to_owned();
    stage.expect(name == "Taro Suzuki", "his bank's case file names Taro Suzuki", &file)?;
    let args = ["inspect", "identified.cose", "--network", "net/network.toml", "--fetch-key-lists"];
    let inspected = stage.run(&args).await?;
    Ok(json!({"issuer_name": case["name"], "bank_name": name, "identification": inspected}))
}

async fn audit(stage: &mut Stage) -> Scene {
    stage.title("The issuer recomputes every invariant from its databases and compares with the banks' signed totals.");
    let audit = stage.admin("issuer", &["audit"]).await?;
    stage.expect(audit["balanced"] == json!(true), "the books balance", &audit)?;
    Ok(audit)
}

fn available(balance: &Value) -> String {
    balance["balances"][0]["available"].as_str().unwrap_or("JPY:0").to_owned()
}
