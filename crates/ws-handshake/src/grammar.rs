//! Tokens, field values and lists of RFC 9110 §5.6, each in one pass.

//= https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
//# tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_" / "`" / "|" /
//# "~" / DIGIT / ALPHA
pub(crate) const fn is_tchar(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(b, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// Whether `s` is a `token`: one or more `tchar`.
pub(crate) fn is_token(s: &[u8]) -> bool {
    !s.is_empty() && s.iter().all(|&b| is_tchar(b))
}

/// Whether `s` can be written as a field value and is read back as the same bytes: no CR, LF, NUL
/// or other controls, no whitespace at either end.
pub(crate) fn is_field_value(s: &[u8]) -> bool {
    s.iter().all(|&b| matches!(b, b'\t' | 0x20..=0x7e | 0x80..)) && s.len() == trim(s).len()
}

const fn is_ows(b: u8) -> bool {
    matches!(b, b' ' | b'\t')
}

/// `s` without the spaces and tabs at its ends.
pub(crate) fn trim(mut s: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = s
        && is_ows(*first)
    {
        s = rest;
    }
    while let [rest @ .., last] = s
        && is_ows(*last)
    {
        s = rest;
    }
    s
}

/// The elements of a comma-separated list without quoted strings.
//= https://www.rfc-editor.org/rfc/rfc9110#section-5.6.1.2
//# A recipient MUST parse and ignore a reasonable number of empty list elements: enough to handle
//# common mistakes by senders that merge values, but not so much that they could be used as a
//# denial-of-service mechanism.
pub(crate) fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&b| b == b',')
        .map(trim)
        .filter(|element| !element.is_empty())
}

/// Whether the list has the element `token`, in any case.
pub(crate) fn has_element(list: &[u8], token: &[u8]) -> bool {
    // What nearly every peer sends needs no walk.
    list.eq_ignore_ascii_case(token)
        || elements(list).any(|element| element.eq_ignore_ascii_case(token))
}

/// `1#token`: at least one element, each a token.
pub(crate) fn is_token_list(list: &[u8]) -> bool {
    let mut any = false;
    elements(list).all(|element| {
        any = true;
        is_token(element)
    }) && any
}

/// Bytes already known to be ASCII, as text; other bytes give the empty string.
pub(crate) fn ascii(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}
