//! nginx in front of a hub.

use core::net::SocketAddr;

use super::{Directory, Program, Tool, free_port, within};

/// A reverse proxy. Without a hub behind it, it answers 502.
#[derive(Debug)]
pub(crate) struct Nginx {
    pub(crate) port: u16,
    _program: Program,
    _folder: Directory,
}

impl Nginx {
    /// Forwards to `hub`; `upgrades` says whether WebSockets get through. `None` if it is missing.
    pub(crate) async fn start(hub: SocketAddr, upgrades: bool) -> Option<Self> {
        let [program] = Tool::find([Tool::Nginx])?;
        let port = free_port();
        let forwarded = if upgrades {
            "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection;"
        } else {
            ""
        };
        let config = format!(
            "daemon off; master_process off; pid pid; error_log stderr crit;
            events {{}}
            http {{
                access_log off;
                client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
                uwsgi_temp_path uwsgi; scgi_temp_path scgi;
                server {{
                    listen 127.0.0.1:{port};
                    location / {{
                        proxy_pass http://{hub};
                        proxy_http_version 1.1;
                        # The hub's own name: it answers to those of this machine alone.
                        proxy_set_header Host {hub};
                        proxy_set_header Origin http://{hub};
                        {forwarded}
                    }}
                }}
            }}"
        );
        let folder = Directory::new();
        let path = format!("{}/nginx.conf", folder.path());
        std::fs::write(&path, config).unwrap();
        let arguments = ["-e", "stderr", "-p", folder.path(), "-c", &path];
        let program = Program::start(program, arguments);
        let listens = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_err()
            {
                tokio::time::sleep(core::time::Duration::from_millis(20)).await;
            }
        };
        within("nginx", listens).await;
        Some(Self {
            port,
            _program: program,
            _folder: folder,
        })
    }
}
