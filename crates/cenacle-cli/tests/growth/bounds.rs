//! Compares what a step needed in a small and in a large group with what it may.

use crate::figures::{Figure, Figures};

/// What a figure may be. A unit is a level of the tree, or a member.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    /// So much for each unit and so much besides, neither more nor less, in both groups.
    Exactly(i64, i64),
    /// In the large group so much for each unit more than in the small one, at most.
    Grows(u64),
    /// As [`Bound::Grows`], and so much besides.
    GrowsAnd(u64, u64),
    /// So much in the large group, at most.
    AtMost(u64),
}

/// One step in two groups, with their sizes in units.
pub(crate) struct Case<'a> {
    pub(crate) name: &'a str,
    pub(crate) unit: &'static str,
    pub(crate) small: (i64, &'a Figures),
    pub(crate) large: (i64, &'a Figures),
}

/// Prints all figures, and gives those that break a bound.
pub(crate) fn check(case: &Case<'_>, bounds: &[(Figure, Bound)]) -> Vec<String> {
    let mut broken = Vec::new();
    for figure in Figure::ALL {
        let mut own: Vec<_> = bounds.iter().filter(|(of, _)| *of == figure).map(|(_, bound)| *bound).collect();
        // What nothing is said of, or only how large it gets, does not grow.
        if own.iter().all(|bound| matches!(bound, Bound::AtMost(_))) {
            own.push(Bound::Grows(0));
        }
        for bound in own {
            let (line, holds) = case.judge(figure, bound);
            println!("{line}");
            if !holds {
                broken.push(line);
            }
        }
    }
    broken
}

impl Case<'_> {
    fn judge(&self, figure: Figure, bound: Bound) -> (String, bool) {
        let (small, large) = (self.small.1.of(figure), self.large.1.of(figure));
        let more = self.large.0.abs_diff(self.small.0);
        let grown = |each: u64, besides: u64| small + each * more + besides;
        let (holds, most, rule) = match bound {
            Bound::Exactly(each, besides) => {
                let [at_small, at_large] =
                    [self.small.0, self.large.0].map(|size| u64::try_from(each * size + besides).unwrap());
                let rule = format!("exactly {each} a {} and {besides}", self.unit);
                (small == at_small && large == at_large, at_large, rule)
            }
            Bound::Grows(each) => (large <= grown(each, 0), grown(each, 0), format!("{each} a {} more", self.unit)),
            Bound::GrowsAnd(each, besides) => {
                let most = grown(each, besides);
                (large <= most, most, format!("{each} a {} more, and {besides}", self.unit))
            }
            Bound::AtMost(most) => (large <= most, most, "at most".to_owned()),
        };
        let (mark, figure) = (if holds { " " } else { "!" }, format!("{figure:?}"));
        let (name, unit) = (self.name, self.unit);
        let (at_small, at_large) = (self.small.0, self.large.0);
        let line = format!(
            "{mark} {name:<16} {figure:<15} {small:>8} at {at_small} {unit}s {large:>8} at {at_large}, bound {most:>8} ({rule})"
        );
        (line, holds)
    }
}
