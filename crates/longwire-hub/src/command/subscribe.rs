//! `longwire sub`.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use longwire::hub::{Carrier, Data, Event, FileStore, Message, Receipt, Reconnecting, Start};
use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::counter::{Counter, Grouped};
use super::record::{Record, base64};
use super::{Described, Exit, Failure, Hub, Stop, complain, time};

/// Subscribe to topics, and print what is published to them
#[derive(Args, Debug)]
#[command(after_help = EXITS)]
pub(crate) struct Subscribe {
    #[command(flatten)]
    hub: Hub,

    /// Topics: exact ones, URI templates such as `/books/{id}`, or `*` for all
    #[arg(value_name = "TOPIC", required = true)]
    topics: Vec<String>,

    /// What carries the events
    #[arg(long, value_enum, default_value_t = Transport::Auto)]
    transport: Transport,

    /// Begin after the event with this id or position, or with `earliest`; by default with what is
    /// published from now on
    #[arg(long, value_name = "ID")]
    after: Option<String>,

    /// Keep the position in this file, and begin with the one that it has. It is written at most
    /// once a second, and after the events before it were printed
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    /// End after so many events
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Print a line of JSON for each event, and for each gap and connection
    #[arg(long)]
    json: bool,

    /// Print the data alone, as it is, with nothing between events; over WebSocket, since an event
    /// stream carries bytes as base64
    #[arg(long, conflicts_with = "json")]
    binary: bool,

    /// End after this time, such as 500ms, 90 or 15m
    #[arg(long, value_name = "TIME", value_parser = time)]
    timeout: Option<Duration>,
}

const EXITS: &str = "\
The data of each event is printed with a line end; bytes are printed as base64. A connection that \
ends is made again, with growing delays, and goes on where it was. What may be missing is said on \
standard error, and with --json on standard output.

Exit codes:
  0  there were as many events as asked for, the time was over without --count, nobody reads the \
output any more, or the program was told to end
  1  the output or the state cannot be written
  2  the arguments cannot be used
  3  the hub refuses to be subscribed to, or could not be reached in the time that --timeout says
  4  the token is missing or not valid
  5  the time was over before there were as many events as --count says";

/// What carries the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Transport {
    /// WebSocket, or Server-Sent Events where that does not get through
    Auto,
    /// Server-Sent Events
    Sse,
    #[value(name = "websocket")]
    WebSocket,
}

/// Output beyond this is written although more events are there.
const MOST_OUTPUT: usize = 64 << 10;
/// How often the counter is drawn.
const TICK: Duration = Duration::from_millis(100);

impl Subscribe {
    pub(crate) fn run(self) -> ExitCode {
        super::run(self.subscribe())
    }

    async fn subscribe(self) -> Result<Exit, Failure> {
        if self.binary && self.transport == Transport::Sse {
            let reason = "--binary needs a WebSocket: Server-Sent Events carry bytes as base64";
            return Err(Failure::new(Exit::Usage, reason));
        }
        let mut stop = Stop::new()?;
        let mut unread = reader_gone();
        let deadline = self.timeout.map(|time| Instant::now() + time);
        let (mut client, attempts) = self.open()?;
        let mut printer = Printer::new(self, attempts);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ended = loop {
            tokio::select! {
                biased;
                () = stop.told() => break Ok(Exit::Success),
                () = over(deadline) => break printer.time_is_over(&client),
                _ = &mut unread => break Ok(Exit::Success),
                _ = tick.tick() => printer.look(&client),
                event = client.next() => match event {
                    None => break Err(printer.options.hub.ended(&client)),
                    Some(event) => {
                        printer.happened(event);
                        if printer.is_full() && printer.flush(&mut client)? {
                            break Ok(Exit::Success);
                        }
                        if printer.is_done() {
                            break Ok(Exit::Success);
                        }
                    }
                },
                () = core::future::ready(()), if printer.has_output() => {
                    if printer.flush(&mut client)? {
                        break Ok(Exit::Success);
                    }
                }
            }
        };
        printer.flush(&mut client)?;
        printer.counter.clear();
        let closed = client.close().await;
        closed.map_err(|error| Failure::new(Exit::Failed, printer.unsaved(&error)))?;
        ended
    }

