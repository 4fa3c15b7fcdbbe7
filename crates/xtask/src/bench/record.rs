//! A run written down.

use super::results::{Group, Kind};
use super::{Run, chart, processor, today};
use crate::command::{self, root};
use core::fmt::Write as _;
use std::fs;

/// One table over all groups: ours, the best peer, the ratio, and the share of the limit.
pub(super) fn summary(runs: &[Run]) -> String {
    let mut table = String::from(
        "| | ours, ns | best peer | its ns | peer / ours | limit | its ns |\n\
         |---|---|---|---|---|---|---|\n",
    );
    let groups = runs.iter().flat_map(|run| &run.groups);
    for group in groups {
        table.push_str(&row(group));
    }
    table
}

fn row(group: &Group) -> String {
    // Others of ours stand in the table below it.
    let Some(ours) = group.ours() else {
        return String::new();
    };
    let peer = group.best(Kind::Peer);
    let limit = group.best(Kind::Limit);
    let name = |case: Option<&super::results::Case>| {
        case.map_or_else(|| "–".to_owned(), |case| case.name.clone())
    };
    let ns = |case: Option<&super::results::Case>| {
        case.map_or_else(|| "–".to_owned(), |case| format!("{:.1}", case.ns))
    };
    let ratio = peer.map_or_else(
        || "–".to_owned(),
        |peer| format!("{:.2}", peer.ns / ours.ns),
    );
    // What is behind the best peer is seen at a glance.
    let ratio = match peer {
        Some(peer) if peer.ns < ours.ns => format!("**{ratio}**"),
        _ => ratio,
    };
    format!(
        "| {} | {:.1} | {} | {} | {ratio} | {} | {} |\n",
        group.name,
        ours.ns,
        name(peer),
        ns(peer),
        name(limit),
        ns(limit)
    )
}

/// Writes `benches/record/DATE-CPU.md`, and the table and charts of the book.
///
/// # Errors
///
/// A file cannot be written.
pub(super) fn write(runs: &[Run]) -> Result<(), String> {
    let (model, short) = processor();
    let date = today()?;
    let path = root().join(format!("benches/record/{date}-{short}.md"));
    let compiler = command::output(&mut command::program("rustc", "--version"))?;
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let mut page = format!(
        "# {date}, {model}, {cores} cores\n\n{}, Linux. Medians of interleaved rounds of CPU time: \
         compare rows of one table only. `peer / ours` above 1 is faster than every peer; what is \
         behind one is bold. A limit does less than the task asks and is no peer. Written by\n\n\
         ```sh\ncargo xtask bench --record\n```\n\n## All groups\n\n{}",
        compiler.trim(),
        summary(runs)
    );
    for run in runs {
        let _ = write!(
            page,
            "\n## {}\n\n```sh\n{}\n```\n",
            run.suite.about, run.command
        );
        if run.groups.is_empty() {
            let _ = write!(page, "\n```text\n{}\n```\n", run.text.trim());
        }
        for group in &run.groups {
            let _ = write!(
                page,
                "\n### {}\n\n| case | ns | |\n|---|---|---|\n",
                group.name
            );
            for case in &group.cases {
                let kind = match case.kind {
                    Kind::Ours => "ours",
                    Kind::Peer => "",
                    Kind::Limit => "limit",
                };
                let _ = writeln!(page, "| {} | {:.1} | {kind} |", case.name, case.ns);
            }
        }
    }
    save(&path, &page)?;
    let table = root().join("docs/src/performance/groups.txt");
    save(&table, &summary(runs))?;
    for run in runs.iter().filter(|run| !run.groups.is_empty()) {
        let drawing = chart::draw(run.suite.about, &run.groups);
        let name = format!("docs/src/performance/{}.svg", run.suite.bench);
        save(&root().join(name), &drawing)?;
    }
    Ok(())
}

fn save(path: &std::path::Path, text: &str) -> Result<(), String> {
    let fail = |error| format!("{}: {error}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    fs::write(path, text).map_err(fail)?;
    println!("wrote {}", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::results;

    #[test]
    fn a_group_that_is_behind_is_bold() {
        let row = |ours: f64| {
            let text = format!(
                "a/b/c (1 bytes, 1 events)\n  us  ours  {ours}  1  1\n  them  peer  20.0  1  1\n"
            );
            super::row(&results::parse(&text)[0])
        };
        assert_eq!(row(10.0), "| a/b/c | 10.0 | them | 20.0 | 2.00 | – | – |\n");
        assert_eq!(
            row(40.0),
            "| a/b/c | 40.0 | them | 20.0 | **0.50** | – | – |\n"
        );
    }
}
