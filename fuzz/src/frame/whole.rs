//! Whole messages first: the straight path gives what the events give.

use super::{Outcome, Seen, choice, config, literal, reads, see_data, session, step};
use ws_frame::{CloseCode, Config, Connection, Data, DataKind, OpCode, Rsv, Side, State};

/// Receiving by `Connection::next_whole`, and by events what it leaves: the same messages, errors,
/// answers and end as by events alone, whatever the split and wherever it is asked, and the same as
/// a literal reading of RFC 6455. First bytes: configuration, role and whether a close frame was
/// sent before; the split; at which turns whole messages are asked for.
pub fn connection_whole(mut data: &[u8]) {
    let settings = choice(&mut data);
    let split = choice(&mut data);
    let turns = choice(&mut data);
    let config = config(settings);
    let stream = Stream {
        client: settings & 16 != 0,
        closing: settings & 32 != 0,
        config,
        data,
    };
    if stream.client {
        stream.compare(split, turns, || Connection::client(config, || literal::KEY));
    } else {
        stream.compare(split, turns, || Connection::server(config));
    }
}

/// What one end of a connection receives.
struct Stream<'d> {
    /// Whether that end is the client.
    client: bool,
    /// Whether it has sent its close frame before.
    closing: bool,
    config: Config,
    data: &'d [u8],
}

impl Stream<'_> {
    fn compare<S: Side>(&self, split: u8, turns: u8, new: impl Fn() -> Connection<S>) {
        let new = || {
            let mut connection = new();
            if self.closing {
                let closed = connection.close(CloseCode::NORMAL, "", &mut Vec::new());
                assert_eq!(closed, Ok(()));
            }
            connection
        };
        let by_events = session(new(), self.data, split);
        for split in [0, split, 1] {
            for turns in [turns, 0xff] {
                let (by_whole, unlent) = self.by_whole(new(), split, turns);
                let mut expected = by_events.clone();
                if unlent {
                    without_good_start(&mut expected.0);
                }
                assert_eq!(by_whole, expected);
            }
        }
        if !self.closing {
            let expected = literal::receive(&self.config, self.client, self.data);
            let (seen, out, state, end) = by_events;
            assert_eq!(
                (seen, out, end),
                (expected.seen, expected.out, expected.end)
            );
            assert_eq!(state == State::Closed, expected.closed);
        }
    }

    /// What came of asking for whole messages at the turns that the bits of `turns` name, and
    /// whether the good start of a bad text was not lent.
    fn by_whole<S: Side>(
        &self,
        mut connection: Connection<S>,
        split: u8,
        turns: u8,
    ) -> (Outcome, bool) {
        let starts = self.frame_starts();
        let (mut seen, mut out) = (Vec::new(), Vec::new());
        let (mut unlent, mut turn, mut consumed) = (false, 0, 0);
        for read in reads(self.data, split) {
            let mut bytes = read.to_vec();
            let mut input = &mut bytes[..];
            loop {
                turn += 1;
                let asked = turns >> (turn % 8) & 1 != 0;
                let before = input.to_vec();
                if asked {
                    let at = consumed + read.len() - before.len();
                    let whole = connection.state() != State::Closed
                        && !connection.is_receiving_message()
                        && !unlent
                        && !seen.iter().any(is_open)
                        && starts.contains(&at)
                        && self.begins_with_a_message(&before);
                    if let Some(data) = connection.next_whole(&mut input) {
                        assert!(whole, "a message where none stands");
                        check_lent(&data, input);
                        see_data(&mut seen, &data);
                        continue;
                    }
                    if whole {
                        // Only a text that is none is consumed without a word.
                        assert!(input.len() < before.len(), "a message was left");
                        unlent = true;
                        let left = input.len();
                        assert!(connection.next_whole(&mut input).is_none());
                        assert_eq!(input.len(), left);
                    } else {
                        assert_eq!(input, before, "touched and not taken");
                    }
                }
                if !step(&mut connection, &mut input, &mut seen, &mut out) {
                    break;
                }
            }
            consumed += read.len();
        }
        let state = connection.state();
        let end = connection.receive_eof().code().get();
        ((seen, out, state, end), unlent)
    }

    /// Where frames begin, as far as they can be read.
    fn frame_starts(&self) -> Vec<usize> {
        let (mut starts, mut at) = (vec![0], 0_usize);
        while let Some(Ok(Some((header, used)))) = self.data.get(at..).map(literal::header) {
            at = at
                .saturating_add(used)
                .saturating_add(usize::try_from(header.len).unwrap_or(usize::MAX));
            starts.push(at);
        }
        starts
    }

    /// Whether `input`, at the start of a frame between messages, begins with what `next_whole`
    /// says that it takes.
    fn begins_with_a_message(&self, input: &[u8]) -> bool {
        let Ok(Some((header, used))) = literal::header(input) else {
            return false;
        };
        let limits = self.config.limits();
        let largest = limits.max_frame().min(limits.max_message()).min(16 * 1024);
        header.fin
            && matches!(header.opcode, OpCode::Text | OpCode::Binary)
            && header.rsv == Rsv::NONE
            && header.mask.is_some() != self.client
            && header.len <= largest
            && limits.max_fragments() > 0
            && (input.len() - used) as u64 >= header.len
    }
}

/// Whether a message has begun and not ended.
fn is_open(seen: &Seen) -> bool {
    matches!(seen, Seen::Message(.., ended) if !*ended)
}

/// A message comes whole and plain, and its bytes are the last that were consumed.
fn check_lent(data: &Data<'_>, input: &[u8]) {
    assert!(data.start && data.end && !data.compressed);
    assert_eq!(data.bytes.as_ptr_range().end, input.as_ptr());
    let text = (data.kind == DataKind::Text).then_some(data.bytes);
    assert_eq!(data.as_str().map(str::as_bytes), text);
}

/// The events lend what is good of a bad text before its error; the straight path does not.
fn without_good_start(seen: &mut Vec<Seen>) {
    let error = seen.pop();
    assert_eq!(
        error,
        Some(Seen::Error(ws_frame::ConnectionError::InvalidUtf8))
    );
    seen.pop_if(|last| is_open(last));
    seen.extend(error);
}
