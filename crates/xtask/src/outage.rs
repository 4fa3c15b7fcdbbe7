//! The outage with real sockets, and its plot.

use crate::command::{self, cargo, run as execute};
use clap::Args;
use core::fmt::Write;
use std::fs;
use std::path::Path;

/// What `cargo xtask outage` is asked to do.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// How many clients, half of them over each carrier; at most 5,000 for 20,000 descriptors
    #[arg(long, default_value_t = 2_000)]
    clients: u32,
    /// How long the outage lasts
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// One of `reset`, `black_hole`, `unavailable`, `accept_then_close`; all without it
    #[arg(long)]
    mode: Option<String>,
    /// Write the plot of the book, `docs/src/resuming/outage.svg`
    #[arg(long)]
    plot: bool,
}

/// The kinds of outage: the test, the name of its record, what it is.
const MODES: [(&str, &str, &str); 4] = [
    ("reset", "reset", "connections are reset"),
    (
        "black_hole",
        "black-hole",
        "nothing answers (5 s to connect)",
    ),
    ("unavailable", "503", "a proxy answers 503"),
    (
        "accept_then_close",
        "accept-then-close",
        "accepted, then closed",
    ),
];

/// Runs the outages one after another, with their reports.
///
/// # Errors
///
/// An event was lost, repeated or missing in silence, or there were more attempts in a second than
/// theory allows.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let records = command::target().join("outage");
    fs::create_dir_all(&records).map_err(|error| error.to_string())?;
    let mut failed = Vec::new();
    for (test, ..) in MODES {
        if options.mode.as_ref().is_some_and(|mode| mode != test) {
            continue;
        }
        let mut cargo = cargo("test --package longwire-hub --test outage -- --nocapture --exact");
        cargo.arg(test);
        cargo.env("LONGWIRE_OUTAGE_CLIENTS", options.clients.to_string());
        cargo.env("LONGWIRE_OUTAGE_SECONDS", options.seconds.to_string());
        cargo.env("LONGWIRE_OUTAGE_RECORD", &records);
        if execute(&mut cargo).is_err() {
            failed.push(test);
        }
    }
    if options.plot {
        let path = command::root().join("docs/src/resuming/outage.svg");
        let plot = plot(&records, options)?;
        fs::write(path, plot).map_err(|error| error.to_string())?;
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("outages that failed: {}", failed.join(", ")))
    }
}

/// A second of a record: attempts, how many were expected, and how many are allowed.
type Row = (f64, f64, f64);

fn record(path: &Path) -> Result<Vec<Row>, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let row = |line: &str| {
        let mut numbers = line.split(',').skip(1).map(|number| number.parse().ok());
        Some((numbers.next()??, numbers.next()??, numbers.next()??))
    };
    text.lines()
        .skip(1)
        .map(|line| row(line).ok_or_else(|| format!("{}: {line}", path.display())))
        .collect()
}

/// Four panels below each other: bars for attempts, a line for theory, a dashed one for the bound.
fn plot(records: &Path, options: &Options) -> Result<String, String> {
    const WIDTH: f64 = 720.0;
    const PANEL: f64 = 170.0;
    let height = PANEL * 4.0 + 30.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{WIDTH}\" \
         height=\"{height}\" fill=\"#fff\"/>\n"
    );
    let add = |svg: &mut String, text: String| {
        svg.push_str(&text);
        svg.push('\n');
    };
    for (panel, (_, name, what)) in MODES.iter().enumerate() {
        let rows = record(&records.join(format!("{name}.csv")))?;
        let top = PANEL * panel as f64 + 28.0;
        let bottom = top + PANEL - 55.0;
        let seconds = rows.len().max(1) as f64;
        // The first second would flatten all others: the scale is a square root.
        let most = rows.iter().map(|row| row.2.max(row.0)).fold(1.0, f64::max);
        let y = |value: f64| bottom - (value / most).sqrt() * (bottom - top);
        let x = |second: f64| 50.0 + second / seconds * (WIDTH - 70.0);
        add(
            &mut svg,
            format!(
                "<text x=\"50\" y=\"{}\" fill=\"#222\">{what}: attempts in each second, {} \
                 clients, {} s</text>",
                top - 8.0,
                options.clients,
                options.seconds
            ),
        );
        for (second, row) in rows.iter().enumerate() {
            let second = second as f64;
            add(
                &mut svg,
                format!(
                    "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" \
                     fill=\"#7aa6c2\"/>",
                    x(second),
                    y(row.0),
                    (x(1.0) - x(0.0)) * 0.85,
                    bottom - y(row.0)
                ),
            );
        }
        for (pick, style) in [
            (1, "stroke=\"#b3412e\" stroke-width=\"1.5\""),
            (2, "stroke=\"#b3412e\" stroke-dasharray=\"3 3\""),
        ] {
            let mut points = String::new();
            for (second, row) in rows.iter().enumerate() {
                let value = if pick == 1 { row.1 } else { row.2 };
                let middle = x(second as f64 + 0.42);
                // Writing to a string does not fail.
                let _ = write!(points, "{middle:.1},{:.1} ", y(value));
            }
            add(
                &mut svg,
                format!("<polyline points=\"{points}\" fill=\"none\" {style}/>"),
            );
        }
        for value in [most, most / 4.0, most / 16.0, 0.0] {
            add(
                &mut svg,
                format!(
                    "<text x=\"45\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555\">{value:.0}</text>",
                    y(value) + 4.0
                ),
            );
        }
        let mut second = 0.0;
        while second <= seconds {
            add(
                &mut svg,
                format!(
                    "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{second:.0} \
                     s</text>",
                    x(second),
                    bottom + 16.0
                ),
            );
            second += 10.0;
        }
    }
    let legend = height - 8.0;
    add(
        &mut svg,
        format!(
            "<text x=\"50\" y=\"{legend}\" fill=\"#555\">Bars: measured. Line: full jitter, 1 s \
             to 30 s. Dashed: the bound of the test. The vertical scale is a square root.</text>"
        ),
    );
    svg.push_str("</svg>\n");
    Ok(svg)
}
