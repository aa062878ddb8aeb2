//! The memory of a software card: one encrypted file.
//!
//! Each commit writes the whole memory to a second file, makes it durable and renames it over the first: after a crash at
//! any point the file is the old one or the new one. What stands in the file before a commit is never written over.
//!
//! ```text
//! "zenicard" ‖ version (4) ‖ length of the sealed part (8) ‖ nonce (24) ‖ sealed part
//! ```
//! Integers are big-endian. The sealed part is XChaCha20-Poly1305 over the memory as a CBOR map in ascending order of keys,
//! under HKDF-SHA256(master, "zeni/card-file"), what stands before the nonce as associated data. Its nonce is long enough to
//! be drawn afresh for each of any number of commits.
//!
//! Whoever holds the file beside this one named `<file>.lock` locked, and the card's file itself, is its only user. Two users
//! would each sign beyond what the other left, so neither lock is trusted alone: the file beside can be removed, and a file
//! has other names. Before each commit the file on the disk must be the one that was read or written last, and have no other
//! name; after it, the one that was written.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write as _},
    ops::Bound,
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305,
    aead::{Aead, Payload},
};
use minicbor::bytes::{ByteSlice, ByteVec};
use thiserror::Error;
use zeni_card::element::memory::{Memory, MemoryFault, Pair, Write};
use zeni_crypto::{Entropy, hkdf_sha256};
use zeroize::Zeroizing;

/// Bytes of the largest memory that is written or read.
pub const MEMORY_BYTES_MAX: usize = 256 * 1_024 * 1_024;

/// What every card's file begins with.
const MAGIC: [u8; 8] = *b"zenicard";
/// Version of the format.
const VERSION: u32 = 1;
/// Bytes before the nonce.
const HEAD_LEN: usize = MAGIC.len() + 4 + 8;
/// Bytes of the nonce.
const NONCE_LEN: usize = 24;
/// Bytes by which one commit's file is told from any other.
const START_LEN: usize = HEAD_LEN + NONCE_LEN;
/// Bytes of the authentication tag, part of what is sealed.
const TAG_LEN: usize = 16;
/// Rights of the files: their owner's alone.
const OWNER_ONLY: u32 = 0o600;

/// Why a card's file is not opened, read or written, in the order of the checks.
#[derive(Debug, Error)]
pub enum FileError {
    /// There is none.
    #[error("{path} is missing: put the card's file back, or restore a backup into a new directory", path = .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A card is to be made where there is one.
    #[error("{path} is there already: name a new file", path = .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another process, or another part of this one, has it open.
    #[error("another process uses the card in {path}: wait until it has ended", path = .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot {act} {path}: {source}", path = .path.display())]
    Io {
        /// What was tried.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No card's file.
    #[error("{path} is no card's file: name the right one, or put the card's file back", path = .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Of a version that this program does not read.
    #[error("{path} is a card's file of version {found}: use the program that wrote it", path = .path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// Not as long as it says.
    #[error("{path} was cut or has grown: {found} bytes where {expected} belong; put a whole copy back, or restore a backup into a new directory", path = .path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Bytes that it should have.
        expected: u64,
        /// Bytes that it has.
        found: u64,
    },
    /// Another key, or altered.
    #[error("{path} cannot be decrypted: it belongs to another key, or it is damaged; put the right file back, or restore a backup into a new directory", path = .path.display())]
    Sealed {
        /// The file.
        path: PathBuf,
    },
    /// Not the file that was read or written last: somebody else put another into its place, or wrote into it.
    #[error("{path} was replaced while the card was in use, and nothing was changed: end all programs that use the card, then begin again", path = .path.display())]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// A hard link: under its other name the card would stay as it is now, and sign once more what it signs here.
    #[error("{path} has another name, under which it would be a second card: remove the other one", path = .path.display())]
    Linked {
        /// The file.
        path: PathBuf,
    },
    /// More than [`MEMORY_BYTES_MAX`].
    #[error("the memory of the card in {path} would be larger than {most} bytes: move what it holds to a new card", path = .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most.
        most: usize,
    },
}

impl From<FileError> for MemoryFault {
    fn from(error: FileError) -> MemoryFault {
        MemoryFault { full: matches!(error, FileError::TooLarge { .. }), reason: error.to_string() }
    }
}

type Map = BTreeMap<ByteVec, ByteVec>;

