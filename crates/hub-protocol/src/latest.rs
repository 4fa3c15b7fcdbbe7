use std::collections::HashMap;

/// Finds the newest event of each topic in a part of the log: what a subscriber with
/// [`Slow::Latest`](crate::Slow::Latest) is sent of it.
///
/// # Example
///
/// ```
/// use hub_protocol::Latest;
///
/// let mut latest = Latest::new();
/// latest.see(4, ["a"]);
/// latest.see(5, ["b"]);
/// latest.see(6, ["a", "c"]);
/// latest.see(7, ["c"]);
/// let kept = latest.kept();
/// let left_out: Vec<_> = (3..9).filter(|offset| kept.leaves_out(*offset)).collect();
/// assert_eq!(left_out, [4]); // of 6, `a` is still the newest; 3 and 8 were not looked at
/// ```
#[derive(Clone, Debug, Default)]
pub struct Latest<'t> {
    newest: HashMap<&'t str, u64>,
    /// The first and the last event that was seen.
    seen: Option<(u64, u64)>,
}

impl<'t> Latest<'t> {
    /// Nothing was seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at the next event that is for the subscriber, in the order of the log. `topics` are
    /// those of its topics that the subscriber asked for.
    pub fn see(&mut self, offset: u64, topics: impl IntoIterator<Item = &'t str>) {
        let (first, _) = self.seen.unwrap_or((offset, offset));
        self.seen = Some((first, offset));
        for topic in topics {
            self.newest.insert(topic, offset);
        }
    }

    /// Decides.
    #[must_use]
    pub fn kept(self) -> Kept {
        let mut newest: Vec<_> = self.newest.into_values().collect();
        newest.sort_unstable();
        newest.dedup();
        Kept {
            seen: self.seen,
            newest,
        }
    }
}

/// Which events are left out because newer ones of all their topics follow: what [`Latest`]
/// decided.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    seen: Option<(u64, u64)>,
    /// In order: as many as there are topics, however many events there were.
    newest: Vec<u64>,
}

impl Kept {
    /// Whether the event at `offset`, which is for the subscriber, is left out.
    #[must_use]
    pub fn leaves_out(&self, offset: u64) -> bool {
        let seen = |(first, last): (u64, u64)| (first..=last).contains(&offset);
        self.seen.is_some_and(seen) && self.newest.binary_search(&offset).is_err()
    }
}
