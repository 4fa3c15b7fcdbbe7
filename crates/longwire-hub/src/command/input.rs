//! What is to be published, read by a thread that may wait for it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::thread;

use hub_protocol::MAX_DATA;
use tokio::sync::mpsc::{Receiver, channel};

/// Where the data of events comes from.
#[derive(Debug)]
pub(super) enum Source {
    Argument(OsString),
    /// Each line of standard input.
    Lines,
    /// Each file as a whole; `-` is standard input.
    Files(Vec<PathBuf>),
}

/// The data of an event, or why it cannot be read.
pub(super) type Input = Result<Vec<u8>, String>;

/// Events that were read and not yet taken.
const AHEAD: usize = 16;

/// Reads what is to be published; the end of the channel is that of the input.
///
/// # Errors
///
/// The system has no thread to give.
pub(super) fn read(source: Source) -> io::Result<Receiver<Input>> {
    let (sender, events) = channel(AHEAD);
    let reader = thread::Builder::new().name("longwire-input".into());
    reader.spawn(move || {
        let mut give = |input: Input| sender.blocking_send(input).is_ok();
        match source {
            Source::Argument(data) => {
                give(Ok(data.into_vec()));
            }
            Source::Lines => lines(io::stdin().lock(), &mut give),
            Source::Files(files) => {
                files.iter().all(|file| give(whole(file)));
            }
        }
    })?;
    Ok(events)
}

/// Gives each line without its end (LF or CRLF), until it is not wanted any more.
fn lines(mut input: impl BufRead, give: &mut impl FnMut(Input) -> bool) {
    // An event that is too large need not be read to its end to be known as such; the rest of its
    // line is passed over.
    let most = MAX_DATA as u64 + 2;
    loop {
        let mut line = Vec::new();
        match input.by_ref().take(most).read_until(b'\n', &mut line) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                give(Err(format!("standard input: {error}")));
                return;
            }
        }
        if line.pop_if(|end| *end == b'\n').is_some() {
            line.pop_if(|end| *end == b'\r');
        } else if line.len() as u64 == most && input.skip_until(b'\n').is_err() {
            return;
        }
        if !give(Ok(line)) {
            return;
        }
    }
}

/// A whole file, up to one byte more than an event may have.
fn whole(path: &Path) -> Input {
    let read = |input: &mut dyn Read| {
        let mut data = Vec::new();
        let read = input.take(MAX_DATA as u64 + 1).read_to_end(&mut data);
        read.map(|_| data)
    };
    if path.as_os_str() == "-" {
        read(&mut io::stdin().lock())
    } else {
        File::open(path).and_then(|file| read(&mut BufReader::new(file)))
    }
    .map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &[u8]) -> Vec<Vec<u8>> {
        let mut given = Vec::new();
        lines(input, &mut |line| {
            given.push(line.unwrap());
            true
        });
        given
    }

    #[test]
    fn lines_end_with_lf_or_crlf_or_the_input() {
        assert_eq!(all(b""), [b""; 0]);
        assert_eq!(
            all(b"a\n\r\n\nb\rc\r\nd"),
            ["a", "", "", "b\rc", "d"].map(Vec::from)
        );
        assert_eq!(all(b"a\r"), [b"a\r"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_one_event_that_is_too_large() {
        let mut input = vec![b'x'; 3 * MAX_DATA];
        input.extend_from_slice(b"\nnext\n");
        let given = all(&input);
        assert_eq!(given.len(), 2);
        assert!(given[0].len() > MAX_DATA && given[0].len() <= MAX_DATA + 2);
        assert_eq!(given[1], b"next");
        // The longest that fits does, with either end.
        for end in ["\n", "\r\n", ""] {
            let line = [&vec![b'x'; MAX_DATA], end.as_bytes()].concat();
            assert_eq!(all(&line)[0].len(), MAX_DATA);
        }
    }
}