/// The memory of one card in one file, which nobody else opens while this lives.
pub struct FileMemory {
    path: PathBuf,
    key: Zeroizing<[u8; 32]>,
    entropy: Box<dyn Entropy + Send>,
    /// What the file holds; `None` after a commit that failed, of which only the file knows whether it happened.
    map: Option<Map>,
    /// The file that was read or written last; none before it is made.
    current: Option<Known>,
    /// The file of a commit that failed, which may have got its name.
    attempted: Option<Known>,
    /// Bytes of the largest memory that is written.
    most: usize,
    _lock: File,
}

/// A card's file, locked, and how it begins: no two commits draw the same nonce.
struct Known {
    file: File,
    inode: (u64, u64),
    start: [u8; START_LEN],
}

/// Shows where, not what.
impl fmt::Debug for FileMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileMemory").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What a commit writes.
struct Sealed {
    start: [u8; START_LEN],
    rest: Vec<u8>,
}

impl FileMemory {
    /// Makes the file of a blank memory, to lie under `master`.
    ///
    /// # Errors
    /// [`FileError::Exists`] when there is a file of that name, whatever is in it.
    pub fn create(
        path: &Path,
        master: &[u8; 32],
        entropy: impl Entropy + Send + 'static,
    ) -> Result<FileMemory, FileError> {
        FileMemory::create_with(path, master, entropy, Vec::new())
    }

    /// As [`FileMemory::create`], with `pairs` already in it: the file is there with all of them or not at all.
    ///
    /// # Errors
    /// As [`FileMemory::create`].
    pub fn create_with(
        path: &Path,
        master: &[u8; 32],
        entropy: impl Entropy + Send + 'static,
        pairs: Vec<Pair>,
    ) -> Result<FileMemory, FileError> {
        let mut memory = FileMemory::locked(path, master, entropy)?;
        if memory.path.symlink_metadata().is_ok() {
            return Err(FileError::Exists { path: memory.path });
        }
        let map: Map = pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        memory.write(&map)?;
        memory.map = Some(map);
        Ok(memory)
    }

