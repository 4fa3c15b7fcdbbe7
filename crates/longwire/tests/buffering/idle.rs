//! Quiet streams behind a proxy that gives up on quiet upstreams: 60 seconds by default, six here
//! unless `LONGWIRE_HOSTILE` is `full`.

use core::time::Duration;

use longwire::sse::Timing;

use super::reader::Upstream;
use super::seconds;
use super::support::{Program, free_port, haproxy, nginx};

async fn nginx_giving_up(upstream: &Upstream, port: u16, after: Duration) -> Option<Program> {
    let servers = format!(
        "server {{
            listen 127.0.0.1:{port};
            location / {{ proxy_pass http://{}; proxy_read_timeout {}ms; }}
        }}",
        upstream.address(),
        after.as_millis()
    );
    nginx(port, &servers).await
}

async fn haproxy_giving_up(upstream: &Upstream, port: u16, after: Duration) -> Option<Program> {
    let after = after.as_millis();
    let sections = format!(
        "defaults
            mode http
            timeout connect 5s
            timeout client {after}ms
            timeout server {after}ms
        listen streams
            bind 127.0.0.1:{port}
            server upstream {}",
        upstream.address()
    );
    haproxy(port, &sections).await
}

#[tokio::test]
async fn a_quiet_stream_survives_by_its_heartbeats_hostile() {
    // The defaults, scaled alike: a proxy's 60 s and our 15 s.
    let (given_up, heartbeat) = (seconds(60, 6.0), seconds(15, 1.5));
    let timing = Timing::default().heartbeat(heartbeat);
    let (mut a, mut b) = (Upstream::start(timing).await, Upstream::start(timing).await);
    let ports = [free_port(), free_port()];
    let (Some(_nginx), Some(_haproxy)) = (
        nginx_giving_up(&a, ports[0], given_up).await,
        haproxy_giving_up(&b, ports[1], given_up).await,
    ) else {
        return;
    };
    let urls = ports.map(|port| format!("http://127.0.0.1:{port}/"));
    let (Some(mut a), Some(mut b)) = (a.read(&[&urls[0]]).await, b.read(&[&urls[1]]).await) else {
        return;
    };
    // Longer than two time-outs with nothing but heartbeats.
    tokio::time::sleep(given_up * 9 / 4).await;
    for stream in [&mut a, &mut b] {
        stream.send().await;
        stream.comes().await;
    }
}

#[tokio::test]
async fn without_heartbeats_it_is_cut() {
    let given_up = Duration::from_secs(1);
    let timing = Timing::default().heartbeat(Duration::MAX);
    let (mut a, mut b) = (Upstream::start(timing).await, Upstream::start(timing).await);
    let ports = [free_port(), free_port()];
    let (Some(_nginx), Some(_haproxy)) = (
        nginx_giving_up(&a, ports[0], given_up).await,
        haproxy_giving_up(&b, ports[1], given_up).await,
    ) else {
        return;
    };
    let urls = ports.map(|port| format!("http://127.0.0.1:{port}/"));
    let (Some(a), Some(b)) = (a.read(&[&urls[0]]).await, b.read(&[&urls[1]]).await) else {
        return;
    };
    a.ends_cut().await;
    b.ends_cut().await;
}
