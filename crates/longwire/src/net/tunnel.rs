//! From a connection to a proxy to one through it.

use core::net::Ipv6Addr;

use http::{Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use ws_handshake::{Head, Limits, MAX_INTERIM, ResponseError, ResponseHead};

use super::proxy::Kind;
use super::socks5::Socks5;
use super::{Proxy, ProxyError, Stream};

/// Asks the proxy at the other end of `stream` for a connection to `host`, without a deadline.
pub(super) async fn open(
    stream: &mut Stream,
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> Result<(), ProxyError> {
    match proxy.kind {
        Kind::Http | Kind::Https => {
            let authorization = proxy.authorization.as_deref();
            let request = connect_request(host, port, authorization)?;
            stream.write_all(&request).await?;
            stream.flush().await?;
            read_answer(stream).await
        }
        Kind::Socks5 => {
            let user_info = proxy.user_info.as_ref();
            let credentials = user_info.map(|(name, password)| (&name[..], &password[..]));
            socks5(stream, host, port, credentials).await
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6
//# A client MUST send the port number even if the CONNECT request is based on a URI reference that
//# contains an authority component with an elided port
fn connect_request(
    host: &str,
    port: u16,
    authorization: Option<&str>,
) -> Result<Vec<u8>, ProxyError> {
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&b);
    let authority = if host.parse::<Ipv6Addr>().is_ok() {
        format!("[{host}]:{port}")
    } else if !host.is_empty() && host.bytes().all(is_name) {
        format!("{host}:{port}")
    } else {
        return Err(ProxyError::Host);
    };
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
    if let Some(authorization) = authorization {
        request.extend(["Proxy-Authorization: ", authorization, "\r\n"]);
    }
    request.push_str("\r\n");
    Ok(request.into_bytes())
}

async fn read_answer(stream: &mut Stream) -> Result<(), ProxyError> {
    let mut buf = Vec::new();
    let mut searched = 0;
    let mut interim = 0;
    loop {
        if stream.read_buf(&mut buf).await? == 0 {
            return Err(ProxyError::Closed);
        }
        while let Some(Head { value: head, len }) =
            ResponseHead::parse(&buf, &mut searched, &Limits::default())?
        {
            match head.status() {
                100..=199 if interim < MAX_INTERIM => {
                    interim += 1;
                    searched = 0;
                    buf.drain(..len);
                }
                100..=199 => return Err(ResponseError::Interim.into()),
                //= https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6
                //# A client MUST ignore any Content-Length or Transfer-Encoding header fields
                //# received in a successful response to CONNECT.
                200..=299 if len == buf.len() => return Ok(()),
                // Nothing was sent through it yet that could be answered.
                200..=299 => return Err(ProxyError::Early),
                _ => return Err(refused(&head)),
            }
        }
    }
}

fn refused(head: &ResponseHead<'_>) -> ProxyError {
    let Ok(status) = StatusCode::from_u16(head.status()) else {
        return ResponseError::StatusLine.into();
    };
    let mut response = Response::new(());
    *response.status_mut() = status;
    match head.headers().to_http() {
        Ok(headers) => *response.headers_mut() = headers,
        Err(_) => return ResponseError::Header.into(),
    }
    ProxyError::Status(Box::new(response))
}

async fn socks5(
    stream: &mut Stream,
    host: &str,
    port: u16,
    credentials: Option<(&[u8], &[u8])>,
) -> Result<(), ProxyError> {
    let mut out = Vec::new();
    let mut socks = Socks5::start(host, port, credentials, &mut out)?;
    loop {
        stream.write_all(&out).await?;
        stream.flush().await?;
        out.clear();
        let mut bytes = vec![0; socks.wants()];
        if bytes.is_empty() {
            return Ok(());
        }
        let len = stream.read(&mut bytes).await?;
        if len == 0 {
            return Err(ProxyError::Closed);
        }
        socks.receive(&bytes[..len], &mut out)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_names_host_and_port() {
        let request =
            |host| connect_request(host, 80, None).map(|bytes| bytes.escape_ascii().to_string());
        assert_eq!(
            request("example.com").unwrap(),
            r"CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\n\r\n"
        );
        assert_eq!(
            request("::1").unwrap(),
            r"CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"
        );
        for host in [
            "",
            "a b",
            "a\r\nX: y",
            "a:1",
            "a/b",
            "a@b",
            "[::1]",
            "\u{e9}",
        ] {
            assert!(matches!(request(host), Err(ProxyError::Host)), "{host}");
        }
    }
}