    /// Opens a card's file that is there.
    ///
    /// # Errors
    /// Every [`FileError`]; a file that cannot be read is left as it is, and never replaced by a blank one.
    pub fn open(
        path: &Path,
        master: &[u8; 32],
        entropy: impl Entropy + Send + 'static,
    ) -> Result<FileMemory, FileError> {
        // by its own name: two names of one file have one lock
        let path = match fs::canonicalize(path) {
            Ok(path) => path,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(FileError::Missing { path: path.into() });
            }
            Err(source) => return Err(FileError::Io { act: "find", path: path.into(), source }),
        };
        let mut memory = FileMemory::locked(&path, master, entropy)?;
        memory.map = Some(memory.read()?);
        // left by a crash: whoever asked for it was never told that it happened
        memory.remove_second()?;
        Ok(memory)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn locked(path: &Path, master: &[u8; 32], entropy: impl Entropy + Send + 'static) -> Result<FileMemory, FileError> {
        let lock_path = beside(path, ".lock");
        let mut options = OpenOptions::new();
        let lock = options.write(true).create(true).truncate(false).mode(OWNER_ONLY).open(&lock_path);
        let lock = lock.map_err(|source| FileError::Io { act: "write", path: lock_path.clone(), source })?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FileError::InUse { path: path.into() }),
            Err(TryLockError::Error(source)) => return Err(FileError::Io { act: "lock", path: lock_path, source }),
        }
        let key = Zeroizing::new(hkdf_sha256(master, &[], b"zeni/card-file"));
        Ok(FileMemory {
            path: path.into(),
            key,
            entropy: Box::new(entropy),
            map: None,
            current: None,
            attempted: None,
            most: MEMORY_BYTES_MAX,
            _lock: lock,
        })
    }

    /// What the file holds, read again if a commit failed before.
    fn map(&mut self) -> Result<&mut Map, FileError> {
        if self.map.is_none() {
            let map = self.read()?;
            // if the commit that failed did happen, its name must last before anybody relies on it
            self.sync_directory()?;
            self.map = Some(map);
        }
        Ok(self.map.as_mut().expect("it was read above"))
    }

    /// Reads the file, and knows it from now on. After a commit that failed it must be the one before or that of the commit.
    fn read(&mut self) -> Result<Map, FileError> {
        let io = |source| FileError::Io { act: "read", path: self.path.clone(), source };
        let most = (START_LEN + MEMORY_BYTES_MAX + TAG_LEN) as u64;
        let mut bytes = Vec::new();
        // before it is opened: a pipe would wait for whoever writes into it
        self.sole(&fs::metadata(&self.path).map_err(io)?)?;
        let mut file = File::open(&self.path).map_err(io)?;
        let found = self.sole(&file.metadata().map_err(io)?)?;
        match (&self.current, &self.attempted) {
            (None, _) => self.lock_itself(&file)?,
            (Some(known), _) if known.inode == found => {}
            (_, Some(known)) if known.inode == found => {}
            _ => return Err(FileError::Replaced { path: self.path.clone() }),
        }
        (&mut file).take(most + 1).read_to_end(&mut bytes).map_err(io)?;
        let map = self.decrypt(&bytes)?;
        let start = *bytes.first_chunk().expect("what was decrypted follows them");
        let known = match self.current.take() {
            None => Known { file, inode: found, start },
            Some(known) if known.inode == found => known,
            Some(before) => self.attempted.take().unwrap_or(before),
        };
        let same = known.start == start;
        self.current = Some(known);
        if !same || self.inode()? != found {
            return Err(FileError::Replaced { path: self.path.clone() });
        }
        self.attempted = None;
        Ok(map)
    }

    /// Device and number of the file that has the name now.
    fn inode(&self) -> Result<(u64, u64), FileError> {
        match fs::symlink_metadata(&self.path) {
            Ok(found) => self.sole(&found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(FileError::Replaced { path: self.path.clone() })
            }
            Err(source) => Err(FileError::Io { act: "read", path: self.path.clone(), source }),
        }
    }

    /// Device and number of what is a file and has no other name.
    fn sole(&self, found: &fs::Metadata) -> Result<(u64, u64), FileError> {
        if !found.is_file() {
            return Err(FileError::Foreign { path: self.path.clone() });
        }
        if found.nlink() > 1 {
            return Err(FileError::Linked { path: self.path.clone() });
        }
        Ok((found.dev(), found.ino()))
    }

    fn lock_itself(&self, file: &File) -> Result<(), FileError> {
        match file.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(FileError::InUse { path: self.path.clone() }),
            Err(TryLockError::Error(source)) => Err(FileError::Io { act: "lock", path: self.path.clone(), source }),
        }
    }

    /// Whether the file is the one that was read or written last, none where there was none.
    fn unchanged(&self) -> Result<(), FileError> {
        let replaced = || FileError::Replaced { path: self.path.clone() };
        let Some(known) = &self.current else { return Ok(()) };
        let mut start = [0; START_LEN];
        let read = known.file.read_exact_at(&mut start, 0);
        if self.inode()? != known.inode || read.is_err() || start != known.start {
            return Err(replaced());
        }
        Ok(())
    }

    fn decrypt(&self, bytes: &[u8]) -> Result<Map, FileError> {
        let path = || self.path.clone();
        let found = bytes.len() as u64;
        let cut = FileError::Length { path: path(), expected: (START_LEN + TAG_LEN) as u64, found };
        let known = bytes.len().min(MAGIC.len());
        if bytes[..known] != MAGIC[..known] {
            return Err(FileError::Foreign { path: path() });
        }
        let Some((head, rest)) = bytes.split_first_chunk::<HEAD_LEN>() else { return Err(cut) };
        let version = u32::from_be_bytes(head[8..12].try_into().expect("four bytes"));
        if version != VERSION {
            return Err(FileError::Version { path: path(), found: version });
        }
        let sealed_len = u64::from_be_bytes(head[12..].try_into().expect("eight bytes"));
        let Some((nonce, sealed)) = rest.split_first_chunk::<NONCE_LEN>() else { return Err(cut) };
        if sealed.len() as u64 != sealed_len {
            let expected = sealed_len.saturating_add(START_LEN as u64);
            return Err(FileError::Length { path: path(), expected, found });
        }
        let opened = XChaCha20Poly1305::new((&*self.key).into())
            .decrypt(&(*nonce).into(), Payload { msg: sealed, aad: head })
            .map(Zeroizing::new)
            .map_err(|_| FileError::Sealed { path: path() })?;
        zeni_message::decode(&opened, MEMORY_BYTES_MAX).map_err(|_| FileError::Sealed { path: path() })
    }

    fn seal(&mut self, plain: &[u8]) -> Result<Sealed, FileError> {
        if plain.len() > self.most {
            return Err(FileError::TooLarge { path: self.path.clone(), most: self.most });
        }
        let mut start = [0; START_LEN];
        let (head, nonce) = start.split_at_mut(HEAD_LEN);
        head[..8].copy_from_slice(&MAGIC);
        head[8..12].copy_from_slice(&VERSION.to_be_bytes());
        head[12..].copy_from_slice(&((plain.len() + TAG_LEN) as u64).to_be_bytes());
        self.entropy.fill(nonce);
        let nonce: &[u8; NONCE_LEN] = (&*nonce).try_into().expect("its length");
        let rest = XChaCha20Poly1305::new((&*self.key).into())
            .encrypt(&(*nonce).into(), Payload { msg: plain, aad: head })
            .expect("the cipher takes far more than the largest memory");
        Ok(Sealed { start, rest })
    }

    /// Puts `map` into the place of what the file holds. After an error the file holds one of the two.
    fn write(&mut self, map: &Map) -> Result<(), FileError> {
        let sealed = self.seal(&Zeroizing::new(zeni_message::encode(map)))?;
        self.unchanged()?;
        let inode = self.write_second(sealed.start, &sealed.rest)?;
        self.unchanged()?;
        fs::rename(self.second(), &self.path).map_err(|source| FileError::Io {
            act: "replace",
            path: self.path.clone(),
            source,
        })?;
        if self.inode()? != inode {
            return Err(FileError::Replaced { path: self.path.clone() });
        }
        self.current = self.attempted.take();
        self.sync_directory()
    }

    /// Writes the second file and makes it durable; locked, so that it is when it gets its name.
    fn write_second(&mut self, start: [u8; START_LEN], sealed: &[u8]) -> Result<(u64, u64), FileError> {
        self.remove_second()?;
        let second = self.second();
        let io = |source| FileError::Io { act: "write", path: second.clone(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(OWNER_ONLY);
        let mut file = options.open(&second).map_err(io)?;
        self.lock_itself(&file)?;
        for part in [&start[..], sealed] {
            file.write_all(part).map_err(io)?;
        }
        file.sync_all().map_err(io)?;
        let inode = self.sole(&file.metadata().map_err(io)?)?;
        self.attempted = Some(Known { file, inode, start });
        Ok(inode)
    }

    fn second(&self) -> PathBuf {
        beside(&self.path, ".new")
    }

    fn remove_second(&self) -> Result<(), FileError> {
        match fs::remove_file(self.second()) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(FileError::Io { act: "remove", path: self.second(), source })
            }
            _ => Ok(()),
        }
    }

    fn sync_directory(&self) -> Result<(), FileError> {
        let directory = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(|source| FileError::Io {
            act: "make durable",
            path: directory.into(),
            source,
        })
    }
}

