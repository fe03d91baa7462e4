//! One cell: a value, or a value with its quality.

use super::mistake::What;
use crate::model::{Reason, Sample, Value};

/// A value; or `bad`, for what could not be read.
pub(super) fn sample(cell: &[u8]) -> Result<Sample, What> {
    match cell {
        b"bad" | b"Bad" | b"BAD" | b"null" | b"NULL" => Ok(Sample::Bad(Reason::Comm)),
        _ => match value(cell)? {
            Value::Float(number) if !number.is_finite() => Ok(Sample::Bad(Reason::SensorFault)),
            value => Ok(Sample::Good(value)),
        },
    }
}

/// The same, with what is said of its quality; nothing is good.
pub(super) fn qualified(cell: &[u8], quality: &[u8]) -> Result<Sample, What> {
    let wrong = || What::NoQuality(shown(quality));
    let word = std::str::from_utf8(quality).map_err(|_| wrong())?;
    let reason =
        |word: &str| Reason::ALL.into_iter().find(|reason| reason.as_str() == word).ok_or_else(wrong);
    let doubted = |reason| {
        Ok(match sample(cell)? {
            Sample::Good(value) => Sample::Uncertain(value, reason),
            other => other,
        })
    };
    match word.split_once(':') {
        None if word.is_empty() || word == "good" => sample(cell),
        None if word == "bad" => Ok(Sample::Bad(Reason::Comm)),
        None if word == "uncertain" => doubted(Reason::Range),
        Some(("bad", word)) => Ok(Sample::Bad(reason(word)?)),
        Some(("uncertain", word)) => doubted(reason(word)?),
        _ => Err(wrong()),
    }
}

fn value(cell: &[u8]) -> Result<Value, What> {
    match cell {
        b"true" | b"TRUE" | b"True" | b"on" => return Ok(Value::Bool(true)),
        b"false" | b"FALSE" | b"False" | b"off" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let number = std::str::from_utf8(cell).ok().and_then(|text| text.parse::<f64>().ok());
    number.map(Value::Float).ok_or_else(|| What::NoValue(shown(cell)))
}

/// As much of a cell as people want to see.
pub(super) fn shown(cell: &[u8]) -> String {
    String::from_utf8_lossy(cell).chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_qualities_are_read_or_refused() {
        let float = |number| Value::Float(number);
        assert_eq!(sample(b"1.5"), Ok(Sample::Good(float(1.5))));
        assert_eq!(sample(b"off"), Ok(Sample::Good(Value::Bool(false))));
        assert_eq!(sample(b"bad"), Ok(Sample::Bad(Reason::Comm)));
        assert_eq!(sample(b"1,5"), Err(What::NoValue("1,5".to_owned())));
        let doubted = Sample::Uncertain(float(2.0), Reason::Range);
        assert_eq!(qualified(b"2", b"uncertain:range"), Ok(doubted));
        assert_eq!(qualified(b"2", b"uncertain"), Ok(doubted));
        assert_eq!(qualified(b"2", b"good"), Ok(Sample::Good(float(2.0))));
        assert_eq!(qualified(b"", b"bad:sensor_fault"), Ok(Sample::Bad(Reason::SensorFault)));
        assert!(qualified(b"2", b"worse").is_err());
        assert!(qualified(b"2", b"bad:weather").is_err());
    }

    #[test]
    fn p2_what_is_not_a_number_has_no_number() {
        for cell in ["nan", "NaN", "inf", "-Infinity", "1e999"] {
            assert_eq!(sample(cell.as_bytes()), Ok(Sample::Bad(Reason::SensorFault)), "{cell}");
            let doubted = qualified(cell.as_bytes(), b"uncertain:stuck");
            assert_eq!(doubted, Ok(Sample::Bad(Reason::SensorFault)), "{cell}");
        }
    }
}
