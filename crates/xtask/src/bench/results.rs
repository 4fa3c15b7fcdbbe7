//! What an interleaved benchmark prints, read back.

/// Cases that did the same work on the same input.
#[derive(Debug, PartialEq)]
pub(super) struct Group {
    /// As `sse-parse/tokens/16KiB`.
    pub(super) name: String,
    pub(super) cases: Vec<Case>,
}

#[derive(Debug, PartialEq)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Nanoseconds of CPU time for an event, a message or a request.
    pub(super) ns: f64,
}

/// Who a case belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ours,
    Peer,
    Limit,
}

impl Group {
    /// Ours that does what the peers do: the one that is named first.
    pub(super) fn ours(&self) -> Option<&Case> {
        self.cases.iter().find(|case| case.kind == Kind::Ours)
    }

    /// The fastest of a kind.
    pub(super) fn best(&self, kind: Kind) -> Option<&Case> {
        let cases = self.cases.iter().filter(|case| case.kind == kind);
        cases.min_by(|a, b| a.ns.total_cmp(&b.ns))
    }
}

/// The groups in the output of a benchmark: a line with the name and its sizes in parentheses, a
/// line with titles, and a row a case, whose fields stand behind its name.
pub(super) fn parse(text: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for line in text.lines() {
        if let Some(row) = line.strip_prefix("  ") {
            if let (Some(group), Some(case)) = (groups.last_mut(), case(row)) {
                group.cases.push(case);
            }
        } else if let Some((name, sizes)) = line.split_once(" (")
            && sizes.ends_with(" events)")
        {
            groups.push(Group {
                name: name.to_owned(),
                cases: Vec::new(),
            });
        }
    }
    groups.retain(|group| !group.cases.is_empty());
    groups
}

fn case(row: &str) -> Option<Case> {
    let fields: Vec<&str> = row.split_whitespace().collect();
    let [name @ .., kind, ns, _, _] = &fields[..] else {
        return None;
    };
    let kind = match *kind {
        "ours" => Kind::Ours,
        "peer" => Kind::Peer,
        "limit" => Kind::Limit,
        _ => return None,
    };
    Some(Case {
        name: name.join(" "),
        kind,
        ns: ns.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read() {
        let text = "\nsse-parse/tokens/64 (1000 bytes, 10 events)\n\
                    \x20 case                            ns/event       MB/s    x best peer\n\
                    \x20 sse-parse, all items     ours           69.5       2993           1.10\n\
                    \x20 other 0.1                peer           76.5       2719           1.00\n\
                    \x20 memcpy                   limit           7.0      29802          10.93\n";
        let groups = parse(text);
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].name, "sse-parse/tokens/64");
        let ours = groups[0]
            .best(Kind::Ours)
            .map(|case| (case.name.as_str(), case.ns));
        assert_eq!(ours, Some(("sse-parse, all items", 69.5)));
        assert_eq!(groups[0].best(Kind::Peer).map(|case| case.ns), Some(76.5));
        assert_eq!(groups[0].cases.len(), 3);
    }
}
