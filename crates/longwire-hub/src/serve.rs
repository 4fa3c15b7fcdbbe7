//! Running the hub until it is told to stop.

use core::time::Duration;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Instant;

use longwire::http::{Config, serve};
use longwire::{sse, ws};
use resume::{Epoch, Position};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{info, warn};

use crate::access::Access;
use crate::app::App;
use crate::cli::{Serve, state_directory};
use crate::hub::Hub;
use crate::log::Log;
use crate::rights::Policy;
use crate::store::{Disk, Memory, Store};
use crate::token::{Keys, unix_time};

/// A peer that takes no byte for this long is sent away; it can resume.
const WRITE_DEADLINE: Duration = Duration::from_secs(5);
/// Connections that are still open after this long are cut when the hub stops.
const DRAIN_DEADLINE: Duration = Duration::from_secs(30);
/// How often events that nobody publishes over are checked for their age.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);

/// Serves until SIGTERM or Ctrl-C, then sends every subscriber away with a time to come back.
pub(crate) async fn run(options: Serve) -> Result<(), String> {
    let mut keys = Keys::default();
    for key in &options.keys {
        keys.add(key)?;
    }
    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => format!(
                "{} is in use: stop the program that listens there, or choose another address with \
             --listen",
                options.listen
            ),
            _ => format!("cannot listen on {}: {error}", options.listen),
        })?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;

    let hub = open(&options)?;
    let timing = sse::Timing::default().write_deadline(WRITE_DEADLINE);
    let web_socket = ws::Config::default().write_deadline(WRITE_DEADLINE);
    let access = Access::new(&options, keys).map_err(|error| error.to_string())?;
    let policy = access.policy;
    let app = App {
        hub: hub.clone(),
        access: Arc::new(access),
        timing,
        web_socket: Arc::new(web_socket),
    };
    let config = Config::default().event_stream(timing);

    let mut expiry = interval(EXPIRE_EVERY);
    expiry.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let expiring = hub.clone();
    tokio::spawn(async move {
        loop {
            expiry.tick().await;
            expiring.expire();
        }
    });

    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ringing = hub.clone();
    tokio::spawn(async move {
        loop {
            second.tick().await;
            ringing.expiries.ring(unix_time());
        }
    });

    if policy == Policy::Demo {
        warn!("demo mode: without --key, every local program may publish and subscribe");
    }
    // For people and for programs that start the hub: the one line on standard output.
    println!("longwire listens on http://{address}/");

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

/// Opens the log, and says where it is.
fn open(options: &Serve) -> Result<Arc<Hub>, String> {
    let mut epoch = [0; Epoch::LEN];
    getrandom::fill(&mut epoch).map_err(|error| format!("no random numbers: {error}"))?;
    let epoch = Epoch::from_bytes(epoch);
    let kept = options.retention();
    if options.memory {
        info!("the log is in memory: it ends with this process");
        return Ok(Arc::new(Hub::in_memory(Memory::new(epoch, kept))));
    }
    let directory = match &options.data {
        Some(directory) => directory.clone(),
        None => state_directory(|name| std::env::var_os(name))
            .ok_or("there is no HOME to keep the log in: say where with --data, or use --memory")?,
    };
    let started = Instant::now();
    let mut log = None;
    let store = Disk::open(&directory, kept, options.fsync, epoch, |event| {
        let before = Position::new(event.position.epoch, event.position.offset - 1);
        let log = log.get_or_insert_with(|| Log::new(before, options.recent_bytes));
        let _ = log.show(Arc::new(event));
    })
    .map_err(|error| format!("the log cannot be opened: {error}"))?;
    let head = store.bounds().head();
    let log = log.unwrap_or_else(|| Log::new(head, options.recent_bytes));
    info!(directory = %directory.display(), %head, took = ?started.elapsed(), "the log is on disk");
    Hub::on_disk(log, store).map_err(|error| error.to_string())
}
