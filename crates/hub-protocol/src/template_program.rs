//! A URI template as an automaton whose states are bits.
//!
//! ```text
//! /books{/id,part}     '/' 'b' 'o' 'o' 'k' 's'  '/' U*  '/' U*
//!                     0   1   2   3   4   5   6    7   8   9   10
//!                                             └──── jump ─────►│
//!                                                      └─ jump►│
//! ```
//!
//! State n is the place before item n, and all states that are reachable so far are one number.
//! One unit of the topic moves them all: those whose item takes it go on, loops stay, and jumps,
//! which only lead forward, are followed once, in order.

use std::collections::BTreeMap;

/// So many states, at most.
const WORDS: usize = 6;

#[derive(Clone, Copy, Default)]
struct States([u64; WORDS]);

pub(crate) struct Program {
    /// Items that take this very unit.
    literals: BTreeMap<u32, States>,
    /// Items that take one unit of a class: unreserved, or that and reserved.
    one: [States; 2],
    /// Items that take any number of them.
    many: [States; 2],
    /// From one state to a later one, in ascending order.
    jumps: Vec<(usize, usize)>,
    begin: States,
    end: usize,
}

/// Which units a variable's value may have.
//= https://www.rfc-editor.org/rfc/rfc6570#section-3.2.1
//# For Reserved ("+") and Fragment ("#"), the set is the union of (unreserved / reserved /
//# pct-encoded). For all other operator types, the set is unreserved
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allow {
    Unreserved,
    Reserved,
}

/// How an operator expands.
//= https://www.rfc-editor.org/rfc/rfc6570#appendix-A
//# The processing steps can be expressed as follows: …
struct Operator {
    first: &'static [u8],
    separator: u8,
    /// `name=value` instead of the value alone, and whether an empty one has its `=`.
    named: Option<bool>,
    allow: Allow,
}

const fn operator(first: &'static [u8], separator: u8, named: Option<bool>) -> Operator {
    let allow = Allow::Unreserved;
    Operator {
        first,
        separator,
        named,
        allow,
    }
}

impl Operator {
    /// The operator of an expression, and the list of its variables.
    fn split(expression: &[u8]) -> Option<(Self, &[u8])> {
        let (&first, rest) = expression.split_first()?;
        let reserved = |first| Self {
            allow: Allow::Reserved,
            ..operator(first, b',', None)
        };
        let operator = match first {
            b'+' => reserved(b""),
            b'#' => reserved(b"#"),
            b'.' => operator(b".", b'.', None),
            b'/' => operator(b"/", b'/', None),
            b';' => operator(b";", b';', Some(false)),
            b'?' => operator(b"?", b'&', Some(true)),
            b'&' => operator(b"&", b'&', Some(true)),
            _ => return Some((operator(b"", b',', None), expression)),
        };
        Some((operator, rest))
    }
}

impl Program {
    /// `None` if it is no template of levels 1 to 3, or has too many states.
    pub(crate) fn compile(mut text: &[u8]) -> Option<Self> {
        let mut builder = Builder::default();
        while let Some(at) = text.iter().position(|byte| matches!(byte, b'{' | b'}')) {
            builder.literal(&text[..at])?;
            let rest = text[at..].strip_prefix(b"{")?;
            let end = rest.iter().position(|byte| matches!(byte, b'{' | b'}'))?;
            let after = rest[end..].strip_prefix(b"}")?;
            builder.expression(&rest[..end])?;
            text = after;
        }
        builder.literal(text)?;
        Some(builder.finish())
    }

    pub(crate) fn matches(&self, topic: &[u8]) -> bool {
        let mut states = self.begin;
        for unit in units(topic) {
            let mut go = self.literals.get(&unit).copied().unwrap_or_default();
            let mut stay = States::default();
            for class in classes(unit) {
                go.add(&self.one[class]);
                stay.add(&self.many[class]);
            }
            states = states.step(&go, &stay);
            self.follow(&mut states);
            if states.is_empty() {
                return false;
            }
        }
        states.has(self.end)
    }

    fn follow(&self, states: &mut States) {
        for &(from, to) in &self.jumps {
            if states.has(from) {
                states.set(to);
            }
        }
    }
}

#[derive(Default)]
struct Builder {
    literals: BTreeMap<u32, States>,
    one: [States; 2],
    many: [States; 2],
    jumps: Vec<(usize, usize)>,
    /// Items so far.
    len: usize,
}

impl Builder {
    fn item(&mut self) -> Option<usize> {
        let item = self.len;
        self.len += 1;
        // One more state follows the last item.
        (self.len < WORDS * 64).then_some(item)
    }

    fn literal(&mut self, text: &[u8]) -> Option<()> {
        for unit in units(text) {
            let item = self.item()?;
            self.literals.entry(unit).or_default().set(item);
        }
        Some(())
    }

