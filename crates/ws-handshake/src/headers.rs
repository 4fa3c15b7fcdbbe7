//! Header fields, borrowed: the block they stand in, or the list that a HTTP library gave.

use crate::grammar;
use alloc::vec::Vec;
use core::iter::FusedIterator;
use core::{fmt, slice};

/// The fields of a head, in order, borrowed from where the caller keeps them.
///
/// Names compare in any case. A name may stand more than once.
#[derive(Clone)]
pub struct Headers<'b>(Store<'b>);

#[derive(Clone)]
enum Store<'b> {
    /// Lines that the grammar check has passed, each ending with CR LF.
    Block(&'b [u8], Names),
    List(Vec<(&'b str, &'b [u8])>),
    #[cfg(feature = "http")]
    Map(&'b http::HeaderMap),
}

impl<'b> Headers<'b> {
    /// `block` has been parsed: every line is `token ":" value CR LF`, and `names` are theirs.
    pub(crate) const fn block(block: &'b [u8], names: Names) -> Self {
        Self(Store::Block(block, names))
    }

    pub(crate) const fn list(list: Vec<(&'b str, &'b [u8])>) -> Self {
        Self(Store::List(list))
    }

    #[cfg(feature = "http")]
    pub(crate) const fn map(map: &'b http::HeaderMap) -> Self {
        Self(Store::Map(map))
    }

    /// The value of the first field called `name`, without the whitespace around it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'b [u8]> {
        self.get_all(name).next()
    }

    /// The values of all fields called `name`.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'b [u8]> + use<'a, 'b> {
        let fields = match &self.0 {
            Store::Block(_, names) if !names.may_have(name) => HeaderIter(Cursor::Block(&[])),
            _ => self.iter(),
        };
        fields
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Whether a field called `name` is a list that has the element `token`, in any case.
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.get_all(name)
            .any(|list| grammar::has_element(list, token.as_bytes()))
    }

    /// All fields, names as the peer wrote them.
    #[must_use]
    pub fn iter(&self) -> HeaderIter<'_, 'b> {
        HeaderIter(match &self.0 {
            Store::Block(block, _) => Cursor::Block(block),
            Store::List(list) => Cursor::List(list.iter()),
            #[cfg(feature = "http")]
            Store::Map(map) => Cursor::Map(map.iter()),
        })
    }
}

/// The names in a block, each as a bit that some names share: most fields that somebody asks for
/// are not there, and the block need not be read to know it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Names(u64);

impl Names {
    pub(crate) const fn add(&mut self, name: &str) {
        self.0 |= Self::bit(name);
    }

    const fn may_have(self, name: &str) -> bool {
        self.0 & Self::bit(name) != 0
    }

    /// The same for names that differ in case only.
    const fn bit(name: &str) -> u64 {
        let (len, first) = match name.as_bytes() {
            [first, ..] => (name.len(), *first | 0x20),
            [] => (0, 0),
        };
        1 << ((len ^ (first as usize) << 1) & 63)
    }
}

impl<'a, 'b> IntoIterator for &'a Headers<'b> {
    type Item = (&'b str, &'b [u8]);
    type IntoIter = HeaderIter<'a, 'b>;

    fn into_iter(self) -> HeaderIter<'a, 'b> {
        self.iter()
    }
}

impl fmt::Debug for Headers<'_> {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

/// Iterates over [`Headers`]: names as written, values without the whitespace around them.
pub struct HeaderIter<'a, 'b>(Cursor<'a, 'b>);

enum Cursor<'a, 'b> {
    Block(&'b [u8]),
    List(slice::Iter<'a, (&'b str, &'b [u8])>),
    #[cfg(feature = "http")]
    Map(http::header::Iter<'b, http::HeaderValue>),
}

impl<'b> Iterator for HeaderIter<'_, 'b> {
    type Item = (&'b str, &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Cursor::Block(block) => {
                let colon = block.iter().position(|&b| b == b':')?;
                let (name, line) = (&block[..colon], &block[colon + 1..]);
                let end = line.iter().position(|&b| b == b'\r')?;
                *block = line.get(end + 2..).unwrap_or_default();
                Some((grammar::ascii(name), grammar::trim(&line[..end])))
            }
            Cursor::List(list) => list.next().copied(),
            #[cfg(feature = "http")]
            Cursor::Map(map) => {
                let (name, value) = map.next()?;
                Some((name.as_str(), grammar::trim(value.as_bytes())))
            }
        }
    }
}

impl FusedIterator for HeaderIter<'_, '_> {}

impl fmt::Debug for HeaderIter<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeaderIter").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_there_is_found_in_any_case_and_one_that_is_not_mostly_need_not_be_looked_for()
    {
        let names = [
            "Host",
            "content-TYPE",
            "x",
            "_odd",
            "Sec-WebSocket-Extensions",
        ];
        let mut there = Names::default();
        for name in names {
            there.add(name);
            for name in [name.to_ascii_lowercase(), name.to_ascii_uppercase()] {
                assert!(there.may_have(&name), "{name}");
            }
        }
        let others = [
            "authorization",
            "cookie",
            "origin",
            "expect",
            "accept",
            "te",
            "",
        ];
        let looked_for = others.into_iter().filter(|name| there.may_have(name));
        assert!(looked_for.count() < 3);
    }
}
