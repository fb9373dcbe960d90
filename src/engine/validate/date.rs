//! Dates inside tokens: seconds since 1970 to a day and back (the proleptic Gregorian calendar, no time zones).

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970 by this machine's clock; 0 when it stands before.
pub(super) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// `2026-11-24` for a time in seconds; `None` outside the years 1970 to 9999.
pub(super) fn day(seconds: i64) -> Option<String> {
    if !(0..253_402_300_800).contains(&seconds) {
        return None;
    }
    // Years counted from March, so that the leap day is the last one (the usual era arithmetic).
    let days = seconds / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

/// Seconds since 1970 of the day that `text` begins with (`2026-11-24T...`); the end of that day, to be cautious
/// about what has expired.
pub(super) fn end_of_day(text: &str) -> Option<i64> {
    let mut parts = text.get(..10)?.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let number =
        |text: &str| if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse::<i64>().ok() } else { None };
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year / 400, year % 400);
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some((days + 1) * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_are_known() {
        for (seconds, text) in [(0, "1970-01-01"), (951_782_400, "2000-02-29"), (1_700_000_000, "2023-11-14")] {
            assert_eq!(day(seconds).as_deref(), Some(text));
        }
        assert_eq!(day(-1), None);
        assert_eq!(day(i64::MAX), None);
    }

    #[test]
    fn every_day_goes_both_ways() {
        for days in 0..40_000 {
            let text = day(days * 86_400).expect("inside the range");
            assert_eq!(end_of_day(&text), Some((days + 1) * 86_400), "{text}");
        }
        for text in ["", "2026", "2026-13-01", "2026-00-10", "20\u{e9}6-11-24", "+026-01-01"] {
            assert_eq!(end_of_day(text), None, "{text}");
        }
    }
}
