//! Running the hub until it is told to stop.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Instant;

use longwire::http::{Config, serve};
use longwire::net::ServerTls;
use longwire::{sse, ws};
use resume::{Epoch, Position};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{error, info, warn};
use ws_handshake::Scheme;

use crate::access::Access;
use crate::app::App;
use crate::hub::Hub;
use crate::limits::Limits;
use crate::log::Log;
use crate::metrics::Scrape;
use crate::observing::Observing;
use crate::presence::Validators;
use crate::rights::Policy;
use crate::settings::{Settings, state_directory};
use crate::store::{Disk, Memory, Store};
use crate::token::unix_time;

/// A peer that takes no byte for this long is sent away; it can resume.
const WRITE_DEADLINE: Duration = Duration::from_secs(5);
/// Connections that are still open after this long are cut when the hub stops.
const DRAIN_DEADLINE: Duration = Duration::from_secs(30);
/// How often events that nobody publishes over are checked for their age.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);

/// Serves until SIGTERM or Ctrl-C, then sends every subscriber away with a time to come back.
pub(crate) async fn run(settings: Settings) -> Result<(), String> {
    let access = Access::new(&settings, settings.keys()?).map_err(|error| error.to_string())?;
    let tls = settings.tls()?;
    let listener = listen(settings.listen, "--listen").await?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let observed = match settings.metrics_listen {
        Some(address) => Some(listen(address, "--metrics-listen").await?),
        None => None,
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let hangup = signal(SignalKind::hangup()).map_err(|error| error.to_string())?;

    let limits = Arc::new(Limits::new(&settings, descriptors()));
    if let Some(wanted) = settings
        .max_connections
        .filter(|wanted| *wanted > limits.most())
    {
        let most = limits.most();
        warn!(
            wanted,
            most, "the system allows fewer descriptors than max-connections needs"
        );
    }
    let hub = open(&settings)?;
    let timing = sse::Timing::default().write_deadline(WRITE_DEADLINE);
    let web_socket = ws::Config::default().write_deadline(WRITE_DEADLINE);
    let policy = access.policy;
    let observing = Observing::new(hub.clone(), Scrape::new(hub.clone(), limits.clone()));
    let mut config = Config::default()
        .event_stream(timing)
        .max_pending(limits.most_pending());
    if let Some(tls) = tls.clone() {
        config = config.tls(tls);
    }
    let scheme = if tls.is_some() {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let app = App {
        hub: hub.clone(),
        access: Arc::new(access),
        limits: limits.clone(),
        observing: observing.clone(),
        scheme,
        timing,
        web_socket: Arc::new(web_socket),
        subscriptions: settings.subscriptions,
        validators: Validators::default(),
    };
    tokio::spawn(every(EXPIRE_EVERY, {
        let hub = hub.clone();
        move || hub.expire()
    }));
    tokio::spawn(every(Duration::from_secs(1), {
        let hub = hub.clone();
        move || {
            hub.expiries.ring(unix_time());
            if let Some(bytes) = resident() {
                limits.weigh(bytes);
            }
        }
    }));
    tokio::spawn(read_again(hangup, settings, tls));
    if let Some(listener) = observed {
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        info!(%address, "metrics");
        // Until the process ends: whoever watches sees it drain.
        let never = core::future::pending();
        tokio::spawn(serve(
            listener,
            Arc::new(observing),
            Config::default(),
            never,
        ));
    }

    if policy == Policy::Demo {
        warn!("demo mode: without --key, every local program may publish and subscribe");
    }
    let scheme = match scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    // For people and for programs that start the hub: the one line on standard output.
    println!("longwire listens on {scheme}://{address}/");

    let (stopping, stop) = tokio::sync::oneshot::channel::<()>();
    let mut serving = tokio::spawn(serve(listener, Arc::new(app), config, async {
        // The sender is dropped only when this process ends.
        let _ = stop.await;
    }));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        ended = &mut serving => return Err(format!("the server ended: {ended:?}")),
    }
    info!(head = %hub.head(), "stopping");
    hub.drain();
    drop(stopping);
    let ended = timeout(DRAIN_DEADLINE, serving).await;
    hub.close();
    match ended {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("the server failed: {error}")),
        Err(_) => {
            info!("some connections were still open");
            Ok(())
        }
    }
}

async fn listen(address: SocketAddr, flag: &str) -> Result<TcpListener, String> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => format!(
            "{address} is in use: stop the program that listens there, or choose another address \
             with {flag}"
        ),
        _ => format!("cannot listen on {address}: {error}"),
    })
}

async fn every(period: Duration, act: impl Fn()) {
    let mut due = interval(period);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        act();
    }
}

/// Reads the certificate again at each SIGHUP. One that cannot be used changes nothing.
async fn read_again(mut hangup: Signal, settings: Settings, tls: Option<ServerTls>) {
    while hangup.recv().await.is_some() {
        let Some(tls) = &tls else {
            info!("SIGHUP: there is no certificate to read again");
            continue;
        };
        let read = settings.tls_files().and_then(|files| {
            let [cert, key] = files.unwrap_or_default();
            tls.replace(&cert, &key).map_err(|error| error.to_string())
        });
        match read {
            Ok(()) => info!("the certificate was read again: new connections are shown it"),
            Err(error) => error!(%error, "the new certificate cannot be used: the old one stays"),
        }
    }
}

/// How many descriptors the process may have, after asking for as many as the system allows.
fn descriptors() -> Option<usize> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let asked = Rlimit {
        current: maximum,
        maximum,
    };
    // Where more is not to be had, what there is counts.
    let current = match setrlimit(Resource::Nofile, asked) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    current.and_then(|most| usize::try_from(most).ok())
}

/// Bytes of memory that the process has, where the system says so.
fn resident() -> Option<usize> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let resident: usize = pages.split(' ').nth(1)?.parse().ok()?;
    Some(resident * rustix::param::page_size())
}

/// Opens the log, and says where it is.
fn open(settings: &Settings) -> Result<Arc<Hub>, String> {
    let mut epoch = [0; Epoch::LEN];
    getrandom::fill(&mut epoch).map_err(|error| format!("no random numbers: {error}"))?;
    let epoch = Epoch::from_bytes(epoch);
    let kept = settings.retention();
    if settings.memory {
        info!("the log is in memory: it ends with this process");
        return Ok(Arc::new(Hub::in_memory(Memory::new(epoch, kept))));
    }
    let directory = match &settings.data {
        Some(directory) => directory.clone(),
        None => state_directory(|name| std::env::var_os(name))
            .ok_or("there is no HOME to keep the log in: say where with --data, or use --memory")?,
    };
    let started = Instant::now();
    let mut log = None;
    let store = Disk::open(&directory, kept, settings.fsync, epoch, |event| {
        let before = Position::new(event.position.epoch, event.position.offset - 1);
        let log = log.get_or_insert_with(|| Log::new(before, settings.recent_bytes));
        let _ = log.show(Arc::new(event));
    })
    .map_err(|error| format!("the log cannot be opened: {error}"))?;
    let head = store.bounds().head();
    let log = log.unwrap_or_else(|| Log::new(head, settings.recent_bytes));
    info!(directory = %directory.display(), %head, took = ?started.elapsed(), "the log is on disk");
    Hub::on_disk(log, store).map_err(|error| error.to_string())
}