    fn open(&self) -> Result<(Reconnecting, Arc<AtomicU64>), Failure> {
        let (mut connect, attempts) = self.hub.connect()?;
        for topic in &self.topics {
            connect = connect.topic(topic);
        }
        if let Some(after) = &self.after {
            connect = connect.start(Start::parse(after.as_bytes()));
        }
        if let Some(state) = &self.state {
            // A file in a folder that is not there would be noticed a second later.
            let folder = state
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty());
            if folder.is_some_and(|folder| !folder.is_dir()) {
                let reason = format_args!("{}: its folder is not there", state.display());
                return Err(Failure::new(Exit::Usage, reason));
            }
            connect = connect.store(FileStore::new(state));
        }
        connect = match self.transport {
            Transport::WebSocket => connect.only(Carrier::WebSocket),
            Transport::Auto if self.binary => connect.only(Carrier::WebSocket),
            Transport::Sse => connect.only(Carrier::EventStream),
            Transport::Auto => connect,
        };
        let client = connect.handled_by_hand().open();
        let client = client.map_err(|error| Failure::new(Exit::Usage, error))?;
        Ok((client, attempts))
    }
}

/// Ready when the time is over, if there is one.
async fn over(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => core::future::pending().await,
    }
}

/// Ready when standard output is a pipe that nobody reads any more: a program that prints nothing
/// would not notice.
fn reader_gone() -> oneshot::Receiver<()> {
    let (gone, heard) = oneshot::channel();
    let watch = std::thread::Builder::new().name("longwire-output".into());
    // Without the thread, the next event notices.
    let _ = watch.spawn(move || {
        let stdout = io::stdout();
        // Errors are always reported. A file has none, and is watched until the program ends.
        while poll(&mut [PollFd::new(&stdout, PollFlags::empty())], None).is_err() {}
        // The program may be about to end anyway.
        let _ = gone.send(());
    });
    heard
}

/// What was received, on its way out.
struct Printer {
    options: Subscribe,
    counter: Counter,
    attempts: Arc<AtomicU64>,
    out: Vec<u8>,
    /// Of the last event or gap in `out`.
    receipt: Option<Receipt>,
    events: u64,
    gaps: u64,
    connections: u64,
    carrier: Option<&'static str>,
    /// That there is no connection was said.
    told: bool,
    store_failed: bool,
}

impl Printer {
    fn new(options: Subscribe, attempts: Arc<AtomicU64>) -> Self {
        Self {
            counter: Counter::new(!options.hub.quiet),
            options,
            attempts,
            out: Vec::new(),
            receipt: None,
            events: 0,
            gaps: 0,
            connections: 0,
            carrier: None,
            told: false,
            store_failed: false,
        }
    }

    fn happened(&mut self, event: Event) {
        match event {
            Event::Opened { carrier, resumed } => {
                let name = match carrier {
                    Carrier::WebSocket => "WebSocket",
                    _ => "Server-Sent Events",
                };
                self.carrier = Some(name);
                self.connections += 1;
                self.told = false;
                if self.options.json {
                    let carrier = Some(name);
                    let record = Record {
                        carrier,
                        ..Record::new("connected")
                    };
                    record.write(&mut self.out);
                } else if self.connections > 1 {
                    let how = if resumed { ", nothing was missed" } else { "" };
                    self.say(format_args!("connected again over {name}{how}"));
                }
            }
            Event::Message(message) => {
                self.events += 1;
                self.print(&message);
                self.receipt = Some(message.receipt);
            }
            Event::Missed(missed) => {
                self.gaps += 1;
                if self.options.json {
                    Record::of_gap(&missed).write(&mut self.out);
                }
                let reason = missed.reason.map_or("unknown", |reason| reason.as_str());
                self.counter.clear();
                complain(format_args!(
                    "events may be missing ({reason}) up to {}",
                    missed.resumed
                ));
                self.receipt = Some(missed.receipt);
            }
            Event::Interrupted(end) => {
                self.carrier = None;
                self.told = true;
                let what = format!("{} {}", self.options.hub.url, Described(Some(end)));
                if self.options.json {
                    let record = Record {
                        reason: Some(what.clone()),
                        ..Record::new("interrupted")
                    };
                    record.write(&mut self.out);
                }
                self.say(format_args!("{what}; connecting again"));
            }
            Event::Refused {
                topics, message, ..
            } => {
                let topics: Vec<_> = topics.iter().map(ToString::to_string).collect();
                self.counter.clear();
                complain(format_args!("{}: {message}", topics.join(", ")));
            }
            _ => {}
        }
    }

