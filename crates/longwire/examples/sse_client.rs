//! Prints an event stream, like `curl -N`, but it reconnects, resumes, and says why.
//!
//! ```sh
//! cargo run --example sse_client -- http://127.0.0.1:8080/events -H "authorization: Bearer …"
//! ```
//!
//! `--timing` shows when each event came and, where its id or data holds a Unix time, how long it
//! was under way. Events that come together after a pause were collected by something in between;
//! that is said. `--patient` comes back after 408, 429 and 5xx too, and `--last ID` resumes.

use core::error::Error;
use core::time::Duration;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use longwire::sse::{EventSource, EventSourceConfig, Update};

/// Events closer together than this came in one piece.
const TOGETHER: Duration = Duration::from_millis(2);
/// A pause worth the name.
const PAUSE: Duration = Duration::from_millis(200);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (mut request, mut config) = (http::Request::builder(), EventSourceConfig::new());
    let mut timing = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} what?"));
        match argument.as_str() {
            "-H" => {
                let field = value()?;
                let (name, value) = field.split_once(':').ok_or("-H \"name: value\"")?;
                request = request.header(name, value.trim());
            }
            "--last" => config = config.last_event_id(value()?),
            "--patient" => config = config.retry_statuses(),
            "--timing" => timing = true,
            url => request = request.uri(url),
        }
    }
    let mut source = EventSource::with_config(request.body(Bytes::new())?, config)?;
    let (begun, mut clock) = (Instant::now(), Clock::default());
    while let Some(update) = source.next_update().await {
        match update {
            Ok(Update::Event(event)) => {
                if timing {
                    let sent = sent(event.id).or_else(|| sent(event.data));
                    println!("# {:?}{}", begun.elapsed(), clock.tick(sent));
                }
                println!("{} [{}] {}", event.name, event.id, event.data);
            }
            Ok(Update::Opened(head)) => eprintln!("# open: {:?}, {:?}", head.version, head.headers),
            Ok(Update::Comment(text)) if timing => eprintln!("# comment:{text}"),
            Ok(Update::Lost { error, retry_in }) => eprintln!("# {error}; again in {retry_in:?}"),
            Ok(_) => {}
            Err(error) => eprintln!("# {error}: {:?}", error.refusal().map(|r| &r.body)),
        }
    }
    Ok(())
}

/// When events came.
#[derive(Default)]
struct Clock {
    last: Option<Instant>,
    paused: bool,
    together: u32,
}

impl Clock {
    /// An event came: what is to be said about its time.
    fn tick(&mut self, sent: Option<Duration>) -> String {
        let now = Instant::now();
        let quiet = self.last.replace(now).map(|last| now - last);
        if quiet.is_none_or(|quiet| quiet >= TOGETHER) {
            (self.paused, self.together) = (quiet.is_some_and(|quiet| quiet >= PAUSE), 0);
        }
        self.together += 1;
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let on_the_way = wall.ok().zip(sent);
        let on_the_way = on_the_way.and_then(|(now, sent)| now.checked_sub(sent));
        let mut text = on_the_way.map_or(String::new(), |time| format!(", sent {time:.3?} ago"));
        if self.paused && self.together > 1 {
            text += &format!(", buffered: {} at once after a pause", self.together);
        }
        text
    }
}

/// The first Unix time in a text, in seconds, milliseconds, microseconds or nanoseconds.
fn sent(text: &str) -> Option<Duration> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit());
    let time = numbers.find(|digits| matches!(digits.len(), 10 | 13 | 16 | 19))?;
    let zeros = 10_u64.pow(u32::try_from(19 - time.len()).ok()?);
    let time: u64 = time.parse().ok()?;
    Some(Duration::from_nanos(time.checked_mul(zeros)?))
}
