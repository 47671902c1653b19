//! The day that the pages bear. It never comes from a clock: the same sources make the same pages.

/// Until a release has a day.
const UNRELEASED: (i64, u64, u64) = (2026, 11, 25);

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `epoch` is SOURCE_DATE_EPOCH; without it the newest release in the changelog that has a day,
/// `## 1.2.3 (2027-03-31)`, gives it. None if `epoch` is no time.
pub fn of(epoch: Option<&str>, changelog: &str) -> Option<String> {
    let (year, month, day) = match epoch.filter(|epoch| !epoch.is_empty()) {
        Some(epoch) => civil(epoch.parse::<i64>().ok()?.div_euclid(86_400)),
        None => changelog.lines().find_map(release).unwrap_or(UNRELEASED),
    };
    let name = MONTHS.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    Some(format!("{name} {day}, {year}"))
}

fn release(line: &str) -> Option<(i64, u64, u64)> {
    let day = line.strip_prefix("## ")?.split_once('(')?.1.strip_suffix(')')?;
    let mut parts = day.split('-');
    let date =
        (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    ((1..=12).contains(&date.1) && (1..=31).contains(&date.2) && parts.next().is_none())
        .then_some(date)
}

/// Year, month and day of a number of days since 1970, counted in years that begin in March, so
/// that a leap day is the last.
fn civil(days: i64) -> (i64, u64, u64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097).unsigned_abs();
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year as i64 + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        let released = "# Changelog\n\n## 0.3.0 (unreleased)\n\n## 0.2.0 (2027-03-01)\n## 0.1.0 (2026-12-24)\n";
        for (epoch, changelog, expected) in [
            (Some("0"), "", Some("January 1, 1970")),
            (Some("951782400"), "", Some("February 29, 2000")),
            (Some("951868800"), released, Some("March 1, 2000")),
            (Some("4107542399"), "", Some("February 28, 2100")),
            (Some("4107542400"), "", Some("March 1, 2100")),
            (Some("-1"), "", Some("December 31, 1969")),
            (Some("today"), "", None),
            (Some(""), released, Some("March 1, 2027")),
            (None, released, Some("March 1, 2027")),
            (None, "## 0.1.0 (2027-13-01)", Some("November 25, 2026")),
            (None, "## 0.1.0 (unreleased)", Some("November 25, 2026")),
        ] {
            assert_eq!(of(epoch, changelog).as_deref(), expected, "{epoch:?} {changelog}");
        }
    }
}
