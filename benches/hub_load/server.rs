//! The servers under load, each a process of its own on the loopback interface.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use benches::process::Process;

/// Where Debian's package `libnginx-mod-nchan` puts it.
const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Hub,
    Nchan,
    Nats,
}

/// How a subscriber is told of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    EventStream,
    WebSocket,
}

impl Server {
    /// `longwire serve` with these options.
    pub(crate) fn hub(binary: &str, options: &[&str]) -> Self {
        let mut command = Command::new(binary);
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        command.args(options).stderr(Stdio::null());
        let (process, line) = Process::listening(&mut command);
        let url = line.trim().trim_end_matches('/');
        let address = url.rsplit('/').next().unwrap().parse().unwrap();
        Self {
            process,
            address,
            kind: Kind::Hub,
        }
    }

    /// nginx with Nchan, in one process, if it is installed.
    pub(crate) fn nchan(directory: &Path) -> Option<Self> {
        let nginx = on_path("nginx")?;
        if !Path::new(NCHAN).exists() {
            return None;
        }
        let address = unused_address();
        let directory = directory.join("nchan");
        fs::create_dir_all(&directory).unwrap();
        let here = directory.display();
        let configuration = format!(
            "load_module {NCHAN};\n\
             daemon off;\nmaster_process off;\nworker_rlimit_nofile 20000;\n\
             pid {here}/pid;\nerror_log {here}/error.log;\n\
             events {{ worker_connections 19000; }}\n\
             http {{\n\
               access_log off;\nkeepalive_requests 1000000000;\n\
               client_body_temp_path {here}/1;\nproxy_temp_path {here}/2;\n\
               fastcgi_temp_path {here}/3;\nuwsgi_temp_path {here}/4;\nscgi_temp_path {here}/5;\n\
               nchan_shared_memory_size 256m;\n\
               server {{\n\
                 listen {address} backlog=4096;\n\
                 location ~ /pub/(.+)$ {{ nchan_publisher; nchan_channel_id $1; }}\n\
                 location ~ /sub/(.+)$ {{ nchan_subscriber; nchan_channel_id $1; \
                   nchan_subscriber_first_message newest; }}\n\
               }}\n\
             }}\n"
        );
        let file = directory.join("nginx.conf");
        fs::write(&file, configuration).unwrap();
        let mut command = Command::new(nginx);
        command.arg("-p").arg(&directory).arg("-c").arg(&file);
        command.stderr(Stdio::null());
        Some(Self::reached(&mut command, address, Kind::Nchan))
    }

    /// nats-server; its own protocol on its own port, and in WebSocket on another one, which
    /// subscribers use.
    pub(crate) fn nats(directory: &Path) -> Option<(Self, SocketAddr)> {
        let program = on_path("nats-server")?;
        let (address, web_socket) = (unused_address(), unused_address());
        let configuration = format!(
            "listen: \"{address}\"\nping_interval: \"1h\"\nmax_payload: 4MB\n\
             websocket {{ listen: \"{web_socket}\"\nno_tls: true }}\n"
        );
        let file = directory.join("nats.conf");
        fs::write(&file, configuration).unwrap();
        let mut command = Command::new(program);
        command.arg("-c").arg(&file).stderr(Stdio::null());
        let server = Self::reached(&mut command, web_socket, Kind::Nats);
        Some((server, address))
    }

    fn reached(command: &mut Command, address: SocketAddr, kind: Kind) -> Self {
        let process = Process::start(command);
        for _ in 0..500 {
            if TcpStream::connect(address).is_ok() {
                return Self {
                    process,
                    address,
                    kind,
                };
            }
            sleep(Duration::from_millis(20));
        }
        panic!("{kind:?} did not listen on {address}");
    }

    /// What subscribes to a topic.
    pub(crate) fn subscribe(&self, topic: &str, carrier: Carrier) -> Vec<u8> {
        let path = match self.kind {
            Kind::Hub => format!("/.well-known/mercure?topic={topic}"),
            Kind::Nchan => format!("/sub/{topic}"),
            Kind::Nats => "/".into(),
        };
        let more = match carrier {
            Carrier::EventStream => "Accept: text/event-stream\r\n",
            Carrier::WebSocket => {
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            }
        };
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n").into_bytes()
    }

    /// What is sent after the head of the answer to [`subscribe`](Self::subscribe).
    pub(crate) fn greet(&self, topic: &str) -> Vec<u8> {
        if self.kind != Kind::Nats {
            return Vec::new();
        }
        let text = format!("CONNECT {{\"verbose\":false}}\r\nSUB {topic} 1\r\n");
        // A masked text frame; the key is zero.
        let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
        frame.extend_from_slice(text.as_bytes());
        frame
    }

    /// What publishes `data` over HTTP.
    pub(crate) fn publish(&self, topic: &str, data: &str) -> Vec<u8> {
        let (path, kind, body) = match self.kind {
            Kind::Nchan => (format!("/pub/{topic}"), "text/plain", data.to_owned()),
            _ => (
                "/.well-known/mercure".to_owned(),
                "application/x-www-form-urlencoded",
                format!("topic={topic}&data={data}"),
            ),
        };
        let len = body.len();
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n\
             Content-Length: {len}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

impl Server {
    /// What publishes `data` to the hub over WebSocket: a masked text frame whose key is zero.
    pub(crate) fn publish_frame(&self, topic: &str, data: &str) -> Vec<u8> {
        assert_eq!(self.kind, Kind::Hub);
        let text =
            format!(r#"{{"type":"publish","topics":["{topic}"],"data":"{data}","ref":"1"}}"#);
        let mut frame = vec![0x81, 0xfe];
        frame.extend_from_slice(&u16::try_from(text.len()).unwrap().to_be_bytes());
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        frame
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let sbin = PathBuf::from("/usr/sbin");
    let mut folders = std::env::split_paths(&path).chain([sbin]);
    folders.find_map(|folder| Some(folder.join(program)).filter(|file| file.is_file()))
}

/// An address that nobody listened on a moment ago.
fn unused_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}
