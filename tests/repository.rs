//! What holds for the repository as a whole: crate graph, message table, dependencies, rows of the catalogues, docs.

mod crates;
mod dependencies;
mod messages;
mod tidy;
mod trace;

use std::{fs, path::PathBuf, process::Command, sync::LazyLock};

use serde_json::Value;

/// Root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// `cargo metadata` of the workspace, with all its dependencies.
pub(crate) static METADATA: LazyLock<Value> = LazyLock::new(|| {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
});

/// All files of the repository with this ending, outside build directories.
pub(crate) fn files(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![root()];
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && name != "target" && !name.starts_with("mutants.out") {
                todo.push(path);
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Compares the part of a document between `<!-- name -->` and `<!-- /name -->` with what the code says; with
/// `ZENI_BLESS=1` writes it.
pub(crate) fn expect_block(file: &str, name: &str, body: &str) {
    let path = root().join(file);
    let text = fs::read_to_string(&path).unwrap();
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let start = text.find(&open).unwrap_or_else(|| panic!("{file} has no {open}")) + open.len();
    let end = start + text[start..].find(&close).unwrap_or_else(|| panic!("{file} has no {close}"));
    if std::env::var_os("ZENI_BLESS").is_some() {
        fs::write(&path, format!("{}{body}{}", &text[..start], &text[end..])).unwrap();
        return;
    }
    assert_eq!(
        &text[start..end],
        body,
        "{file}: the part '{name}' is not what the code says; ZENI_BLESS=1 rewrites it"
    );
}
