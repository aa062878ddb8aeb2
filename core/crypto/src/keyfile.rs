//! Secrets on disk: files of the age format, locked with a passphrase through scrypt.
//!
//! The work factor is fixed, never measured by the clock, and checked before any work is done. Any
//! age tool opens these files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::string::String;
use std::vec::Vec;

use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor, scrypt};
use thiserror::Error;
use zeroize::Zeroizing;

/// Work of one try at the passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WorkFactor {
    /// 2^16 (64 MiB): for keys that matter.
    #[default]
    Standard,
    /// 2^10: for tests and demonstrations, where many keys are opened in a row.
    InsecureFast,
}

impl WorkFactor {
    /// The power of two.
    #[must_use]
    pub const fn log2(self) -> u8 {
        match self {
            WorkFactor::Standard => 16,
            WorkFactor::InsecureFast => 10,
        }
    }
}

/// The largest work factor that is accepted, as a power of two: 2^22, some 4 GiB.
pub const WORK_FACTOR_LOG2_MAX: u8 = 22;

/// Largest key file, bytes.
pub const FILE_LEN_MAX: u64 = 4 * 1024 * 1024;

/// Why a key file was not written or read, in the order in which the checks are made.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// The system refused.
    #[error("cannot access the key file {path}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Larger than [`FILE_LEN_MAX`].
    #[error("the key file is larger than {FILE_LEN_MAX} bytes")]
    TooLarge,
    /// Not an age file locked with a passphrase.
    #[error("this is not a key file: it must be an age file locked with a passphrase")]
    NotAKeyFile,
    /// Above [`WORK_FACTOR_LOG2_MAX`].
    #[error("the key file asks for a work factor of 2^{log2}; at most 2^{WORK_FACTOR_LOG2_MAX} is accepted")]
    WorkFactorTooHigh {
        /// What the file asks for.
        log2: u8,
    },
    /// Another passphrase locks it.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// The passphrase is right, but the file was cut or altered.
    #[error("the key file is damaged: restore it from a copy")]
    Damaged,
}

/// Locks a secret with a passphrase.
#[must_use]
pub fn lock(secret: &[u8], passphrase: &str, work: WorkFactor) -> Vec<u8> {
    let mut recipient = scrypt::Recipient::new(SecretString::from(String::from(passphrase)));
    recipient.set_work_factor(work.log2());
    let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
        .expect("one passphrase is a complete list of recipients");
    let mut locked = Vec::with_capacity(secret.len() + LOCK_OVERHEAD_LEN);
    encryptor
        .wrap_output(&mut locked)
        .and_then(|mut writer| {
            writer.write_all(secret)?;
            writer.finish()
        })
        .expect("writing to a Vec cannot fail");
    locked
}

/// Opens what [`lock`] locked.
///
/// # Errors
/// The first [`KeyFileError`] that applies, without `Io` and `TooLarge`.
pub fn unlock(locked: &[u8], passphrase: &str) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let log2 = locked_work_factor(locked).ok_or(KeyFileError::NotAKeyFile)?;
    if log2 > WORK_FACTOR_LOG2_MAX {
        return Err(KeyFileError::WorkFactorTooHigh { log2 });
    }
    let mut identity = scrypt::Identity::new(SecretString::from(String::from(passphrase)));
    identity.set_max_work_factor(WORK_FACTOR_LOG2_MAX);
    let decryptor = Decryptor::new(locked).map_err(|_| KeyFileError::NotAKeyFile)?;
    let mut reader =
        decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map_err(|error| match error {
            DecryptError::ExcessiveWork { required, .. } => KeyFileError::WorkFactorTooHigh { log2: required },
            DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed | DecryptError::NoMatchingKeys => {
                KeyFileError::WrongPassphrase
            }
            DecryptError::InvalidMac | DecryptError::Io(_) => KeyFileError::Damaged,
            _ => KeyFileError::NotAKeyFile,
        })?;
    // room for everything at once: growing would leave copies behind
    let mut secret = Zeroizing::new(Vec::with_capacity(locked.len()));
    reader.read_to_end(&mut secret).map_err(|_| KeyFileError::Damaged)?;
    Ok(secret)
}

/// Writes a secret to a file that only its owner may read. A file of that name is replaced as a
/// whole: after a crash there is the old one or the new one.
///
/// # Errors
/// [`KeyFileError::Io`].
pub fn write(path: &Path, secret: &[u8], passphrase: &str, work: WorkFactor) -> Result<(), KeyFileError> {
    replace(path, &lock(secret, passphrase, work)).map_err(|source| KeyFileError::Io { path: path.into(), source })
}

/// Reads the secret of a file.
///
/// # Errors
/// The first [`KeyFileError`] that applies.
pub fn read(path: &Path, passphrase: &str) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    unlock(&load(path)?, passphrase)
}

/// The work factor of a file as a power of two, without its passphrase.
///
/// # Errors
/// [`KeyFileError::Io`], [`KeyFileError::TooLarge`], [`KeyFileError::NotAKeyFile`].
pub fn work_factor(path: &Path) -> Result<u8, KeyFileError> {
    locked_work_factor(&load(path)?).ok_or(KeyFileError::NotAKeyFile)
}

/// The work factor of a locked secret as a power of two; `None` when it is none.
#[must_use]
pub fn locked_work_factor(locked: &[u8]) -> Option<u8> {
    let stanza = locked.strip_prefix(AGE_HEAD)?;
    let line = stanza.split(|byte| *byte == b'\n').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ').skip(1);
    let log2 = words.next()?;
    if log2.is_empty() || log2.starts_with(['0', '+']) || words.next().is_some() {
        return None;
    }
    log2.parse().ok()
}

fn load(path: &Path) -> Result<Vec<u8>, KeyFileError> {
    let io = |source| KeyFileError::Io { path: path.into(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.take(FILE_LEN_MAX + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > FILE_LEN_MAX {
        return Err(KeyFileError::TooLarge);
    }
    Ok(bytes)
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(".new");
    let temporary = directory.join(temporary);
    // left behind by a crash; made anew so that its permissions are ours
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, OWNER_ONLY);
    let mut file = options.open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(directory)?.sync_all()
}

/// Where the header of a passphrase-locked age file has its salt and work factor after it.
const AGE_HEAD: &[u8] = b"age-encryption.org/v1\n-> scrypt ";

/// Upper bound of what locking adds to a short secret.
const LOCK_OVERHEAD_LEN: usize = 512;

#[cfg(unix)]
const OWNER_ONLY: u32 = 0o600;

#[cfg(test)]
mod tests;
