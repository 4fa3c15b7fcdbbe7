//! How events of one commit are written down together.
//!
//! ```text
//! crc-32 (4) │ records (2) │ per record: length (4) │ record …
//! ```
//!
//! The records are of offsets that follow each other. Numbers are little-endian. The checksum
//! covers the first offset, which is the block's key, and everything before the records: none of
//! them can come to stand at another's offset. Each has its own checksum, so that whoever reads one
//! need not look at the others.

use hub_protocol::PublishForm;

use super::record::{self, crc_32_after};

/// Bytes of a block beside its records, and for each of them.
const HEAD: usize = 4 + 2;
const LENGTH: usize = 4;

/// The sizes of the blocks that end with each of the records of these lengths and begin with the
/// first.
pub(super) fn sizes(lengths: &[usize]) -> impl Iterator<Item = usize> + Clone {
    lengths.iter().scan(HEAD, |size, length| {
        *size += LENGTH + length;
        Some(*size)
    })
}

/// Appends the block of these events to `out`, of which the first has the offset `first`. `time` is
/// in milliseconds since 1970.
pub(super) fn encode<'f>(
    first: u64,
    forms: impl ExactSizeIterator<Item = &'f PublishForm>,
    time: u64,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    // There are as many events in a commit as a queue gives, and that is fewer.
    let [low, high, ..] = forms.len().to_le_bytes();
    let head = HEAD + LENGTH * forms.len();
    out.resize(start + head, 0);
    out[start + 4..start + HEAD].copy_from_slice(&[low, high]);
    for (index, form) in forms.enumerate() {
        let begun = out.len();
        record::encode(form, time, out);
        // A form is at most some mebibytes.
        let [a, b, c, d, ..] = (out.len() - begun).to_le_bytes();
        let at = start + HEAD + LENGTH * index;
        out[at..at + LENGTH].copy_from_slice(&[a, b, c, d]);
    }
    let sum = sum(first, &out[start + 4..start + head]);
    out[start..start + 4].copy_from_slice(&sum.to_le_bytes());
}

fn sum(first: u64, head: &[u8]) -> u32 {
    crc_32_after(record::crc_32(&first.to_le_bytes()), head)
}

/// Records of offsets that follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'b> {
    first: u64,
    last: u64,
    lengths: &'b [[u8; LENGTH]],
    records: &'b [u8],
}

impl<'b> Block<'b> {
    /// Reads what [`encode`] wrote under the key `first`. `None` if it is not as it was written, as
    /// far as that can be known without reading the records.
    pub(super) fn parse(first: u64, bytes: &'b [u8]) -> Option<Self> {
        let (noted, rest) = bytes.split_first_chunk()?;
        let (count, lengths) = rest.split_first_chunk()?;
        let count = u16::from_le_bytes(*count);
        let (lengths, records) = lengths.split_at_checked(LENGTH * usize::from(count))?;
        let head = &rest[..rest.len() - records.len()];
        if sum(first, head) != u32::from_le_bytes(*noted) {
            return None;
        }
        let (lengths, _) = lengths.as_chunks();
        let sum: u64 = lengths
            .iter()
            .map(|length| u64::from(number(*length)))
            .sum();
        if sum != records.len() as u64 || first == 0 {
            return None;
        }
        let last = first.checked_add(u64::from(count).checked_sub(1)?)?;
        Some(Self {
            first,
            last,
            lengths,
            records,
        })
    }

    /// The offset of the last record.
    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    /// The records from this offset on.
    pub(super) fn from(&self, offset: u64) -> Records<'b> {
        let mut records = Records {
            offset: self.first,
            lengths: self.lengths,
            records: self.records,
        };
        records.skip_to(offset);
        records
    }
}

/// Records, by offset.
#[derive(Clone, Debug)]
pub(super) struct Records<'b> {
    /// Of the next one.
    offset: u64,
    lengths: &'b [[u8; LENGTH]],
    records: &'b [u8],
}

impl Records<'_> {
    /// Goes on to this offset, if it is not there yet.
    pub(super) fn skip_to(&mut self, offset: u64) {
        let skipped = usize::try_from(offset.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let (skipped, lengths) = self.lengths.split_at(skipped.min(self.lengths.len()));
        let bytes: usize = skipped.iter().map(|length| number(*length) as usize).sum();
        self.offset += skipped.len() as u64;
        self.lengths = lengths;
        self.records = &self.records[bytes..];
    }
}

