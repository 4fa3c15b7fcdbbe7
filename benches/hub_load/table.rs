//! What was measured, beside what it is measured by.

/// One line: ours beside a peer or a limit, round by round.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) ours: Vec<f64>,
    /// What it is compared with, of the same rounds.
    pub(crate) other: Option<(&'static str, Vec<f64>)>,
    pub(crate) reach: Reach,
}

/// What is to be reached.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reach {
    /// Ours is at most so much.
    AtMost(f64),
    /// Ours is at most so many times the other.
    TimesAtMost(f64),
    /// Ours is at least so many times the other.
    TimesAtLeast(f64),
}

impl Row {
    fn ratio(&self) -> Option<f64> {
        let (_, other) = self.other.as_ref()?;
        let ratios = self
            .ours
            .iter()
            .zip(other)
            .map(|(ours, other)| ours / other);
        Some(median(ratios.collect()))
    }

    fn verdict(&self) -> (String, &'static str) {
        let ours = median(self.ours.clone());
        let (text, met) = match self.reach {
            Reach::AtMost(most) => (format!("≤ {most} {}", self.unit), Some(ours <= most)),
            Reach::TimesAtMost(most) => (
                format!("≤ {most}×"),
                self.ratio().map(|ratio| ratio <= most),
            ),
            Reach::TimesAtLeast(least) => (
                format!("≥ {least}×"),
                self.ratio().map(|ratio| ratio >= least),
            ),
        };
        let verdict = match met {
            Some(true) => "met",
            Some(false) => "missed",
            None => "-",
        };
        (text, verdict)
    }
}

/// Prints all rows as a Markdown table.
pub(crate) fn print(rows: &[Row]) {
    println!("\n| what | unit | ours | beside | its figure | ratio | reach | |");
    println!("|---|---|---|---|---|---|---|---|");
    for row in rows {
        let ours = median(row.ours.clone());
        let (beside, figure) = match &row.other {
            Some((name, figures)) => (*name, number(median(figures.clone()))),
            None => ("", String::new()),
        };
        let ratio = row.ratio().map_or(String::new(), |r| format!("{r:.2}"));
        let (reach, verdict) = row.verdict();
        println!(
            "| {} | {} | {} | {beside} | {figure} | {ratio} | {reach} | {verdict} |",
            row.name,
            row.unit,
            number(ours)
        );
    }
}

fn number(n: f64) -> String {
    match n.abs() {
        n if n >= 1000.0 => format!("{n:.0}"),
        n if n >= 10.0 => format!("{n:.1}"),
        n => format!("{n:.3}"),
    }
}

pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Of sorted figures.
pub(crate) fn percentile(sorted: &[u64], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(f64::NAN, |figure| *figure as f64)
}
