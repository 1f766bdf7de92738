//! Seconds since the Unix epoch as a date and time of day, for lifetimes.

/// The last second that is shown as a date: the end of the year 9999.
const LAST_SHOWN: u64 = 253_402_300_799;
const DAY_SECONDS: u64 = 24 * 60 * 60;

/// `2024-03-31 12:00:00 UTC`, or words where there is no such date.
pub(crate) fn utc(seconds: u64) -> String {
    match seconds {
        u64::MAX => "for ever".to_owned(),
        0..=LAST_SHOWN => {
            let (year, month, day) = civil(seconds / DAY_SECONDS);
            let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
        }
        _ => "after the year 9999".to_owned(),
    }
}

/// Year, month and day in the Gregorian calendar. Years are counted from March, so that the leap day is the last.
const fn civil(days: u64) -> (u64, u64, u64) {
    const ERA_DAYS: u64 = 146_097;
    const DAYS_TO_1970: u64 = 719_468;
    let day_of_time = days + DAYS_TO_1970;
    let (era, day_of_era) = (day_of_time / ERA_DAYS, day_of_time % ERA_DAYS);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}
