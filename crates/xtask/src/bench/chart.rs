//! Bars of a run, for the book.

use super::results::{Group, Kind};
use core::fmt::Write as _;

const ROW: u32 = 18;
const LABELS: u32 = 250;
const BARS: u32 = 420;

/// For each group a bar of ours, one of the best peer, and one of the limit, each the longer the
/// more it does in a second; the longer of the first two is as long as the chart is wide, and a
/// limit beyond it is cut off there.
///
/// The colours are named by the page around it, so that the chart suits a dark page too.
pub(super) fn draw(title: &str, groups: &[Group]) -> String {
    let mut rows = String::new();
    let mut y = 30;
    for group in groups {
        let best = |kind| group.best(kind);
        let bars = [group.ours(), best(Kind::Peer), best(Kind::Limit)];
        let fastest = bars[..2]
            .iter()
            .flatten()
            .map(|case| case.ns)
            .fold(f64::INFINITY, f64::min);
        let _ = writeln!(
            rows,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LABELS - 8,
            y + 12,
            escape(&group.name)
        );
        for case in bars.into_iter().flatten() {
            let width = f64::from(BARS) * (fastest / case.ns).min(1.0);
            let class = match case.kind {
                Kind::Ours => "ours",
                Kind::Peer => "peer",
                Kind::Limit => "limit",
            };
            let _ = writeln!(
                rows,
                "<rect class=\"{class}\" x=\"{LABELS}\" y=\"{y}\" width=\"{width:.1}\" height=\"14\"/>\
                 <text x=\"{}\" y=\"{}\">{} {:.1} ns</text>",
                LABELS + 6 + BARS,
                y + 12,
                escape(&case.name),
                case.ns
            );
            y += ROW;
        }
        y += 10;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 900 {y}\" role=\"img\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<title>{}</title>\n<style>\n\
         text {{ fill: #333 }} .ours {{ fill: #0a7a5a }} .peer {{ fill: #9aa5b1 }} \
         .limit {{ fill: none; stroke: #9aa5b1; stroke-dasharray: 3 }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #ccc }} }}\n</style>\n\
         <text x=\"8\" y=\"18\" font-size=\"14\">{}: events per second of CPU time; ours, the best \
         peer, a limit</text>\n{rows}</svg>\n",
        escape(title),
        escape(title)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::super::results;
    use super::*;

    #[test]
    fn the_fastest_of_a_group_is_as_wide_as_the_chart() {
        let text = "a & b (1 bytes, 1 events)\n  us  ours  10.0  1  1\n  less  ours  1.0  1  1\n  \
                    them  peer  20.0  1  1\n  copy  limit  2.0  1  1\n";
        let drawing = draw("t", &results::parse(text));
        assert!(drawing.contains("class=\"ours\" x=\"250\" y=\"30\" width=\"420.0\""));
        assert!(drawing.contains("class=\"peer\" x=\"250\" y=\"48\" width=\"210.0\""));
        assert!(drawing.contains("class=\"limit\" x=\"250\" y=\"66\" width=\"420.0\""));
        assert!(drawing.contains("a &amp; b") && !drawing.contains("less"));
    }
}
