//! What the hub reads from its disk. The files of the store are taken in as they are: its crate is not
//! compiled.

use hub_protocol::Data;

#[path = "../../crates/longwire-hub/src/store/block.rs"]
mod block;
#[path = "../../crates/longwire-hub/src/store/entry.rs"]
mod entry;
#[path = "../../crates/longwire-hub/src/store/record.rs"]
mod record;

/// An event in the log: what is read is written again and read as the same, its head alone too, and
/// no bit of what was written may change.
///
/// The first two bytes choose the bit. The rest is a record behind its checksum.
pub fn record(data: &[u8]) {
    let Some((bit, body)) = data.split_first_chunk() else {
        return;
    };
    let checked = |body: &[u8]| [&crc_32(body).to_le_bytes(), body].concat();
    let Some((form, time)) = record::decode(&checked(body)) else {
        return;
    };
    let mut written = Vec::new();
    record::encode(&form, time, &mut written);
    assert_eq!(written, checked(&written[4..]));
    assert_eq!(record::length(&form), written.len());
    assert_eq!(record::decode(&written), Some((form.clone(), time)));

    let (head, at) = record::decode_header(&written).expect("what is whole has a head");
    let mut empty = form;
    empty.data = Data::Text(String::new());
    assert_eq!((head, at), (empty, time));

    let bit = usize::from(u16::from_le_bytes(*bit)) % (written.len() * 8);
    written[bit / 8] ^= 1 << (bit % 8);
    assert_eq!(record::decode(&written), None, "bit {bit}");
    written[bit / 8] ^= 1 << (bit % 8);
    assert_eq!(
        record::decode(&written[..bit / 8]),
        None,
        "cut at {}",
        bit / 8
    );
}

/// Events that are in the log together: read as a literal reading does, from any of them on, and no
/// bit of what says where they are may change. What is read is written again the same.
///
/// The first two bytes choose the bit, eight more the first offset, one the offset to read from. The
/// rest is a block behind its checksum.
pub fn block(data: &[u8]) {
    let Some((&[low, high, first @ .., skipped], body)) = data.split_first_chunk::<11>() else {
        return;
    };
    let first = u64::from_le_bytes(first);
    let head = literal_head(body);
    let mut whole = block_behind_its_checksum(first, body);

    let literal = literal_block(first, body);
    let parsed = block::Block::parse(first, &whole);
    assert_eq!(parsed.is_some(), literal.is_some());
    let (Some(parsed), Some(literal)) = (parsed, literal) else {
        return;
    };
    assert_eq!(parsed.last() - first + 1, literal.len() as u64);
    assert!(parsed.from(0).eq(literal.iter().copied()));
    let from = first.saturating_add(skipped.into());
    let rest = literal.iter().filter(|(offset, _)| *offset >= from);
    assert!(parsed.from(from).eq(rest.copied()));

    let decoded = literal.iter().map(|(_, bytes)| record::decode(bytes));
    if let Some(decoded) = decoded.collect::<Option<Vec<_>>>()
        && decoded.iter().all(|(_, time)| *time == decoded[0].1)
    {
        let mut written = Vec::new();
        let forms = decoded.iter().map(|(form, _)| form);
        block::encode(first, forms, decoded[0].1, &mut written);
        assert_eq!(written, whole);
        let lengths: Vec<_> = literal.iter().map(|(_, bytes)| bytes.len()).collect();
        assert_eq!(block::sizes(&lengths).last(), Some(whole.len()));
    }

    let bit = usize::from(u16::from_le_bytes([low, high])) % ((4 + head) * 8);
    whole[bit / 8] ^= 1 << (bit % 8);
    assert!(block::Block::parse(first, &whole).is_none(), "bit {bit}");
    whole[bit / 8] ^= 1 << (bit % 8);
    let other = first ^ 1 << (bit % 64);
    assert!(block::Block::parse(other, &whole).is_none(), "at {other}");
}

fn block_behind_its_checksum(first: u64, body: &[u8]) -> Vec<u8> {
    let head = &body[..literal_head(body)];
    let sum = crc_32(&[&first.to_le_bytes(), head].concat());
    [&sum.to_le_bytes(), body].concat()
}

/// Bytes of the number of records and their lengths, as far as they are there.
fn literal_head(body: &[u8]) -> usize {
    let count = body
        .first_chunk()
        .map_or(0, |count| u16::from_le_bytes(*count));
    (2 + 4 * usize::from(count)).min(body.len())
}

