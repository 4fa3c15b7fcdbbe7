//! Other people's proxies, with the configurations of `deploy`.

use core::net::SocketAddr;

use tokio::net::TcpStream;

use super::{Directory, Program, Tool, free_address, within};

/// A proxy in front of a hub.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    program: Program,
    _directory: Directory,
}

impl Proxy {
    /// nginx with `deploy/nginx.conf`, in front of `hub`; `None` if it is not there.
    pub(crate) async fn nginx(hub: SocketAddr) -> Option<Self> {
        let [program] = Tool::find([Tool::Nginx])?;
        let address = free_address();
        let servers = replaced(
            include_str!("../../../deploy/nginx.conf"),
            &[
                ("listen 80;", &format!("listen {address};")),
                ("127.0.0.1:8080;", &format!("{hub};")),
            ],
        );
        let config = format!(
            "daemon off; master_process off; pid pid; error_log stderr;
            worker_rlimit_nofile 4096; events {{ worker_connections 2048; }}
            http {{
                access_log off;
                client_body_temp_path body;
                proxy_temp_path proxy;
                fastcgi_temp_path fastcgi;
                uwsgi_temp_path uwsgi;
                scgi_temp_path scgi;
                {servers}
            }}"
        );
        let directory = Directory::new();
        let path = format!("{}/nginx.conf", directory.path());
        std::fs::write(&path, config).unwrap();
        let arguments = ["-e", "stderr", "-p", directory.path(), "-c", &path];
        let program = Program::start(program, arguments);
        Some(Self::up(address, program, directory).await)
    }

    /// `haproxy` with `deploy/haproxy.cfg`, in front of `hub`; `None` if it is not there.
    pub(crate) async fn haproxy(hub: SocketAddr) -> Option<Self> {
        let [program] = Tool::find([Tool::Haproxy])?;
        let address = free_address();
        let config = replaced(
            include_str!("../../../deploy/haproxy.cfg"),
            &[
                ("bind :80\n", &format!("bind {address}\n")),
                ("127.0.0.1:8080 check", &format!("{hub} check")),
            ],
        );
        let directory = Directory::new();
        let path = format!("{}/haproxy.cfg", directory.path());
        std::fs::write(&path, config).unwrap();
        let program = Program::start(program, ["-db", "-f", &path]);
        Some(Self::up(address, program, directory).await)
    }

    async fn up(address: SocketAddr, program: Program, directory: Directory) -> Self {
        within("the proxy", async {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(core::time::Duration::from_millis(20)).await;
            }
        })
        .await;
        Self {
            address,
            program,
            _directory: directory,
        }
    }

    /// Ends the proxy.
    pub(crate) async fn kill(self) {
        self.program.kill().await;
    }
}

/// An example with other addresses; each must be there.
fn replaced(example: &str, changes: &[(&str, &str)]) -> String {
    let mut text = example.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from:?} is not in the example");
        text = text.replace(from, to);
    }
    text
}