    fn value(&mut self, allow: Allow, at_least_one: bool) -> Option<()> {
        if at_least_one {
            let item = self.item()?;
            self.one[allow as usize].set(item);
        }
        let item = self.item()?;
        self.many[allow as usize].set(item);
        self.jumps.push((item, item + 1));
        Some(())
    }

    //= https://www.rfc-editor.org/rfc/rfc6570#section-3.2.1
    //# A variable that is undefined (Section 2.3) has no value and is ignored by the expansion
    //# process. If all of the variables in an expression are undefined, then the expression's
    //# expansion is the empty string.
    fn expression(&mut self, expression: &[u8]) -> Option<()> {
        let (operator, list) = Operator::split(expression)?;
        let mut to_end = vec![self.len];
        for (index, name) in list.split(|byte| *byte == b',').enumerate() {
            if !is_name(name) {
                return None;
            }
            if index > 0 {
                to_end.push(self.len);
                self.literal(&[operator.separator])?;
            } else {
                self.literal(operator.first)?;
            }
            let begin = self.len;
            if let Some(always) = operator.named {
                self.literal(name)?;
                let after_name = self.len;
                self.literal(b"=")?;
                self.value(operator.allow, !always)?;
                if !always {
                    self.jumps.push((after_name, self.len));
                }
            } else {
                self.value(operator.allow, false)?;
            }
            // Without this variable, the next one has its place.
            if list.split(|byte| *byte == b',').nth(index + 1).is_some() {
                self.jumps.push((begin, self.len + 1));
            }
        }
        self.jumps
            .extend(to_end.into_iter().map(|from| (from, self.len)));
        Some(())
    }

    fn finish(self) -> Program {
        let Self {
            literals,
            one,
            many,
            mut jumps,
            len,
        } = self;
        jumps.sort_unstable();
        let mut program = Program {
            literals,
            one,
            many,
            jumps,
            begin: States::default(),
            end: len,
        };
        let mut begin = States::default();
        begin.set(0);
        program.follow(&mut begin);
        program.begin = begin;
        program
    }
}

impl States {
    fn set(&mut self, state: usize) {
        self.0[state / 64] |= 1 << (state % 64);
    }

    fn has(&self, state: usize) -> bool {
        self.0[state / 64] >> (state % 64) & 1 == 1
    }

    fn is_empty(&self) -> bool {
        self.0 == [0; WORDS]
    }

    fn add(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word |= other;
        }
    }

    fn step(&self, go: &Self, stay: &Self) -> Self {
        let mut next = [0; WORDS];
        let mut carry = 0;
        for (index, next) in next.iter_mut().enumerate() {
            let going = self.0[index] & go.0[index];
            *next = going << 1 | carry | self.0[index] & stay.0[index];
            carry = going >> 63;
        }
        Self(next)
    }
}

/// The units of a text: percent-encoded triplets are one each, as is every other byte.
fn units(mut text: &[u8]) -> impl Iterator<Item = u32> {
    core::iter::from_fn(move || {
        let (&first, rest) = text.split_first()?;
        let triplet = match rest {
            [high, low, after @ ..]
                if first == b'%' && high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                Some((u32::from_be_bytes([0, first, *high, *low]), after))
            }
            _ => None,
        };
        let (unit, rest) = triplet.unwrap_or_else(|| (first.into(), rest));
        text = rest;
        Some(unit)
    })
}

/// The classes that a unit is in, as indexes of [`Allow`].
//= https://www.rfc-editor.org/rfc/rfc6570#section-1.5
//# unreserved     =  ALPHA / DIGIT / "-" / "." / "_" / "~"
fn classes(unit: u32) -> core::ops::Range<usize> {
    let Ok(byte) = u8::try_from(unit) else {
        return 0..2;
    };
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => 0..2,
        b':' | b'/' | b'?' | b'#' | b'[' | b']' | b'@' | b'!' | b'$' | b'&' | b'\'' | b'('
        | b')' | b'*' | b'+' | b',' | b';' | b'=' => 1..2,
        _ => 0..0,
    }
}

/// Whether a variable can have this name; modifiers are no part of one.
//= https://www.rfc-editor.org/rfc/rfc6570#section-2.3
//# varname       =  varchar *( ["."] varchar )
fn is_name(name: &[u8]) -> bool {
    let part = |part: &[u8]| {
        let varchar = |unit| match u8::try_from(unit) {
            Ok(byte) => byte.is_ascii_alphanumeric() || byte == b'_',
            Err(_) => true,
        };
        !part.is_empty() && units(part).all(varchar)
    };
    name.split(|byte| *byte == b'.').all(part)
}
