//! How far the log was acknowledged, noted beside it.
//!
//! The log takes its last commits back where it finds them damaged after a crash, as it must with
//! one that was torn before it was acknowledged. But if it had been acknowledged, then the disk has
//! lost what was safe (a bit has changed, the disk lies about syncing, an old copy was put in
//! place), and going on would give offsets a second time, to other events. So the head is noted
//! here after each commit that is waited for, without waiting again, and on close: the note is never
//! ahead of what was acknowledged, and a log that is behind it has lost something. One without a note
//! was put in place by somebody, who knows no better.

use std::io;
use std::sync::Arc;

use redb::StorageBackend;
use resume::{Epoch, Position};

use super::record::crc_32;

/// `epoch (12) │ offset (8) │ crc-32 of both (4)`, little-endian.
const LEN: usize = Epoch::LEN + 8 + 4;

/// The note.
#[derive(Debug)]
pub(super) struct Mark(Arc<dyn StorageBackend>);

/// What a note says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noted {
    /// There is none.
    Nothing,
    /// All up to here was acknowledged.
    Head(Position),
    /// It was changed by somebody else.
    Unreadable,
}

impl Mark {
    pub(super) const fn new(device: Arc<dyn StorageBackend>) -> Self {
        Self(device)
    }

    pub(super) fn read(&self) -> io::Result<Noted> {
        let mut bytes = [0; LEN];
        if self.0.len()? < LEN as u64 {
            return Ok(Noted::Nothing);
        }
        self.0.read(0, &mut bytes)?;
        // The length may reach the disk before the bytes.
        if bytes == [0; LEN] {
            return Ok(Noted::Nothing);
        }
        Ok(decode(&bytes).map_or(Noted::Unreadable, Noted::Head))
    }

    /// Makes room for notes and notes the head, durably.
    pub(super) fn begin(&self, head: Position) -> io::Result<()> {
        if self.0.len()? != LEN as u64 {
            self.0.set_len(LEN as u64)?;
        }
        self.note(head)?;
        self.0.sync_data()
    }

    /// Notes that all up to `head` is acknowledged.
    pub(super) fn note(&self, head: Position) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(LEN);
        bytes.extend_from_slice(&head.epoch.to_bytes());
        bytes.extend_from_slice(&head.offset.to_le_bytes());
        let sum = crc_32(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        self.0.write(0, &bytes)
    }
}

impl Noted {
    /// Whether a log of this epoch that ends at `head` has lost something.
    pub(super) fn contradicts(self, epoch: Epoch, head: u64) -> bool {
        match self {
            Self::Head(noted) => noted.epoch == epoch && noted.offset > head,
            Self::Nothing | Self::Unreadable => true,
        }
    }
}

fn decode(bytes: &[u8; LEN]) -> Option<Position> {
    let (noted, sum) = bytes.split_last_chunk()?;
    if crc_32(noted) != u32::from_le_bytes(*sum) {
        return None;
    }
    let (epoch, offset) = noted.split_first_chunk()?;
    let offset = offset.try_into().ok()?;
    Some(Position::new(
        Epoch::from_bytes(*epoch),
        u64::from_le_bytes(offset),
    ))
}
