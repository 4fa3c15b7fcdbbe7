//! HTML Standard §9.2.5 and §9.2.6 read literally: the whole stream decoded, then line by line.
#![allow(
    clippy::std_instead_of_core,
    unreachable_pub,
    reason = "a test of a std program"
)]

use std::time::Duration;

/// An [`sse_parse::Item`] that owns its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Event {
        name: String,
        data: String,
        id: String,
    },
    Comment(String),
    Retry(Duration),
    Id(String),
}

pub fn read(stream: &[u8]) -> Vec<Told> {
    let text = String::from_utf8_lossy(stream.strip_prefix(b"\xef\xbb\xbf").unwrap_or(stream));
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut told = Vec::new();
    let (mut data, mut name, mut id, mut last_id) =
        (String::new(), String::new(), String::new(), String::new());
    let mut has_id = false;
    // What stands behind the last line end is an unfinished line.
    let complete = text.rfind('\n').map_or("", |end| &text[..=end]);
    for line in complete.split_terminator('\n') {
        if line.is_empty() {
            last_id.clone_from(&id);
            if !data.is_empty() {
                data.pop();
                told.push(Told::Event {
                    name: if name.is_empty() {
                        "message".into()
                    } else {
                        name.clone()
                    },
                    data: data.clone(),
                    id: last_id.clone(),
                });
            } else if has_id {
                told.push(Told::Id(last_id.clone()));
            }
            data.clear();
            name.clear();
            has_id = false;
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => told.push(Told::Comment(value.into())),
            "event" => name = value.into(),
            "data" => {
                data.push_str(value);
                data.push('\n');
            }
            "id" if !value.contains('\0') => {
                id = value.into();
                has_id = true;
            }
            "retry" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                let millis = value.bytes().fold(0u64, |n, b| {
                    n.saturating_mul(10).saturating_add(u64::from(b - b'0'))
                });
                told.push(Told::Retry(Duration::from_millis(millis)));
            }
            _ => {}
        }
    }
    told
}
