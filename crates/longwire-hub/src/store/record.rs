//! How an event is written down.
//!
//! ```text
//! crc-32 (4) │ version (1) │ time (8) │ flags (1) │ topics (1) │ per topic: length (2), bytes
//!            │ if flagged: id: length (1), bytes │ event: length (1), bytes │ retry (8) │ data …
//! ```
//!
//! Numbers are little-endian. The checksum covers everything after it.

use hub_protocol::{Data, PublishForm};

/// Of the format above.
const VERSION: u8 = 1;

const PRIVATE: u8 = 1;
const BINARY: u8 = 2;
const ID: u8 = 4;
const EVENT: u8 = 8;
const RETRY: u8 = 16;

/// Bytes of an event, written down.
pub(super) fn length(form: &PublishForm) -> usize {
    let topics = form.topics.iter().map(|topic| 2 + topic.len());
    let texts = [&form.id, &form.event].into_iter().flatten();
    let texts = texts.map(|text| 1 + text.len());
    let retry = if form.retry.is_some() { 8 } else { 0 };
    4 + 1 + 8 + 2 + topics.sum::<usize>() + texts.sum::<usize>() + retry + form.data.len()
}

/// Appends an event to `out`. `time` is in milliseconds since 1970.
pub(super) fn encode(form: &PublishForm, time: u64, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.push(VERSION);
    out.extend_from_slice(&time.to_le_bytes());
    let (binary, data) = match &form.data {
        Data::Text(text) => (false, text.as_bytes()),
        Data::Binary(bytes) => (true, bytes.as_slice()),
    };
    let mut flags = 0;
    for (flag, set) in [
        (PRIVATE, form.private),
        (BINARY, binary),
        (ID, form.id.is_some()),
        (EVENT, form.event.is_some()),
        (RETRY, form.retry.is_some()),
    ] {
        flags |= if set { flag } else { 0 };
    }
    // Every length was checked when the form was: 128 topics of 256 bytes, 255 for the others.
    let [topics, ..] = form.topics.len().to_le_bytes();
    out.extend_from_slice(&[flags, topics]);
    for topic in &form.topics {
        let [low, high, ..] = topic.len().to_le_bytes();
        out.extend_from_slice(&[low, high]);
        out.extend_from_slice(topic.as_bytes());
    }
    for text in [&form.id, &form.event].into_iter().flatten() {
        let [length, ..] = text.len().to_le_bytes();
        out.push(length);
        out.extend_from_slice(text.as_bytes());
    }
    if let Some(retry) = form.retry {
        out.extend_from_slice(&retry.to_le_bytes());
    }
    out.extend_from_slice(data);
    let sum = crc_32(&out[start + 4..]);
    out[start..start + 4].copy_from_slice(&sum.to_le_bytes());
}

/// Reads what [`encode`] wrote: the form and its time. `None` if a byte is not as it was written.
pub(super) fn decode(record: &[u8]) -> Option<(PublishForm, u64)> {
    let (sum, rest) = record.split_first_chunk()?;
    if crc_32(rest) != u32::from_le_bytes(*sum) {
        return None;
    }
    let (mut form, time, flags, data) = header(rest)?;
    form.data = if flags & BINARY == 0 {
        Data::Text(String::from_utf8(data.to_vec()).ok()?)
    } else {
        Data::Binary(data.to_vec())
    };
    Some((form, time))
}

/// The form without its data, and its time; the checksum is not looked at.
pub(super) fn decode_header(record: &[u8]) -> Option<(PublishForm, u64)> {
    let (form, time, ..) = header(record.get(4..)?)?;
    Some((form, time))
}

