//! Documents on their way: files, pipes and QR codes.

use std::{
    ffi::OsString,
    fs,
    io::{IsTerminal, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anyhow::{Context, Result};
use qrcode::{EcLevel, QrCode, render::unicode};
use zeni_message::limits::PROOF_DOCUMENT_BYTES_MAX;

use crate::{cli::OutArgs, output::Failure};

/// Bytes of text in one QR code: a size that a telephone reads from a screen.
const FRAME_TEXT_MAX: usize = 800;
/// Bytes of text that a document can be at most: base 64, line ends, frame heads.
const TEXT_BYTES_MAX: u64 = 2 * PROOF_DOCUMENT_BYTES_MAX as u64;
/// Rights of a file that names a person.
const OWNER_ONLY: u32 = 0o600;
/// What a frame begins with: `ZENI-FRAME 1/3 `; no armour holds it.
const FRAME: &str = "ZENI-FRAME ";

/// A document that a command takes: a file, or standard input for `-`, read once.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    path: PathBuf,
    bytes: OnceLock<Vec<u8>>,
}

impl From<OsString> for Input {
    fn from(path: OsString) -> Input {
        Input { path: path.into(), bytes: OnceLock::new() }
    }
}

impl Input {
    /// The document.
    pub(crate) fn read(&self) -> Result<&[u8], Failure> {
        match self.bytes.get() {
            Some(bytes) => Ok(bytes),
            None => {
                let bytes = read(&self.path)?;
                Ok(self.bytes.get_or_init(|| bytes))
            }
        }
    }

    /// Whether it comes from standard input.
    pub(crate) fn is_piped(&self) -> bool {
        self.path == Path::new("-")
    }
}

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let limit = TEXT_BYTES_MAX + 1;
    if path == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes).context("cannot read standard input")?;
    } else {
        let file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()));
        let file = file.map_err(|error| Failure::Usage(format!("{error:#}")))?;
        file.take(limit).read_to_end(&mut bytes).with_context(|| format!("cannot read {}", path.display()))?;
    }
    if bytes.len() as u64 > TEXT_BYTES_MAX {
        return Err(Failure::refused("too_large", format!("the document is larger than {TEXT_BYTES_MAX} bytes")));
    }
    Ok(join_frames(&bytes))
}

/// Shows a document: to a file, as QR codes, or on standard output.
///
/// In JSON mode the document is part of the result and standard output is left alone.
pub(crate) fn show(text: &str, out: &OutArgs, json: bool) -> Result<(), Failure> {
    if let Some(path) = &out.out {
        write_new(path, text)?;
    }
    if out.qr {
        let mut screen = std::io::stderr().lock();
        for code in codes(text)? {
            writeln!(screen, "{code}").context("cannot write to the terminal")?;
        }
    } else if out.out.is_none() && !json {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(text.as_bytes()).context("cannot write to standard output")?;
        stdout.flush().context("cannot write to standard output")?;
    }
    Ok(())
}

/// Whether a document can be written where it is to go: asked before anything is signed.
pub(crate) fn check_writable(out: &OutArgs) -> Result<(), Failure> {
    match &out.out {
        Some(path) => check_path(path),
        None => Ok(()),
    }
}

/// As [`check_writable`], for one file.
pub(crate) fn check_path(path: &Path) -> Result<(), Failure> {
    if path.is_dir() || path.file_name().is_none() {
        return Err(Failure::Usage(format!("{} is a directory", path.display())));
    }
    let part = part_of(path);
    let tried = fs::File::create(&part).and_then(|_| fs::remove_file(&part));
    Ok(tried.with_context(|| format!("cannot write {}", path.display()))?)
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    path.with_file_name(name)
}

/// Writes whole or not at all: beside the file first, then in its place.
pub(crate) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    write_whole(path, text.as_bytes(), &mut fs::OpenOptions::new())
}

/// As [`write_new`], for what names a person: readable to the owner alone, also where the file was there and was not.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    // what is left of a write that was broken off may have other rights
    let _absent = fs::remove_file(part_of(path));
    write_whole(path, bytes, fs::OpenOptions::new().mode(OWNER_ONLY))
}

fn write_whole(path: &Path, bytes: &[u8], options: &mut fs::OpenOptions) -> Result<(), Failure> {
    let part = part_of(path);
    let mut write = || -> std::io::Result<()> {
        let mut file = options.write(true).create(true).truncate(true).open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    Ok(write().with_context(|| format!("cannot write {}", path.display()))?)
}

/// The document as QR codes, each as lines of block characters.
fn codes(text: &str) -> Result<Vec<String>> {
    frames(text)
        .iter()
        .map(|frame| {
            let code = QrCode::with_error_correction_level(frame.as_bytes(), EcLevel::L)
                .context("a frame does not fit into a QR code")?;
            let dark = std::io::stderr().is_terminal();
            let (one, zero) = if dark {
                (unicode::Dense1x2::Light, unicode::Dense1x2::Dark)
            } else {
                (unicode::Dense1x2::Dark, unicode::Dense1x2::Light)
            };
            Ok(code.render::<unicode::Dense1x2>().dark_color(one).light_color(zero).build())
        })
        .collect()
}

/// Cuts a document into frames that say which of how many they are.
fn frames(text: &str) -> Vec<String> {
    let pieces: Vec<&[u8]> = text.as_bytes().chunks(FRAME_TEXT_MAX).collect();
    let count = pieces.len();
    pieces
        .iter()
        .enumerate()
        .map(|(index, piece)| format!("{FRAME}{}/{count} {}", index + 1, String::from_utf8_lossy(piece)))
        .collect()
}

/// Puts frames together that were scanned into one file in any order; anything else stays as it is.
fn join_frames(bytes: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(bytes) else { return bytes.to_vec() };
    let mut found: Vec<(usize, usize, &str)> = Vec::new();
    for piece in text.split(FRAME).skip(1) {
        let Some((head, body)) = piece.split_once(' ') else { return bytes.to_vec() };
        let Some((index, count)) = head.split_once('/') else { return bytes.to_vec() };
        let (Ok(index), Ok(count)) = (index.parse(), count.parse()) else { return bytes.to_vec() };
        found.push((index, count, body));
    }
    found.sort_unstable_by_key(|frame| frame.0);
    found.dedup_by_key(|frame| frame.0);
    let complete = found.first().is_some_and(|first| first.1 == found.len())
        && found.iter().enumerate().all(|(at, frame)| frame.0 == at + 1);
    if !text.starts_with(FRAME) || !complete {
        return bytes.to_vec();
    }
    // a scanner may end each code with a line end of its own: all frames but the last are full
    let whole: Vec<&str> = found.iter().map(|frame| frame.2.get(..FRAME_TEXT_MAX).unwrap_or(frame.2)).collect();
    whole.concat().into_bytes()
}

#[cfg(test)]
mod tests;
