//! Proxies that cut what is quiet. The hub's heartbeats keep connections; those that are cut
//! nevertheless are resumed without loss.

use core::time::Duration;

use longwire::hub::{BackoffConfig, Carrier, Connect, Data, Event, Reconnecting};

use super::outside::{Program, free_port, haproxy, nginx};
use super::size;
use crate::support::{ENDPOINT, Hub, within};

/// nginx and haproxy in front of the hub, which give up what is quiet for so long.
async fn proxies(hub: &Hub, after: Duration) -> Option<([u16; 2], [Program; 2])> {
    let ports = [free_port(), free_port()];
    let (address, after) = (hub.address(), after.as_millis());
    let servers = format!(
        "server {{
            listen 127.0.0.1:{};
            location / {{
                proxy_pass http://{address};
                proxy_http_version 1.1;
                proxy_set_header Host $http_host;
                proxy_set_header Upgrade $http_upgrade;
                proxy_set_header Connection $http_connection;
                proxy_read_timeout {after}ms;
                proxy_send_timeout {after}ms;
            }}
        }}",
        ports[0]
    );
    let sections = format!(
        "defaults
            mode http
            timeout connect 5s
            timeout client {after}ms
            timeout server {after}ms
            timeout tunnel {after}ms
        listen hub
            bind 127.0.0.1:{}
            server hub {address}",
        ports[1]
    );
    let (nginx, haproxy) = (
        nginx(ports[0], &servers).await?,
        haproxy(ports[1], &sections).await?,
    );
    Some((ports, [nginx, haproxy]))
}

fn client(port: u16, carrier: Carrier) -> Connect {
    longwire::connect(format!("http://127.0.0.1:{port}{ENDPOINT}"))
        .topic("t")
        .only(carrier)
}

/// The next thing that happens, but for the beginning.
async fn next(client: &mut Reconnecting, what: &str) -> Event {
    within(what, client.next())
        .await
        .expect("the client goes on")
}

#[tokio::test]
async fn cut_nothing_that_has_heartbeats_hostile() {
    let seconds = Duration::from_secs;
    // The hub's own times: 15 s over an event stream, 25 s over a WebSocket. A proxy's default is
    // 60 s; one that waits hardly longer than the hub does proves as much in less time.
    let cases = [
        (Carrier::EventStream, size(seconds(60), seconds(19))),
        (Carrier::WebSocket, size(seconds(60), seconds(29))),
    ];
    let quiet = size(seconds(15 * 60), seconds(40));
    let hub = Hub::start(&[]).await;
    let (mut kept, mut running) = (Vec::new(), Vec::new());
    for (carrier, after) in cases {
        let Some((ports, programs)) = proxies(&hub, after).await else {
            return;
        };
        for port in ports {
            let mut client = client(port, carrier).open().unwrap();
            let opened = next(&mut client, "a connection").await;
            assert!(matches!(opened, Event::Opened { .. }), "{opened:?}");
            kept.push((carrier, client));
        }
        running.push(programs);
    }
    let watching = kept.into_iter().map(|(carrier, mut client)| {
        tokio::spawn(async move {
            let event = tokio::time::timeout(quiet, client.next()).await;
            assert!(event.is_err(), "{carrier:?}: {event:?}");
            (carrier, client)
        })
    });
    let mut watched = Vec::new();
    for watching in watching.collect::<Vec<_>>() {
        watched.push(watching.await.unwrap());
    }
    hub.publish_data("t", "still here").await;
    for (carrier, mut client) in watched {
        let event = next(&mut client, "an event").await;
        assert!(matches!(event, Event::Message(_)), "{carrier:?}: {event:?}");
    }
}

#[tokio::test]
async fn cut_again_and_again_nothing_is_missed_or_repeated() {
    // Sooner than any heartbeat.
    const AFTER: Duration = Duration::from_millis(400);
    let hub = Hub::start(&[]).await;
    let Some((ports, _programs)) = proxies(&hub, AFTER).await else {
        return;
    };
    let millis = Duration::from_millis;
    let backoff = BackoffConfig::new().base(millis(50)).cap(millis(200));
    let mut clients = Vec::new();
    for port in ports {
        for carrier in [Carrier::EventStream, Carrier::WebSocket] {
            let client = client(port, carrier).backoff(backoff.floor(millis(10)));
            let mut client = client.open().unwrap();
            let opened = next(&mut client, "a connection").await;
            assert!(matches!(opened, Event::Opened { .. }), "{opened:?}");
            clients.push(tokio::spawn(async move {
                let (mut cuts, mut number) = (0, 0);
                while cuts < 5 || number < 20 {
                    match next(&mut client, "an event").await {
                        Event::Message(message) => {
                            assert_eq!(message.data, Data::Text(number.to_string()));
                            number += 1;
                        }
                        Event::Missed(missed) => panic!("{carrier:?}: {missed:?}"),
                        Event::Interrupted(_) => cuts += 1,
                        _ => {}
                    }
                }
            }));
        }
    }
    let mut number = 0;
    while clients.iter().any(|client| !client.is_finished()) {
        hub.publish_data("t", &number.to_string()).await;
        number += 1;
        // Now and then it is quiet for long enough.
        tokio::time::sleep(millis(if number % 4 == 0 { 700 } else { 30 })).await;
        assert!(number < 1_000, "somebody is never cut");
    }
    for client in clients {
        client.await.unwrap();
    }
}
