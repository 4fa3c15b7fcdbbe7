//! `longwire pub`.

use core::time::Duration;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use longwire::hub::{
    Data, ErrorCode, Event, Outcome, PublishForm, PublishRefused, Reconnecting, State,
};
use tokio::sync::mpsc::Receiver;
use tokio::time::{MissedTickBehavior, interval};

use super::counter::{Counter, Grouped};
use super::input::{self, Input, Source};
use super::record::Record;
use super::{Exit, Failure, Hub, Stop, complain, time};

/// Publish events, and print the id of each once the hub has it
#[derive(Args, Debug)]
#[command(after_help = EXITS)]
pub(crate) struct Publish {
    #[command(flatten)]
    hub: Hub,

    /// Topic (repeatable; the first is the canonical one)
    #[arg(long = "topic", short, value_name = "TOPIC", required = true)]
    topics: Vec<String>,

    /// The data of one event
    #[arg(value_name = "DATA")]
    #[arg(required_unless_present_any = ["lines", "files"], conflicts_with_all = ["lines", "files"])]
    data: Option<OsString>,

    /// Publish each line of standard input as an event, in order, many at a time
    #[arg(long, conflicts_with = "files")]
    lines: bool,

    /// Publish the content of a file as an event (repeatable); `-` is standard input
    #[arg(long = "file", short, value_name = "FILE", num_args = 1..)]
    files: Vec<PathBuf>,

    /// The data is bytes, not text
    #[arg(long)]
    binary: bool,

    /// Id of the event; of several it is ID-1, ID-2 and so on. What the hub has under the same id
    /// is not published again
    #[arg(long, value_name = "ID")]
    id: Option<String>,

    /// Name of the event, which `addEventListener` listens to
    #[arg(long = "type", value_name = "NAME")]
    event: Option<String>,

    /// Reconnection time to tell subscribers, in milliseconds
    #[arg(long, value_name = "MS")]
    retry: Option<u64>,

    /// Only for subscribers whose token grants a topic
    #[arg(long)]
    private: bool,

    /// Only for those who are connected now
    #[arg(long)]
    ephemeral: bool,

    /// Print a line of JSON for each event in place of its id
    #[arg(long)]
    json: bool,

    /// How long to try while nothing is acknowledged, such as 500ms, 90 or 15m
    #[arg(long, value_name = "TIME", default_value = "60", value_parser = time)]
    timeout: Duration,

    /// Events sent before the first of them is acknowledged; with 1 their order holds even if the
    /// hub is overloaded
    #[arg(long, value_name = "N", default_value_t = 64)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1024))]
    in_flight: u16,
}

const EXITS: &str = "\
An event that the hub does not answer is sent again, with growing delays and under the same id, so \
that it is in the log once. Events without --id get an id of their own.

Exit codes:
  0  the hub has every event
  1  an event was refused, or cannot be read, or it is not known what became of it
  2  the arguments cannot be used
  3  the hub cannot be reached, or acknowledges nothing, for as long as --timeout says
  4  the token is missing or not valid, or does not grant a topic";

/// Bytes of data that are under way at once, but for a single event.
const MOST_BYTES: usize = 8 << 20;
/// How often the counter is drawn and the time looked at.
const TICK: Duration = Duration::from_millis(100);

impl Publish {
    pub(crate) fn run(self) -> ExitCode {
        super::run(self.publish())
    }

    async fn publish(self) -> Result<Exit, Failure> {
        let mut stop = Stop::new()?;
        let window = usize::from(self.in_flight);
        let (connect, _) = self.hub.connect()?;
        let connect = connect.in_flight(window).queue(window, usize::MAX);
        // Only topics of subscriptions could be wrong.
        let open = connect.open();
        let mut client = open.map_err(|error| Failure::new(Exit::Usage, error))?;
        let mut input = Some(self.read()?);
        let mut work = Work::new(self);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let more = client.queued() < window && work.bytes < MOST_BYTES;
            // One that has ended says why.
            if input.is_none() && client.queued() == 0 && client.state() != State::Closed {
                break;
            }
            tokio::select! {
                biased;
                () = stop.told() => break,
                _ = tick.tick() => {
                    work.draw(&client);
                    work.flush();
                    if client.queued() == 0 {
                        work.progress = Instant::now();
                    } else if work.progress.elapsed() > work.options.timeout {
                        work.failure = Some(work.options.hub.unreachable(&client));
                        break;
                    }
                }
                event = client.next() => match event {
                    Some(event) => work.happened(event),
                    None => {
                        work.failure = Some(work.options.hub.ended(&client));
                        break;
                    }
                },
                data = next(&mut input), if more && input.is_some() => match data {
                    Some(data) => work.send(&mut client, data),
                    None => input = None,
                },
            }
        }
        // There is no position to save that could fail to be.
        for event in client.close().await.unwrap_or_default() {
            work.happened(event);
        }
        work.end()
    }

    fn read(&self) -> Result<Receiver<Input>, Failure> {
        let source = match &self.data {
            Some(data) => Source::Argument(data.clone()),
            None if self.lines => Source::Lines,
            None => Source::Files(self.files.clone()),
        };
        input::read(source).map_err(|error| Failure::new(Exit::Failed, error))
    }

    /// The event with this number.
    fn form(&self, number: u64, data: Vec<u8>) -> Result<PublishForm, &'static str> {
        let data = if self.binary {
            Data::Binary(data)
        } else {
            let text = String::from_utf8(data);
            Data::Text(text.map_err(|_| "it is not UTF-8: publish it with --binary")?)
        };
        let mut form = PublishForm::new(self.topics.clone(), data);
        form.id = self.id.as_ref().map(|id| {
            if self.lines || self.files.len() > 1 {
                format!("{id}-{number}")
            } else {
                id.clone()
            }
        });
        form.event.clone_from(&self.event);
        form.retry = self.retry;
        form.private = self.private;
        form.ephemeral = self.ephemeral;
        Ok(form)
    }
}

