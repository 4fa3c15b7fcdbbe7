//! A commit in the journal.
//!
//! ```text
//! crc-32 (4) │ length of the blocks (4) │ earliest (8) │ first (8) │ per block: length (4), block …
//! ```
//!
//! Numbers are little-endian. The checksum goes on from the key of the journal and covers everything
//! after it. `earliest` is where the log began after this commit, `first` the offset of the first event
//! in the blocks, or the one that would be next if there is none. The blocks are those of the
//! [table](super::block).

use super::block::Block;
use super::record::crc_32_after;

/// Bytes of an entry beside its blocks, and for each of them.
const HEAD: usize = 4 + LENGTH + 8 + 8;
const LENGTH: usize = 4;

/// What a commit does, as it is written.
#[derive(Debug)]
pub(super) struct Entry {
    first: u64,
    bytes: Vec<u8>,
}

impl Entry {
    /// A commit whose events begin at the offset `first`.
    pub(super) fn new(first: u64) -> Self {
        let bytes = vec![0; HEAD];
        Self { first, bytes }
    }

    /// Adds the block of the events that follow, which `encode` appends to what it is given; and
    /// gives it back.
    pub(super) fn push(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
        let start = self.bytes.len() + LENGTH;
        self.bytes.resize(start, 0);
        encode(&mut self.bytes);
        let length = length(self.bytes.len() - start);
        self.bytes[start - LENGTH..start].copy_from_slice(&length);
        &self.bytes[start..]
    }

    /// Bytes of the entry.
    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The entry, after whose commit the log begins at `earliest`.
    pub(super) fn seal(self, key: u32, earliest: u64) -> Vec<u8> {
        let Self { first, mut bytes } = self;
        let blocks = length(bytes.len() - HEAD);
        bytes[4..8].copy_from_slice(&blocks);
        bytes[8..16].copy_from_slice(&earliest.to_le_bytes());
        bytes[16..HEAD].copy_from_slice(&first.to_le_bytes());
        let sum = crc_32_after(key, &bytes[4..]);
        bytes[..4].copy_from_slice(&sum.to_le_bytes());
        bytes
    }
}

/// A commit is of some mebibytes at most.
const fn length(bytes: usize) -> [u8; LENGTH] {
    let [a, b, c, d, ..] = bytes.to_le_bytes();
    [a, b, c, d]
}

/// A commit, as it was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written<'j> {
    pub(super) earliest: u64,
    pub(super) first: u64,
    blocks: &'j [u8],
}

impl<'j> Written<'j> {
    /// Takes the entry that `journal` begins with, if one with this key is there as it was written.
    pub(super) fn take(journal: &mut &'j [u8], key: u32) -> Option<Self> {
        let (sum, bytes) = journal.split_first_chunk()?;
        let (length, rest) = bytes.split_first_chunk()?;
        let (earliest, rest) = rest.split_first_chunk()?;
        let (first, rest) = rest.split_first_chunk()?;
        let (blocks, after) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let written = &bytes[..bytes.len() - after.len()];
        if crc_32_after(key, written) != u32::from_le_bytes(*sum) {
            return None;
        }
        *journal = after;
        Some(Self {
            earliest: u64::from_le_bytes(*earliest),
            first: u64::from_le_bytes(*first),
            blocks,
        })
    }

    /// Whether it has events behind this offset.
    pub(super) fn is_beyond(self, head: u64) -> bool {
        let mut blocks = self.blocks().flatten();
        blocks.any(|(_, _, block)| block.last() > head)
    }

    /// The blocks with their keys. `None` for what is none.
    pub(super) fn blocks(self) -> impl Iterator<Item = Option<(u64, &'j [u8], Block<'j>)>> {
        let Self { first, blocks, .. } = self;
        let mut rest = Some((first, blocks)).filter(|_| !blocks.is_empty());
        core::iter::from_fn(move || {
            let (first, bytes) = rest.take()?;
            let mut block = || {
                let (length, bytes) = bytes.split_first_chunk()?;
                let length = u32::from_le_bytes(*length) as usize;
                let (bytes, after) = bytes.split_at_checked(length)?;
                let block = Block::parse(first, bytes)?;
                let next = block.last().checked_add(1)?;
                rest = Some((next, after)).filter(|_| !after.is_empty());
                Some((first, bytes, block))
            };
            Some(block())
        })
    }
}

