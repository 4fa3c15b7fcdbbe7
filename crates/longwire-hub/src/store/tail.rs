//! Where events that are written at once are cut into blocks, so that pages are full.
//!
//! The database fills a page of the table with as many entries as fit. One that is larger than a
//! page gets pages of its own, whose number is a power of two; the next one begins another page. As
//! the table only grows at its end, what is left of the last page is known.

/// Bytes of a page.
const PAGE: usize = 4096;
/// What the database writes in a page, and in it for each entry: the key and where the value ends.
const HEADER: usize = 4;
const ENTRY: usize = 8 + 4;
/// Most bytes of a block of several events, with what is written beside it. Many more would make
/// writing no faster, and whoever wants one event reads its whole block.
const LARGEST: usize = 16 * PAGE;
/// What is left of a page and is worth another block.
const WORTHWHILE: usize = PAGE / 8;

/// What the last page holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    bytes: usize,
}

impl Tail {
    /// No page, or one of which nothing is known.
    pub(super) const NONE: Self = Self { bytes: PAGE };

    /// How many events the next block takes, of those that are written at once and whose blocks up
    /// to each would have these sizes: at least one.
    pub(super) fn fitting(self, sizes: impl Iterator<Item = usize> + Clone) -> usize {
        let up_to = |most: usize| {
            let mut size = 0;
            let fitting = sizes.clone().take_while(|with| *with <= most);
            let count = fitting.inspect(|with| size = *with).count();
            (count, size)
        };
        let room = PAGE.saturating_sub(self.bytes + ENTRY);
        let (in_room, _) = up_to(room);
        let (count, size) = up_to(LARGEST - HEADER - ENTRY);
        if in_room == count || (room >= WORTHWHILE && in_room > 0) {
            return in_room.max(1);
        }
        // What would leave more than a quarter of its pages empty is cut in two.
        let size = HEADER + ENTRY + size;
        let pages = size.next_power_of_two();
        let is_all = sizes.clone().nth(count).is_none();
        if is_all && pages > PAGE && size <= pages / 4 * 3 {
            return up_to(pages / 2 - HEADER - ENTRY).0.max(1);
        }
        count.max(1)
    }

    /// A block of so many bytes stands at the end.
    pub(super) const fn push(&mut self, bytes: usize) {
        let with = self.bytes + ENTRY + bytes;
        let alone = HEADER + ENTRY + bytes;
        self.bytes = if with <= PAGE {
            with
        } else if alone <= PAGE {
            alone
        } else {
            PAGE
        };
    }
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;
    use redb::{Database, ReadableTableMetadata};

    use super::super::block;
    use super::super::crash::Random;
    use super::super::disk::EVENTS;
    use super::*;

    /// Writes records of these lengths at once, and gives how many blocks that made.
    fn write(database: &Database, tail: &mut Tail, first: &mut u64, lengths: &[usize]) -> usize {
        let transaction = database.begin_write().unwrap();
        let mut table = transaction.open_table(EVENTS).unwrap();
        let (mut rest, mut blocks) = (lengths, 0);
        while !rest.is_empty() {
            let fitting = tail.fitting(block::sizes(rest));
            let size = block::sizes(&rest[..fitting]).last().unwrap();
            assert!(fitting == 1 || size + HEADER + ENTRY <= LARGEST, "{size}");
            table.insert(*first, vec![0; size].as_slice()).unwrap();
            tail.push(size);
            (*first, rest, blocks) = (*first + fitting as u64, &rest[fitting..], blocks + 1);
        }
        drop(table);
        transaction.commit().unwrap();
        blocks
    }

    /// Gives how full the pages are, and how many blocks there are for each commit.
    fn fill(commits: usize, mut lengths: impl FnMut() -> Vec<usize>) -> (f64, f64) {
        let builder = &mut Database::builder();
        let database = builder.create_with_backend(InMemoryBackend::new()).unwrap();
        let (mut tail, mut first, mut blocks) = (Tail::NONE, 1, 0);
        for _ in 0..commits {
            blocks += write(&database, &mut tail, &mut first, &lengths());
        }
        let transaction = database.begin_write().unwrap();
        let stats = transaction.open_table(EVENTS).unwrap().stats().unwrap();
        let (stored, empty) = (stats.stored_bytes() as f64, stats.fragmented_bytes() as f64);
        (stored / (stored + empty), blocks as f64 / commits as f64)
    }

    #[test]
    fn pages_are_full_however_many_events_are_written_at_once() {
        for count in [
            1, 5, 10, 16, 17, 20, 30, 33, 40, 50, 64, 70, 100, 150, 300, 1_000,
        ] {
            let (full, blocks) = fill(2_000 / count.max(10), || vec![118; count]);
            assert!(full > 0.8, "{count}: {full}");
            assert!(blocks <= 5.0, "{count}: {blocks}");
        }
    }

    #[test]
    fn pages_are_full_however_large_events_are() {
        let mut random = Random(88_172_645_463_325_252);
        for largest in [100, 1_000, 5_000, 20_000] {
            let lengths = || {
                let count = 1 + random.index(60);
                (0..count).map(|_| random.index(largest) + 15).collect()
            };
            let (full, _) = fill(200, lengths);
            assert!(full > 0.8, "{largest}: {full}");
        }
    }

    #[test]
    fn what_many_publish_at_once_is_one_block() {
        for count in 51..=66 {
            assert_eq!(Tail::NONE.fitting(block::sizes(&vec![118; count])), count);
        }
        assert_eq!(Tail::NONE.fitting(block::sizes(&[1 << 20, 1])), 1);
        assert_eq!(Tail::NONE.fitting(block::sizes(&[1, 1 << 20, 1])), 1);
    }
}
