//! Images of EXPORT and IMPORT as `docs/card.md` describes them, read without the code of the card.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use minicbor::Decoder;
use zeni_crypto::{Digest, sha256};

/// What the digest of a backup is made of, and where a host would alter it.
struct Image<'a> {
    /// The encoding without keys and records.
    head: Vec<u8>,
    /// Where the network begins.
    network: usize,
    keys: Vec<(&'a [u8], u8)>,
    records: Vec<(&'a [u8], &'a [u8])>,
    /// Where the first record begins that stands in it.
    value: Option<usize>,
}

fn read(bytes: &[u8]) -> Result<Image<'_>, minicbor::decode::Error> {
    let mut d = Decoder::new(bytes);
    d.array()?;
    d.u16()?;
    d.u8()?;
    let network = d.position() + 2;
    d.bytes()?;
    d.u64()?;
    let head = [&bytes[..d.position()], &[0x80, 0x80]].concat();
    let (mut keys, mut records, mut value) = (Vec::new(), Vec::new(), None);
    for _ in 0..d.array()?.unwrap_or_default() {
        d.array()?;
        keys.push((d.bytes()?, d.u8()?));
    }
    for _ in 0..d.array()?.unwrap_or_default() {
        d.array()?;
        records.push((d.bytes()?, d.bytes()?));
        value = value.or_else(|| Some(d.position() - records[0].1.len()));
    }
    Ok(Image { head, network, keys, records, value })
}

fn image(bytes: &[u8]) -> Result<Image<'_>, String> {
    read(bytes).map_err(|fault| fault.to_string())
}

/// The digest under which these parts of one export are imported.
pub(super) fn digest(parts: &[Vec<u8>]) -> Result<Digest, String> {
    let images = parts.iter().map(|part| image(part)).collect::<Result<Vec<_>, _>>()?;
    let first = images.first().ok_or("a backup has a part")?;
    let mut h = sha256(&[b"zeni/card-backup", &first.head]);
    for (seed, origin) in images.iter().flat_map(|image| &image.keys) {
        h = sha256(&[b"k", &h.0, seed, &[*origin]]);
    }
    for (place, record) in images.iter().flat_map(|image| &image.records) {
        h = sha256(&[b"e", &h.0, &(place.len() as u64).to_be_bytes(), place, record]);
    }
    Ok(h)
}

/// The same from another network.
pub(super) fn of_another_network(mut bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let at = image(&bytes)?.network;
    bytes[at] ^= 1;
    Ok(bytes)
}

/// The same, its first record of another version.
pub(super) fn with_a_spoilt_record(mut bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    // the head of an array of two, the version
    let at = image(&bytes)?.value.ok_or("there is no record in it")? + 1;
    bytes[at] ^= 1;
    Ok(bytes)
}