/// The records by offset, from the number of them on.
fn literal_block(first: u64, body: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let count = u64::from(u16::from_le_bytes(*body.first_chunk()?));
    let mut at = 2 + 4 * usize::try_from(count).ok()?;
    let mut records = Vec::new();
    for index in 0..count {
        let length = body.get(2 + 4 * usize::try_from(index).ok()?..)?;
        let length = u32::from_le_bytes(*length.first_chunk()?);
        let end = at.checked_add(usize::try_from(length).ok()?)?;
        records.push((first.checked_add(index)?, body.get(at..end)?));
        at = end;
    }
    (at == body.len() && count > 0 && first > 0).then_some(records)
}

/// A commit in the journal: read as a literal reading does, whatever stands behind it, and no bit of it
/// may change, nor its key. What is read is written again the same.
///
/// The first two bytes choose the bit, one the key, eight each where the log begins and the first
/// offset. The rest are blocks behind their checksums, each behind its length in two bytes, and what is
/// no block any more stands behind the entry.
pub fn journal(data: &[u8]) {
    let Some((&[low, high, key, ref fields @ ..], mut rest)) = data.split_first_chunk::<19>()
    else {
        return;
    };
    let (earliest, first) = fields.split_at(8);
    let number = |bytes: &[u8]| u64::from_le_bytes(*bytes.first_chunk().expect("eight bytes"));
    let (mut literal, mut next, mut blocks) = (Vec::new(), number(first), Vec::new());
    while let Some((length, after)) = rest.split_first_chunk()
        && let Some((body, after)) = after.split_at_checked(u16::from_le_bytes(*length).into())
    {
        let bytes = block_behind_its_checksum(next, body);
        let length = u32::try_from(bytes.len())
            .expect("two bytes more")
            .to_le_bytes();
        blocks.extend_from_slice(&length);
        blocks.extend_from_slice(&bytes);
        rest = after;
        let last = literal_block(next, body).map(|records| next + (records.len() as u64 - 1));
        let last = last.filter(|last| *last < u64::MAX);
        literal.push(last.map(|last| (next, bytes, last)));
        let Some(last) = last else { break };
        next = last + 1;
    }
    let length = u32::try_from(blocks.len())
        .expect("a small input")
        .to_le_bytes();
    let covered = [&length[..], earliest, first, &blocks].concat();
    let of = |key| crc_32(&[key]);
    let sum = crc_32(&[&[key], &covered[..]].concat());
    let mut whole = [&sum.to_le_bytes()[..], &covered, rest].concat();
    let len = whole.len() - rest.len();

    let mut behind = &whole[..];
    let written = entry::Written::take(&mut behind, of(key)).expect("an entry");
    assert_eq!(behind, rest);
    assert_eq!(
        (written.earliest, written.first),
        (number(earliest), number(first))
    );
    let read = written.blocks().map(|block| {
        let (first, bytes, block) = block?;
        Some((first, bytes.to_vec(), block.last()))
    });
    assert!(read.eq(literal.iter().cloned()));
    let last = literal.iter().flatten().map(|(_, _, last)| *last).max();
    for head in [0, number(earliest), number(first), next] {
        assert_eq!(
            written.is_beyond(head),
            last.is_some_and(|last| last > head)
        );
    }

    if let Some(literal) = literal.into_iter().collect::<Option<Vec<_>>>() {
        let mut again = entry::Entry::new(number(first));
        for (_, bytes, _) in literal {
            assert_eq!(again.push(|out| out.extend_from_slice(&bytes)), bytes);
        }
        assert_eq!(again.len(), len);
        assert_eq!(again.seal(of(key), number(earliest)), whole[..len]);
    }

    let is_taken = |bytes: &[u8], key| entry::Written::take(&mut &bytes[..], of(key)).is_some();
    assert!(!is_taken(&whole[..len - 1], key));
    assert!(!is_taken(&whole, key ^ 1 << (low % 8)));
    let bit = usize::from(u16::from_le_bytes([low, high])) % (len * 8);
    whole[bit / 8] ^= 1 << (bit % 8);
    // A length that says more than one bit does reaches into what stands behind.
    if !(4..8).contains(&(bit / 8)) {
        assert!(!is_taken(&whole, key), "bit {bit}");
    }
}

/// RFC 1952 §8, bit by bit.
fn crc_32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            sum >> 1 ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}
