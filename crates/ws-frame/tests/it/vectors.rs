//! Every row of `fuzz/vectors/ws-frame.json`; sessions whole, cut in two at every byte, and byte by
//! byte.

use serde_json::Value;
use ws_frame::{
    CloseCode, Config, Connection, DataKind, FrameHeader, Limits, MaskKey, OpCode, Rsv,
    Utf8Validator, mask,
};

use crate::support::{KEY, Record, Seen, feed};

fn rows(section: &str) -> Vec<Value> {
    let text = include_str!("../../../../fuzz/vectors/ws-frame.json");
    let vectors: Value = serde_json::from_str(text).unwrap();
    let rows = vectors[section].as_array().unwrap().clone();
    assert!(!rows.is_empty(), "{section}");
    rows
}

fn bytes(value: &Value) -> Vec<u8> {
    let digits = value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no string"));
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn key(value: &Value) -> MaskKey {
    MaskKey::new(bytes(value).try_into().unwrap())
}

#[test]
fn headers() {
    for row in rows("headers") {
        let input = bytes(&row["bytes"]);
        let decoded = FrameHeader::decode(&input);
        if let Some(error) = row["error"].as_str() {
            assert_eq!(format!("{:?}", decoded.unwrap_err()), error, "{row}");
        } else if row["cut"] == true {
            assert_eq!(decoded, Ok(None), "{row}");
        } else {
            let (header, used) = decoded.unwrap().unwrap();
            let opcode = u8::try_from(row["opcode"].as_u64().unwrap()).unwrap();
            let bits = row["rsv"].as_u64().unwrap();
            let rsv = [(4, Rsv::RSV1), (2, Rsv::RSV2), (1, Rsv::RSV3)];
            let expected = FrameHeader {
                fin: row["fin"].as_bool().unwrap(),
                rsv: rsv
                    .iter()
                    .filter(|(bit, _)| bits & bit != 0)
                    .fold(Rsv::NONE, |all, (_, rsv)| all | *rsv),
                opcode: OpCode::from_byte(opcode).unwrap(),
                mask: row["mask"].is_string().then(|| key(&row["mask"])),
                len: row["len"].as_str().unwrap().parse().unwrap(),
            };
            assert_eq!(header, expected, "{row}");
            assert_eq!(used as u64, row["used"].as_u64().unwrap(), "{row}");
            assert_eq!(&*header.encode(), &input[..used], "{row}");
        }
    }
}

#[test]
fn masks() {
    for row in rows("masks") {
        let mut data = bytes(&row["plain"]);
        let phase = usize::try_from(row["phase"].as_u64().unwrap()).unwrap();
        mask(key(&row["key"]), phase, &mut data);
        assert_eq!(data, bytes(&row["masked"]), "{row}");
    }
}

#[test]
fn texts() {
    for row in rows("texts") {
        let text = bytes(&row["bytes"]);
        let mut utf8 = Utf8Validator::new();
        let bad_at = utf8.push(&text).err().map(|error| error.at as u64);
        assert_eq!(bad_at, row["bad_at"].as_u64(), "{row}");
        assert_eq!(
            utf8.is_complete(),
            bad_at.is_none() && row["open"] != true,
            "{row}"
        );
    }
}

#[test]
fn close_codes() {
    let ranges = rows("close_codes");
    for code in 0..=u16::MAX {
        let inside = |range: &Value| {
            (range[0].as_u64().unwrap()..=range[1].as_u64().unwrap()).contains(&u64::from(code))
        };
        assert_eq!(
            CloseCode::new(code).is_some(),
            ranges.iter().any(inside),
            "{code}"
        );
    }
}

fn event(value: &Value) -> Seen {
    let (name, content) = value.as_object().unwrap().iter().next().unwrap();
    let binary = DataKind::Binary;
    match &**name {
        "text" => {
            let text = content.as_str().unwrap().as_bytes();
            Seen::Message(DataKind::Text, text.to_vec(), false, true)
        }
        "partial_text" => Seen::Message(DataKind::Text, bytes(content), false, false),
        "binary" => Seen::Message(binary, bytes(content), false, true),
        "partial_binary" => Seen::Message(binary, bytes(content), false, false),
        "compressed" => Seen::Message(DataKind::Text, bytes(content), true, true),
        "partial_compressed" => Seen::Message(DataKind::Text, bytes(content), true, false),
        "ping" => Seen::Ping(bytes(content)),
        "pong" => Seen::Pong(bytes(content)),
        "close" => {
            let code = u16::try_from(content.as_u64().unwrap()).unwrap();
            Seen::Close(code, value["reason"].as_str().unwrap().to_owned())
        }
        name => panic!("no event is called {name}"),
    }
}

fn config(row: &Value) -> Config {
    let limits = Limits::default();
    let or = |name: &str, default: u64| row[name].as_u64().unwrap_or(default);
    let or_u32 = |name: &str, default: u32| u32::try_from(or(name, default.into())).unwrap();
    let limits = limits
        .with_max_message(or("max_message", limits.max_message()))
        .with_max_frame(or("max_frame", limits.max_frame()))
        .with_max_fragments(or_u32("max_fragments", limits.max_fragments()))
        .with_control_budget(or_u32("control_budget", limits.control_budget()));
    Config::default()
        .with_limits(limits)
        .with_compression(row["compression"] == true)
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-10.7
//= type=test
//# Incoming data MUST always be validated by both clients and servers.
#[test]
fn sessions() {
    for row in rows("sessions") {
        let config = config(&row);
        let run = |chunks: &[&[u8]]| match row["role"].as_str().unwrap() {
            "server" => feed(&mut Connection::server(config), chunks),
            "client" => feed(&mut Connection::client(config, || KEY), chunks),
            role => panic!("no role is called {role}"),
        };
        let check = |mut record: Record| {
            if let Some(error) = record.error() {
                // The name of the rule, whichever enum it is in.
                let shown = format!("{error:?}");
                let shown = shown.strip_prefix("Frame(").unwrap_or(&shown);
                let name = shown.split(|c: char| !c.is_alphanumeric()).next();
                assert_eq!(name, row["error"].as_str(), "{row}");
                record.seen.pop();
            } else {
                assert_eq!(row["error"], Value::Null);
            }
            let expected: Vec<Seen> = row["events"]
                .as_array()
                .unwrap()
                .iter()
                .map(event)
                .collect();
            assert_eq!(record.seen, expected, "{row}");
            assert_eq!(record.out, bytes(&row["out"]), "{row}");
        };
        let input = bytes(&row["bytes"]);
        check(run(&[&input]));
        for at in 0..=input.len() {
            check(run(&[&input[..at], &input[at..]]));
        }
        check(run(&input.chunks(1).collect::<Vec<_>>()));
    }
}
