//! The crate graph points one way (DESIGN §1.1).

use std::collections::BTreeMap;

use super::{METADATA, expect_block, root};

/// Directory (`core/note`) of each workspace crate and the directories it depends on, tests aside.
fn graph() -> BTreeMap<String, Vec<String>> {
    let root = root().to_string_lossy().into_owned();
    let relative = |path: &str| path.trim_start_matches(&root).trim_start_matches('/').to_owned();
    let members: Vec<&str> =
        METADATA["workspace_members"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let packages = METADATA["packages"].as_array().unwrap();
    packages
        .iter()
        .filter(|package| members.contains(&package["id"].as_str().unwrap()))
        .map(|package| {
            let dir = relative(package["manifest_path"].as_str().unwrap().trim_end_matches("/Cargo.toml"));
            let mut uses: Vec<String> = package["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|dependency| dependency["kind"].is_null())
                .filter_map(|dependency| dependency["path"].as_str().map(relative))
                .collect();
            uses.sort();
            (dir, uses)
        })
        .collect()
}

#[test]
fn roles_never_depend_on_each_other() {
    for (name, uses) in graph() {
        if name.starts_with("core/") {
            assert!(uses.iter().all(|used| used.starts_with("core/")), "{name} uses {uses:?}");
        }
        if name.starts_with("roles/") {
            assert!(uses.iter().all(|used| used.starts_with("core/")), "{name} uses {uses:?}");
        }
    }
}

#[test]
fn what_a_card_runs_uses_only_what_a_card_runs() {
    let card = ["core/money", "core/crypto", "core/message", "core/note", "core/card"];
    for (name, uses) in graph() {
        if card.contains(&name.as_str()) {
            assert!(uses.iter().all(|used| card.contains(&used.as_str())), "{name} uses {uses:?}");
        }
    }
}

#[test]
fn sockets_and_databases_stay_in_the_shell() {
    let shell = ["core/card-host", "core/store", "core/wire", "zeni", "bench"];
    let banned = ["rusqlite", "postgres", "hyper", "axum", "tokio", "rustls", "tokio-rustls", "pcsc", "vpicc"];
    let members = graph();
    for package in METADATA["packages"].as_array().unwrap() {
        let path = package["manifest_path"].as_str().unwrap();
        let Some(name) = members.keys().find(|dir| path.ends_with(&format!("/{dir}/Cargo.toml"))) else { continue };
        if shell.contains(&name.as_str()) {
            continue;
        }
        for dependency in package["dependencies"].as_array().unwrap() {
            let used = dependency["name"].as_str().unwrap();
            assert!(!dependency["kind"].is_null() || !banned.contains(&used), "{name} depends on {used}");
        }
    }
}

#[test]
fn architecture_shows_the_graph() {
    let mut text = String::from("```text\n");
    for (name, uses) in graph() {
        let uses = if uses.is_empty() { "nothing of ours".to_owned() } else { uses.join(" ") };
        text.push_str(&format!("{name:<16} → {uses}\n"));
    }
    text.push_str("```\n");
    expect_block("ARCHITECTURE.md", "crate graph", &text);
}
