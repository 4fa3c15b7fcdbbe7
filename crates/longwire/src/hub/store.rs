//! Where the position is kept for the next process.

use core::fmt;
use core::pin::Pin;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use resume::Start;

/// What a [`PositionStore`] returns.
pub type StoreFuture<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

/// Keeps the place to resume from. A [`Start`] is kept as its text, which is what it displays and
/// [`Start::parse`] reads.
///
/// For a database of your own in which the position stands beside the effects of events, see
/// [exactly once](crate::hub#exactly-once).
pub trait PositionStore: fmt::Debug + Send {
    /// The place that was kept, [`Start::Live`] if none was.
    fn load(&mut self) -> StoreFuture<Start>;

    /// Keeps this place instead. It is called at a bounded rate, and once at close; never again
    /// before the last call has finished.
    fn save(&mut self, start: &Start) -> StoreFuture<()>;
}

/// Keeps the position in memory. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    kept: Arc<Mutex<Start>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What is kept.
    #[must_use]
    pub fn get(&self) -> Start {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl PositionStore for MemoryStore {
    fn load(&mut self) -> StoreFuture<Start> {
        Box::pin(core::future::ready(Ok(self.get())))
    }

    fn save(&mut self, start: &Start) -> StoreFuture<()> {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = start.clone();
        Box::pin(core::future::ready(Ok(())))
    }
}

/// Keeps the position in a file: written beside it, synced, and renamed over it, so that after a
/// crash the file holds one position or the other, and never a part. One process at a time.
#[derive(Clone, Debug)]
pub struct FileStore {
    path: PathBuf,
}

impl FileStore {
    /// Keeps it in this file. The folder must exist; the file need not.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl PositionStore for FileStore {
    fn load(&mut self) -> StoreFuture<Start> {
        let path = self.path.clone();
        Box::pin(blocking(move || load(&path)))
    }

    fn save(&mut self, start: &Start) -> StoreFuture<()> {
        let (path, text) = (self.path.clone(), start.to_string());
        Box::pin(blocking(move || save(&path, &text)))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// A position is shorter, and nothing else was written.
const MAX_FILE: u64 = 1024;

fn load(path: &Path) -> io::Result<Start> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Start::Live),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut text)?;
    Ok(Start::parse(text.trim_ascii_end()))
}

fn save(path: &Path, text: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file = File::create(&beside)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&beside, path)?;
    // The name is durable once the folder is.
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let folder = std::env::temp_dir().join(format!("longwire-store-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("position");
        assert_eq!(load(&path).unwrap(), Start::Live);
        for text in ["#7477656c7665206279746573-42", "urn:uuid:1", "earliest"] {
            save(&path, text).unwrap();
            assert_eq!(load(&path).unwrap(), Start::parse(text.as_bytes()));
        }
        // A crash in the middle of writing leaves the old position.
        std::fs::write(folder.join("position.new"), b"#74776").unwrap();
        assert_eq!(load(&path).unwrap(), Start::Earliest);
        save(&path, "#7477656c7665206279746573-43").unwrap();
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