impl<'b> Iterator for Records<'b> {
    type Item = (u64, &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (length, lengths) = self.lengths.split_first()?;
        let (record, records) = self.records.split_at(number(*length) as usize);
        let offset = self.offset;
        *self = Self {
            // The last one there can be is refused later.
            offset: offset.saturating_add(1),
            lengths,
            records,
        };
        Some((offset, record))
    }
}

const fn number(length: [u8; LENGTH]) -> u32 {
    u32::from_le_bytes(length)
}

#[cfg(test)]
mod tests {
    use hub_protocol::Data;

    use super::*;

    fn forms(count: usize) -> Vec<PublishForm> {
        let form = |index: usize| {
            let mut form = PublishForm::text(["a", "b"], "x".repeat(index * 41 % 130));
            form.id = index.is_multiple_of(3).then(|| format!("id-{index}"));
            if index % 4 == 1 {
                form.data = Data::Binary(vec![0xff; index % 60]);
            }
            form
        };
        (0..count).map(form).collect()
    }

    fn block(first: u64, forms: &[PublishForm]) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(first, forms.iter(), 1_234, &mut bytes);
        bytes
    }

    /// Everything in a block, as far as it is whole.
    fn read(first: u64, bytes: &[u8]) -> Option<Vec<(u64, PublishForm)>> {
        let block = Block::parse(first, bytes)?;
        let records = block.from(first).map(|(offset, record)| {
            let (form, time) = record::decode(record)?;
            assert_eq!(time, 1_234);
            Some((offset, form))
        });
        records.collect()
    }

    #[test]
    fn what_is_written_is_read_from_any_offset_on() {
        for count in [1, 2, 64, 1_000] {
            let forms = forms(count);
            let bytes = block(5, &forms);
            let lengths: Vec<_> = forms.iter().map(record::length).collect();
            assert_eq!(sizes(&lengths).last(), Some(bytes.len()));
            let written: Vec<_> = (5..).zip(forms).collect();
            assert_eq!(read(5, &bytes).as_ref(), Some(&written));
            let block = Block::parse(5, &bytes).unwrap();
            assert_eq!(block.last(), 4 + count as u64);
            for skipped in [0, 1, count / 2, count - 1, count, count + 1] {
                let rest: Vec<_> = block.from(5 + skipped as u64).collect();
                assert_eq!(rest.len(), count.saturating_sub(skipped));
                for (offset, record) in rest {
                    let (at, form) = &written[usize::try_from(offset).unwrap() - 5];
                    assert_eq!(offset, *at);
                    assert_eq!(record::decode(record), Some((form.clone(), 1_234)));
                }
            }
            let mut records = block.from(0);
            records.skip_to(4 + count as u64);
            assert_eq!(
                records.next().map(|(offset, _)| offset),
                Some(4 + count as u64)
            );
            assert!(records.next().is_none());
        }
    }

    #[test]
    fn no_bit_can_change_unnoticed_and_no_byte_be_missing() {
        for count in [1, 2, 7] {
            let mut bytes = block(5, &forms(count));
            for bit in 0..bytes.len() * 8 {
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(read(5, &bytes), None, "bit {bit}");
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            for end in 0..bytes.len() {
                assert_eq!(read(5, &bytes[..end]), None, "cut at {end}");
            }
            bytes.push(0);
            assert_eq!(read(5, &bytes), None, "longer");
        }
    }

    #[test]
    fn records_are_of_their_offsets_only() {
        let bytes = block(5, &forms(3));
        for bit in 0..64 {
            assert!(Block::parse(5 ^ 1 << bit, &bytes).is_none(), "bit {bit}");
        }
        // One length over two records, which are as long as such a bit says.
        let form = PublishForm::text(["a"], "x".repeat(124 - 18));
        let mut bytes = block(5, &[form.clone(), form]);
        assert_eq!(bytes[HEAD], 124);
        bytes[HEAD] ^= 128;
        assert!(Block::parse(5, &bytes).is_none());
    }

    #[test]
    fn there_is_no_empty_block_nor_one_that_passes_the_last_offset() {
        assert!(Block::parse(5, &block(5, &[])).is_none());
        assert!(Block::parse(0, &block(0, &forms(1))).is_none());
        let last = u64::MAX - 1;
        assert_eq!(
            Block::parse(last, &block(last, &forms(2))).unwrap().last(),
            u64::MAX
        );
        assert_eq!(read(last, &block(last, &forms(2))).unwrap().len(), 2);
        assert!(Block::parse(last, &block(last, &forms(3))).is_none());
    }
}