    fn print(&mut self, message: &Message) {
        if self.options.json {
            return Record::of_event(message).write(&mut self.out);
        }
        match &message.data {
            Data::Binary(bytes) if !self.options.binary => {
                self.out.extend_from_slice(base64(bytes).as_bytes());
            }
            Data::Binary(bytes) => self.out.extend_from_slice(bytes),
            Data::Text(text) => self.out.extend_from_slice(text.as_bytes()),
        }
        if !self.options.binary {
            self.out.push(b'\n');
        }
    }

    fn say(&mut self, what: core::fmt::Arguments<'_>) {
        self.counter.clear();
        self.options.hub.say(what);
    }

    const fn has_output(&self) -> bool {
        !self.out.is_empty() || self.receipt.is_some()
    }

    const fn is_full(&self) -> bool {
        self.out.len() >= MOST_OUTPUT
    }

    fn is_done(&self) -> bool {
        self.options.count.is_some_and(|count| self.events >= count)
    }

    /// Writes the output; only then is what it says handled, and its position kept. `true` if
    /// nobody reads it any more.
    fn flush(&mut self, client: &mut Reconnecting) -> Result<bool, Failure> {
        if !self.out.is_empty() {
            self.counter.clear();
            let mut stdout = io::stdout().lock();
            let written = stdout.write_all(&self.out).and_then(|()| stdout.flush());
            self.out.clear();
            match written {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    self.receipt = None;
                    return Ok(true);
                }
                Err(error) => {
                    let reason = format_args!("standard output: {error}");
                    return Err(Failure::new(Exit::Failed, reason));
                }
                Ok(()) => {}
            }
        }
        if let Some(receipt) = self.receipt.take() {
            client.handled(&receipt);
        }
        Ok(false)
    }

    /// Draws the counter, and says once what keeps the client from connecting.
    fn look(&mut self, client: &Reconnecting) {
        let failed = self.attempts.load(Ordering::Relaxed) > 1;
        if self.carrier.is_none() && failed && !self.told {
            self.told = true;
            let end = Described(client.last_end());
            let what = format!("{} {end}; trying again", self.options.hub.url);
            self.say(format_args!("{what}"));
        }
        if let Some(error) = client.store_error()
            && !core::mem::replace(&mut self.store_failed, true)
        {
            let what = self.unsaved(error);
            self.counter.clear();
            complain(what);
        }
        let state = self.carrier.unwrap_or("not connected");
        let again = Grouped(self.connections.saturating_sub(1));
        let gaps = Grouped(self.gaps);
        let rest = format_args!(" · {state} · {again} reconnects · {gaps} gaps");
        self.counter.draw(self.events, "events", rest);
    }

    fn unsaved(&self, error: &io::Error) -> String {
        let state = self.options.state.as_ref();
        let state = state.map(|state| state.display().to_string());
        format!(
            "the position cannot be kept in {}: {error}",
            state.unwrap_or_default()
        )
    }

    fn time_is_over(&self, client: &Reconnecting) -> Result<Exit, Failure> {
        if self.connections == 0 {
            return Err(self.options.hub.unreachable(client));
        }
        Ok(match self.options.count {
            Some(_) => Exit::TimedOut,
            None => Exit::Success,
        })
    }
}
