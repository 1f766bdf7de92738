//! Dates.

use crate::inspect::date::utc;

#[test]
fn known_instants() {
    assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
    assert_eq!(utc(951_782_399), "2000-02-28 23:59:59 UTC");
    assert_eq!(utc(951_782_400), "2000-02-29 00:00:00 UTC");
    assert_eq!(utc(951_868_800), "2000-03-01 00:00:00 UTC");
    assert_eq!(utc(4_107_542_400), "2100-03-01 00:00:00 UTC");
    assert_eq!(utc(1_735_689_599), "2024-12-31 23:59:59 UTC");
    assert_eq!(utc(253_402_300_799), "9999-12-31 23:59:59 UTC");
}

#[test]
fn beyond_the_calendar() {
    assert_eq!(utc(253_402_300_800), "after the year 9999");
    assert_eq!(utc(u64::MAX), "for ever");
}