#[cfg(test)]
mod tests {
    use hub_protocol::PublishForm;

    use super::super::block;
    use super::*;

    const KEY: u32 = 7;
    const OTHER: u32 = 8;

    /// An entry of blocks of so many events each, from the offset `first` on.
    fn entry(first: u64, blocks: &[u64], earliest: u64) -> Vec<u8> {
        let mut entry = Entry::new(first);
        let mut next = first;
        for count in blocks {
            let forms: Vec<_> = (next..next + count)
                .map(|offset| PublishForm::text(["a"], format!("event {offset}")))
                .collect();
            let mut alone = Vec::new();
            block::encode(next, forms.iter(), 1, &mut alone);
            let pushed = entry.push(|bytes| block::encode(next, forms.iter(), 1, bytes));
            assert_eq!(pushed, alone);
            next += count;
        }
        entry.seal(KEY, earliest)
    }

    /// The offsets of the blocks, as far as they are blocks.
    fn blocks(written: Written<'_>) -> Option<Vec<(u64, u64)>> {
        let blocks = written.blocks().map(|block| {
            let (first, bytes, block) = block?;
            assert_eq!(Block::parse(first, bytes)?.last(), block.last());
            Some((first, block.last()))
        });
        blocks.collect()
    }

    #[test]
    fn what_is_written_is_read_one_behind_the_other() {
        let written = [
            entry(1, &[3, 1], 1),
            entry(5, &[], 4),
            entry(5, &[64], 5),
            vec![0; 100],
        ];
        let whole = written.concat();
        let mut journal = &whole[..];
        for (earliest, first, there) in [
            (1, 1, vec![(1, 3), (4, 4)]),
            (4, 5, vec![]),
            (5, 5, vec![(5, 68)]),
        ] {
            let written = Written::take(&mut journal, KEY).unwrap();
            assert_eq!((written.earliest, written.first), (earliest, first));
            assert_eq!(blocks(written), Some(there));
        }
        assert!(Written::take(&mut journal, KEY).is_none());
        assert_eq!(journal, [0; 100]);
    }

    #[test]
    fn no_bit_can_change_unnoticed_and_no_byte_be_missing() {
        for blocks in [&[][..], &[1], &[2, 3]] {
            let mut bytes = entry(5, blocks, 2);
            assert!(Written::take(&mut &bytes[..], KEY).is_some());
            assert!(Written::take(&mut &bytes[..], OTHER).is_none());
            for bit in 0..bytes.len() * 8 {
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(Written::take(&mut &bytes[..], KEY).is_none(), "bit {bit}");
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            for end in 0..bytes.len() {
                assert!(
                    Written::take(&mut &bytes[..end], KEY).is_none(),
                    "cut at {end}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_block_is_not_taken_for_one() {
        let sealed = |fill: &dyn Fn(&mut Vec<u8>)| {
            let mut entry = Entry::new(5);
            entry.push(fill);
            let bytes = entry.seal(KEY, 1);
            blocks(Written::take(&mut &bytes[..], KEY).unwrap())
        };
        let form = PublishForm::text(["a"], "x");
        let block = |first| {
            let mut bytes = Vec::new();
            block::encode(first, core::iter::once(&form), 1, &mut bytes);
            bytes
        };
        assert_eq!(sealed(&|bytes| bytes.extend(block(5))), Some(vec![(5, 5)]));
        assert_eq!(sealed(&|bytes| bytes.extend(block(6))), None);
        assert_eq!(sealed(&|_| {}), None);
        assert_eq!(sealed(&|bytes| bytes.extend([0; 40])), None);
        // The last offset there can be leaves none for what follows.
        let mut entry = Entry::new(u64::MAX);
        entry.push(|bytes| bytes.extend(block(u64::MAX)));
        let bytes = entry.seal(KEY, 1);
        assert_eq!(blocks(Written::take(&mut &bytes[..], KEY).unwrap()), None);
    }
}