fn header(mut rest: &[u8]) -> Option<(PublishForm, u64, u8, &[u8])> {
    let rest = &mut rest;
    let [version] = take(rest)?;
    if version != VERSION {
        return None;
    }
    let time = u64::from_le_bytes(take(rest)?);
    let [flags, topics] = take(rest)?;
    let topics = (0..topics).map(|_| {
        let length = u16::from_le_bytes(take(rest)?);
        text(rest, length.into())
    });
    let topics = topics.collect::<Option<Vec<_>>>()?;
    let mut form = PublishForm::new(topics, Data::Text(String::new()));
    form.private = flags & PRIVATE != 0;
    for (flag, slot) in [(ID, &mut form.id), (EVENT, &mut form.event)] {
        if flags & flag != 0 {
            let [length] = take(rest)?;
            *slot = Some(text(rest, length.into())?);
        }
    }
    if flags & RETRY != 0 {
        form.retry = Some(u64::from_le_bytes(take(rest)?));
    }
    Some((form, time, flags, rest))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

fn text(rest: &mut &[u8], length: usize) -> Option<String> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    String::from_utf8(taken.to_vec()).ok()
}

/// CRC-32 of ISO 3309 (RFC 1952, section 8), eight bytes at a time.
pub(super) fn crc_32(bytes: &[u8]) -> u32 {
    crc_32_after(0, bytes)
}

/// That of bytes that come after others, of which it is `before`.
pub(super) fn crc_32_after(before: u32, bytes: &[u8]) -> u32 {
    let (words, tail) = bytes.as_chunks::<8>();
    let mut sum = !before;
    for word in words {
        let [a, b, c, d] = (sum ^ u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
            .to_le_bytes()
            .map(usize::from);
        let [e, f, g, h] = [word[4], word[5], word[6], word[7]].map(usize::from);
        sum = CRC[7][a]
            ^ CRC[6][b]
            ^ CRC[5][c]
            ^ CRC[4][d]
            ^ CRC[3][e]
            ^ CRC[2][f]
            ^ CRC[1][g]
            ^ CRC[0][h];
    }
    for byte in tail {
        sum = CRC[0][usize::from(sum.to_le_bytes()[0] ^ byte)] ^ sum >> 8;
    }
    !sum
}

/// For a byte that is followed by as many others as the index of its row.
static CRC: [[u32; 256]; 8] = {
    let mut rows = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let mut sum = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 {
                0xedb8_8320 ^ sum >> 1
            } else {
                sum >> 1
            };
            bit += 1;
        }
        rows[0][byte] = sum;
        byte += 1;
    }
    let mut row = 1;
    while row < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = rows[row - 1][byte];
            rows[row][byte] = rows[0][(before & 0xff) as usize] ^ before >> 8;
            byte += 1;
        }
        row += 1;
    }
    rows
};

#[cfg(test)]
mod tests {
    use super::*;

    fn forms() -> Vec<PublishForm> {
        let plain = PublishForm::new(vec!["a".into()], Data::Text(String::new()));
        let mut full =
            PublishForm::new(vec!["t".repeat(256); 64], Data::Text("grüße\n".repeat(100)));
        full.id = Some("i".repeat(255));
        full.event = Some("e".repeat(255));
        full.retry = Some(9_999_999_999);
        full.private = true;
        let binary = PublishForm::new(vec!["b".into()], Data::Binary((0..=255).collect()));
        vec![plain, full, binary]
    }

    #[test]
    fn what_is_written_is_read() {
        for form in forms() {
            let mut record = Vec::new();
            encode(&form, 1_234, &mut record);
            assert_eq!(length(&form), record.len());
            assert_eq!(decode(&record), Some((form.clone(), 1_234)));
            let (header, time) = decode_header(&record).unwrap();
            assert_eq!(
                (header.topics, header.id, time),
                (form.topics, form.id, 1_234)
            );
        }
    }

    #[test]
    fn no_bit_can_change_unnoticed() {
        for mut form in forms() {
            form.topics.truncate(1);
            if let Data::Text(text) = &mut form.data {
                text.truncate(7);
            }
            let mut record = Vec::new();
            encode(&form, 1_234, &mut record);
            for bit in 0..record.len() * 8 {
                record[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(decode(&record), None, "bit {bit}");
                record[bit / 8] ^= 1 << (bit % 8);
            }
            for end in 0..record.len() {
                assert_eq!(decode(&record[..end]), None, "cut at {end}");
            }
        }
    }

    #[test]
    fn the_checksum_is_the_one_of_zip_and_png() {
        assert_eq!(crc_32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc_32(b""), 0);
        assert_eq!(crc_32_after(crc_32(b"1234"), b"56789"), 0xcbf4_3926);
    }
}
