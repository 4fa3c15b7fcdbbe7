//! Where a redirect leads, and what may come along.

use ws_handshake::Url;

/// A redirect that may be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redirect {
    /// Absolute, without user information and fragment.
    pub(crate) url: String,
    /// Whether security, host and port stay the same; otherwise only header fields that
    /// [travel](travels) may be sent again, and no credentials.
    pub(crate) is_same_origin: bool,
}

/// Whether the answer to a GET with this status asks for another one, at its `Location`.
//= https://www.rfc-editor.org/rfc/rfc9110#section-15.4
pub(crate) const fn redirects(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Where `location` leads from `base`, a URL that [`Url::parse`] takes; `None` if that is no URL of
/// HTTP or WebSocket, or would give TLS up.
//= https://www.rfc-editor.org/rfc/rfc9110#section-10.2.2
//# If a relative reference is given, the final value is computed by resolving it against the target
//# URI
pub(crate) fn follow(base: &str, location: &[u8]) -> Option<Redirect> {
    let resolved = resolve(base, str::from_utf8(location).ok()?);
    let mut parts = Parts::split(&resolved);
    parts.fragment = None;
    parts.authority = parts.authority.map(without_userinfo);
    let url = parts.join();
    let (from, to) = (Url::parse(base).ok()?, Url::parse(&url).ok()?);
    if from.is_secure() && !to.is_secure() {
        return None;
    }
    let is_same_origin = from.is_same_origin(&to);
    Some(Redirect {
        url,
        is_same_origin,
    })
}

/// Whether a header field that the user has set may be sent to another origin: what says how to
/// answer does, what could be a secret does not.
pub(crate) fn travels(name: &str) -> bool {
    ["accept", "accept-language", "cache-control", "user-agent"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

fn without_userinfo(authority: &str) -> &str {
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, rest)| rest)
}

/// Resolves a reference against an absolute URL, strictly.
//= https://www.rfc-editor.org/rfc/rfc3986#section-5.2.2
pub(crate) fn resolve(base: &str, reference: &str) -> String {
    let (base, reference) = (Parts::split(base), Parts::split(reference));
    let path;
    let target = if reference.scheme.is_some() {
        path = remove_dot_segments(reference.path);
        Parts {
            path: &path,
            ..reference
        }
    } else if reference.authority.is_some() {
        path = remove_dot_segments(reference.path);
        Parts {
            scheme: base.scheme,
            path: &path,
            ..reference
        }
    } else if reference.path.is_empty() {
        Parts {
            query: reference.query.or(base.query),
            fragment: reference.fragment,
            ..base
        }
    } else {
        path = if reference.path.starts_with('/') {
            remove_dot_segments(reference.path)
        } else {
            remove_dot_segments(&merge(&base, reference.path))
        };
        Parts {
            path: &path,
            query: reference.query,
            fragment: reference.fragment,
            ..base
        }
    };
    target.join()
}

/// The five components of a reference.
//= https://www.rfc-editor.org/rfc/rfc3986#section-3
#[derive(Clone, Copy, Debug)]
struct Parts<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn split(reference: &'a str) -> Self {
        let (rest, fragment) = cut(reference, '#');
        let (rest, query) = cut(rest, '?');
        let (scheme, rest) = match rest.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
            _ => (None, rest),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(authority), path)
            }
            None => (None, rest),
        };
        Self {
            scheme,
            authority,
            path,
            query,
            fragment,
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc3986#section-5.3
    fn join(&self) -> String {
        let mut joined = String::new();
        if let Some(scheme) = self.scheme {
            joined.extend([scheme, ":"]);
        }
        if let Some(authority) = self.authority {
            joined.extend(["//", authority]);
        }
        joined.push_str(self.path);
        if let Some(query) = self.query {
            joined.extend(["?", query]);
        }
        if let Some(fragment) = self.fragment {
            joined.extend(["#", fragment]);
        }
        joined
    }
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

//= https://www.rfc-editor.org/rfc/rfc3986#section-3.1
//# scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

//= https://www.rfc-editor.org/rfc/rfc3986#section-5.2.3
fn merge(base: &Parts<'_>, path: &str) -> String {
    if base.authority.is_some() && base.path.is_empty() {
        return ["/", path].concat();
    }
    let folder = base.path.rfind('/').map_or(0, |slash| slash + 1);
    [&base.path[..folder], path].concat()
}

/// In one pass: each byte is looked at a bounded number of times.
//= https://www.rfc-editor.org/rfc/rfc3986#section-5.2.4
fn remove_dot_segments(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut input = path;
    while !input.is_empty() {
        if let Some(rest) = input
            .strip_prefix("../")
            .or_else(|| input.strip_prefix("./"))
        {
            input = rest;
        } else if input.starts_with("/./") {
            input = &input[2..];
        } else if input == "/." {
            input = "/";
        } else if input.starts_with("/../") || input == "/.." {
            input = if input.len() > 3 { &input[3..] } else { "/" };
            out.truncate(out.rfind('/').unwrap_or(0));
        } else if input == "." || input == ".." {
            input = "";
        } else {
            let rest = input.strip_prefix('/').unwrap_or(input);
            let end = input.len() - rest.len() + rest.find('/').unwrap_or(rest.len());
            out.push_str(&input[..end]);
            input = &input[end..];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    //= https://www.rfc-editor.org/rfc/rfc3986#section-5.4
    //= type=test
    const BASE: &str = "http://a/b/c/d;p?q";

    #[test]
    fn the_examples_of_the_rfc() {
        for (reference, expected) in [
            // §5.4.1, normal.
            ("g:h", "g:h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q#s"),
            ("g#s", "http://a/b/c/g#s"),
            ("g?y#s", "http://a/b/c/g?y#s"),
            (";x", "http://a/b/c/;x"),
            ("g;x", "http://a/b/c/g;x"),
            ("g;x?y#s", "http://a/b/c/g;x?y#s"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../", "http://a/"),
            ("../../g", "http://a/g"),
            // §5.4.2, abnormal.
            ("../../../g", "http://a/g"),
            ("../../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            (".g", "http://a/b/c/.g"),
            ("g..", "http://a/b/c/g.."),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g/../h", "http://a/b/c/h"),
            ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/./x", "http://a/b/c/g?y/./x"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("g#s/./x", "http://a/b/c/g#s/./x"),
            ("g#s/../x", "http://a/b/c/g#s/../x"),
            ("http:g", "http:g"),
        ] {
            assert_eq!(resolve(BASE, reference), expected, "{reference}");
        }
    }

    #[test]
    fn a_base_without_path_and_a_long_one() {
        assert_eq!(resolve("ws://a", "g"), "ws://a/g");
        assert_eq!(resolve("ws://a?q", "./g"), "ws://a/g");
        assert_eq!(resolve("ws://a/b", "\u{e9}/../g"), "ws://a/g");
        assert_eq!(resolve("ws://a/b", "x:\u{e9}/../g"), "x:/g");
        let up = "../".repeat(100_000);
        assert_eq!(resolve(BASE, &up), "http://a/");
    }

    #[test]
    fn no_path_panics_and_none_keeps_a_dot_segment() {
        let letters = ['.', '/', 'a', '\u{e9}'];
        for nth in 0..letters.len().pow(7) {
            let path: String = (0..7)
                .map(|at| letters[nth / letters.len().pow(at) % letters.len()])
                .collect();
            for path in [&path[..], &["/", &path].concat()] {
                let removed = remove_dot_segments(path);
                assert!(
                    removed
                        .split('/')
                        .all(|segment| segment != "." && segment != ".."),
                    "{path}: {removed}"
                );
            }
        }
    }

    #[test]
    fn what_is_followed_and_where_to() {
        let redirect = |url: &str, is_same_origin| {
            Some(Redirect {
                url: url.into(),
                is_same_origin,
            })
        };
        for (base, location, expected) in [
            ("ws://a/b", "/c", redirect("ws://a/c", true)),
            ("ws://u:p@a/b", "/c#f", redirect("ws://a/c", true)),
            ("ws://a/b", "http://A:80/c", redirect("http://A:80/c", true)),
            ("ws://a/b", "//x@a:81/c", redirect("ws://a:81/c", false)),
            ("ws://a/b", "ws://b/c", redirect("ws://b/c", false)),
            ("ws://a/b", "https://a/b", redirect("https://a/b", false)),
            ("wss://a/b", "https://a/c", redirect("https://a/c", true)),
            ("wss://a/b", "ws://a/c", None),
            ("wss://a/b", "http://a:443/c", None),
            ("ws://a/b", "file:///etc/passwd", None),
            ("ws://a/b", "ws://a b/", None),
            ("ws://a/b", "/c\r\nX: y", None),
            ("ws://a/b", "http:g", None),
        ] {
            assert_eq!(follow(base, location.as_bytes()), expected, "{location}");
        }
        assert_eq!(follow("ws://a/b", b"/\xff"), None);
    }

    #[test]
    fn secrets_do_not_travel() {
        for name in [
            "Authorization",
            "Cookie",
            "Last-Event-ID",
            "X-Api-Key",
            "Origin",
        ] {
            assert!(!travels(name), "{name}");
        }
        assert!(travels("User-Agent") && travels("accept"));
        assert!(
            [301, 302, 303, 307, 308]
                .map(redirects)
                .iter()
                .all(|&is| is)
        );
        assert!(
            ![200, 300, 304, 305, 401]
                .map(redirects)
                .iter()
                .any(|&is| is)
        );
    }
}
