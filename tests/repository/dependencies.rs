//! Licences and versions of everything that is linked in.

use std::collections::BTreeMap;

use super::METADATA;

const ALLOWED: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "MPL-2.0",
    "BlueOak-1.0.0",
    "Unicode-3.0",
    "CC0-1.0",
    "Unlicense",
    "0BSD",
    "OpenSSL",
    "MIT-0",
    "BSL-1.0",
];

/// Whether one alternative of an SPDX expression consists of allowed licences only.
fn allowed(expression: &str) -> bool {
    let flat = expression.replace(['(', ')'], " ").replace('/', " OR ");
    flat.split(" OR ").any(|choice| choice.split(" AND ").all(|licence| ALLOWED.contains(&licence.trim())))
}

#[test]
fn all_licences_are_permissive() {
    for package in METADATA["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str().unwrap_or("none");
        assert!(allowed(licence), "{name} is under {licence}");
    }
    assert!(!allowed("GPL-3.0-only"), "control");
    assert!(!allowed("MIT AND GPL-3.0-only"), "control");
}

/// Crates of which the tree holds two versions, each for a reason that lies outside this repository.
#[test]
fn versions_side_by_side_are_known() {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in METADATA["packages"].as_array().unwrap() {
        versions.entry(package["name"].as_str().unwrap()).or_default().push(package["version"].as_str().unwrap());
    }
    // `age` brings an older `curve25519-dalek` for X25519
    let ours = ["ed25519-dalek", "minicbor", "rustls", "hyper", "tokio", "axum", "aws-lc-rs", "aws-lc-sys"];
    for name in ours {
        let found = versions.get(name).map_or(0, Vec::len);
        assert!(found <= 1, "{name} is there {found} times: {:?}", versions[name]);
    }
}

/// One provider of TLS, none that links a system library.
#[test]
fn no_second_tls_library_is_built() {
    let resolve = METADATA["resolve"]["nodes"].as_array().unwrap();
    let uses = |name: &str| {
        resolve.iter().any(|node| node["deps"].as_array().unwrap().iter().any(|dep| dep["name"].as_str() == Some(name)))
    };
    assert!(!uses("openssl_sys"));
    assert!(!uses("native_tls"));
    assert!(uses("rustls"), "control: the search would find it");
}
