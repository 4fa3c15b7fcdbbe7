//! Proxies with configurations of their own: in the foreground, one process each, on loopback.
//!
//! The texts listen on the port given, on 127.0.0.1; each function waits until it accepts. `None`
//! if the program is missing and that is allowed.

use super::{Folder, Program, Tool};

/// nginx with `servers`, which go into its `http` block.
pub(crate) async fn nginx(port: u16, servers: &str) -> Option<Program> {
    let [program] = Tool::find([Tool::Nginx])?;
    let folder = Folder::new();
    let config = format!(
        "daemon off;
        master_process off;
        pid pid;
        error_log stderr info;
        events {{}}
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
    let config = folder.write("nginx.conf", config);
    let prefix = folder.path().to_owned();
    let arguments = [
        "-e".as_ref(),
        "stderr".as_ref(),
        "-p".as_ref(),
        prefix.as_os_str(),
        "-c".as_ref(),
        config.as_os_str(),
    ];
    Some(Program::server(&program, folder, port, arguments).await)
}

/// haproxy with these sections.
pub(crate) async fn haproxy(port: u16, sections: &str) -> Option<Program> {
    let [program] = Tool::find([Tool::Haproxy])?;
    let folder = Folder::new();
    let config = folder.write("haproxy.cfg", format!("{sections}\n"));
    let arguments = ["-db".as_ref(), "-f".as_ref(), config.as_os_str()];
    Some(Program::server(&program, folder, port, arguments).await)
}

/// squid with these directives, without cache and log.
pub(crate) async fn squid(port: u16, directives: &str) -> Option<Program> {
    let [program] = Tool::find([Tool::Squid])?;
    let folder = Folder::new();
    let path = folder.path().display();
    let config = format!(
        "pid_filename none
        cache_log /dev/stderr
        access_log none
        cache_store_log none
        cache deny all
        coredump_dir {path}
        shutdown_lifetime 0 seconds
        pinger_enable off
        netdb_filename none
        {directives}\n"
    );
    // squid does not take indented lines for directives.
    let config: String = config
        .lines()
        .map(|line| format!("{}\n", line.trim_start()))
        .collect();
    let config = folder.write("squid.conf", config);
    let arguments = [
        // One process, in the foreground, apart from any other squid.
        "-N".as_ref(),
        "-n".as_ref(),
        "longwire".as_ref(),
        "-f".as_ref(),
        config.as_os_str(),
    ];
    Some(Program::server(&program, folder, port, arguments).await)
}

/// microsocks, a SOCKS 5 server, with these arguments.
pub(crate) async fn microsocks(port: u16, arguments: &[&str]) -> Option<Program> {
    let [program] = Tool::find([Tool::Microsocks])?;
    let port_argument = port.to_string();
    let own = ["-i", "127.0.0.1", "-p", &port_argument];
    let arguments = own.iter().chain(arguments);
    Some(Program::server(&program, Folder::new(), port, arguments).await)
}

/// nghttpx with these arguments.
pub(crate) async fn nghttpx(port: u16, arguments: &[&str]) -> Option<Program> {
    let [program] = Tool::find([Tool::Nghttpx])?;
    let folder = Folder::new();
    let config = folder.write("nghttpx.conf", "");
    let config = format!("--conf={}", config.display());
    let own = [
        "--single-process",
        "--errorlog-file=/dev/stderr",
        "--accesslog-file=/dev/null",
        &config,
    ];
    let arguments = own.iter().chain(arguments);
    Some(Program::server(&program, folder, port, arguments).await)
}