async fn next(input: &mut Option<Receiver<Input>>) -> Option<Input> {
    match input {
        Some(input) => input.recv().await,
        None => None,
    }
}

/// What was published so far, and what became of it.
struct Work {
    options: Publish,
    counter: Counter,
    out: Vec<u8>,
    /// Numbers of events by those of the client, and their sizes.
    under_way: HashMap<u64, (u64, usize)>,
    bytes: usize,
    read: u64,
    acknowledged: u64,
    refused: u64,
    /// Refused for want of rights.
    forbidden: u64,
    unknown: u64,
    /// When the hub last took something, or nothing waited.
    progress: Instant,
    failure: Option<Failure>,
}

impl Work {
    fn new(options: Publish) -> Self {
        let several = options.lines || options.files.len() > 1;
        Self {
            counter: Counter::new(!options.hub.quiet && several),
            options,
            out: Vec::new(),
            under_way: HashMap::new(),
            bytes: 0,
            read: 0,
            acknowledged: 0,
            refused: 0,
            forbidden: 0,
            unknown: 0,
            progress: Instant::now(),
            failure: None,
        }
    }

    /// Gives an event to the client.
    fn send(&mut self, client: &mut Reconnecting, input: Input) {
        self.read += 1;
        let number = self.read;
        let form = input.and_then(|data| {
            let form = self.options.form(number, data);
            form.map_err(|reason| reason.to_owned())
        });
        let form = match form {
            Ok(form) => form,
            Err(reason) => return self.refuse(number, ErrorCode::Invalid, &reason),
        };
        let size = form.data.len();
        match client.publish(form) {
            Ok(item) => {
                self.bytes += size;
                self.under_way.insert(item, (number, size));
            }
            Err(PublishRefused::Invalid(error)) => {
                self.refuse(number, ErrorCode::Invalid, &error.to_string());
            }
            // The client has ended: what it says next tells why.
            Err(_) => self.unknown += 1,
        }
    }

    fn happened(&mut self, event: Event) {
        match event {
            Event::Opened { .. } => self.progress = Instant::now(),
            Event::Interrupted(end) => {
                let (hub, end) = (&self.options.hub, super::Described(Some(end)));
                self.counter.clear();
                hub.say(format_args!("{} {end}; trying again", hub.url));
            }
            Event::Published { number, outcome } => {
                let Some((number, size)) = self.under_way.remove(&number) else {
                    return;
                };
                self.bytes -= size;
                self.progress = Instant::now();
                self.became(number, outcome);
            }
            _ => {}
        }
    }

    fn became(&mut self, number: u64, outcome: Outcome) {
        match outcome {
            Outcome::Acknowledged { id, position } => {
                self.acknowledged += 1;
                if self.options.json {
                    let record = Record {
                        number: Some(number),
                        id: id.as_deref(),
                        position: position.map(|position| position.to_string()),
                        ..Record::new("acknowledged")
                    };
                    record.write(&mut self.out);
                } else {
                    self.out
                        .extend_from_slice(id.unwrap_or_default().as_bytes());
                    self.out.push(b'\n');
                }
            }
            Outcome::Rejected { code, message } => {
                if matches!(code, ErrorCode::Unauthorized | ErrorCode::Forbidden) {
                    self.forbidden += 1;
                }
                self.refuse(number, code, &message);
            }
            outcome => {
                self.unknown += 1;
                if self.options.json {
                    let record = Record {
                        number: Some(number),
                        ..Record::new(match outcome {
                            Outcome::Unsent => "unsent",
                            _ => "unknown",
                        })
                    };
                    record.write(&mut self.out);
                }
            }
        }
    }

    fn refuse(&mut self, number: u64, code: ErrorCode, reason: &str) {
        self.refused += 1;
        self.counter.clear();
        complain(format_args!("event {number} was refused: {reason}"));
        if self.options.json {
            let record = Record {
                number: Some(number),
                code: Some(code.as_str()),
                reason: Some(reason.to_owned()),
                ..Record::new("refused")
            };
            record.write(&mut self.out);
        }
    }

    /// Prints what is to be printed. That nobody reads it changes nothing for the events.
    fn flush(&mut self) {
        if self.out.is_empty() {
            return;
        }
        self.counter.clear();
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(&self.out).and_then(|()| stdout.flush());
        self.out.clear();
        if let Err(error) = written
            && error.kind() != ErrorKind::BrokenPipe
        {
            let reason = format_args!("standard output: {error}");
            self.failure
                .get_or_insert_with(|| Failure::new(Exit::Failed, reason));
        }
    }

    fn draw(&mut self, client: &Reconnecting) {
        let waiting = Grouped(client.queued() as u64);
        let refused = Grouped(self.refused);
        let rest = format_args!(" · {waiting} under way · {refused} refused");
        self.counter.draw(self.acknowledged, "acknowledged", rest);
    }

    fn end(mut self) -> Result<Exit, Failure> {
        self.flush();
        self.counter.clear();
        if self.unknown > 0 {
            let unknown = Grouped(self.unknown);
            let read = Grouped(self.read);
            complain(format_args!(
                "the hub may not have {unknown} events, of {read} read"
            ));
        }
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        Ok(match (self.forbidden, self.refused + self.unknown) {
            (0, 0) => Exit::Success,
            (0, _) => Exit::Failed,
            _ => Exit::Unauthorized,
        })
    }
}
