//! Times as people write them: `500ms`, `4s`, `1m30s`, `2h`.

use std::time::Duration;

/// Reads a time; whole numbers, each with its unit, the larger units first.
pub(super) fn parse(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
    let mut rest = text;
    let mut total_ms = 0u64;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit =
            UNITS.iter().position(|(name, _)| *name == &rest[..letters]).filter(|u| *u >= next_unit)?;
        rest = &rest[letters..];
        total_ms = total_ms.checked_add(count.checked_mul(UNITS[unit].1)?)?;
        next_unit = unit + 1;
    }
    (!text.is_empty()).then(|| Duration::from_millis(total_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write_and_nothing_else() {
        let ms = |text| parse(text).map(|time| time.as_millis());
        assert_eq!(ms("4s"), Some(4000));
        assert_eq!(ms("0s"), Some(0));
        assert_eq!(ms("500ms"), Some(500));
        assert_eq!(ms("1m30s"), Some(90_000));
        assert_eq!(ms("2h5ms"), Some(7_200_005));
        for wrong in
            ["", "4", "s", "-1s", "1.5s", "1s1s", "1s1m", "4 s", "3d", "99999999999999999999s", "四s"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(parse("18446744073709551615h"), None);
    }
}