impl Memory for FileMemory {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, MemoryFault> {
        Ok(self.map()?.get(<&ByteSlice>::from(key)).map(|value| value.to_vec()))
    }

    fn scan_after(&mut self, prefix: &[u8], after: &[u8], max: usize) -> Result<Vec<Pair>, MemoryFault> {
        let from = if after < prefix { Bound::Included(prefix) } else { Bound::Excluded(after) };
        // an empty key lies before all, and there is none
        let from = self.map()?.range::<ByteSlice, _>((from.map(<&ByteSlice>::from), Bound::Unbounded));
        let pairs = from.take_while(|(key, _)| key.starts_with(prefix)).take(max);
        Ok(pairs.map(|(key, value)| (key.to_vec(), value.to_vec())).collect())
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), MemoryFault> {
        self.map()?;
        // taken out: if writing fails, the file is asked what it holds
        let mut map = self.map.take().expect("it was read above");
        for (key, value) in writes {
            match value {
                Some(value) => map.insert(key.clone().into(), value.clone().into()),
                None => map.remove(<&ByteSlice>::from(&key[..])),
            };
        }
        self.write(&map)?;
        self.map = Some(map);
        Ok(())
    }
}

/// The file of that name with an ending more, in the same directory.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path.file_name().unwrap_or_default());
    name.push(ending);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests;
