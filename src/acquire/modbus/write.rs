//! The one kind of question that changes something at a device: what is written for an output, and the answer that says so.

use std::borrow::Cow;

use tokio_modbus::{Request, Response};

use super::guard::Answer;
use super::plan::Span;
use crate::site::{Table, Target, Values};

/// What is written to a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Write {
    address: u16,
    what: What,
    multiple: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Coil(bool),
    Words(Vec<u16>),
}

impl Write {
    /// What switches `target` on or off.
    pub(super) fn new(target: &Target, on: bool) -> Self {
        let what = match &target.values {
            Values::Coil(when_on) => What::Coil(*when_on == on),
            Values::Words { on: words, .. } if on => What::Words(words.clone()),
            Values::Words { off: words, .. } => What::Words(words.clone()),
        };
        Self { address: target.address, what, multiple: target.multiple }
    }

    /// Functions 5 and 6 for one, 15 and 16 for several or where the device wants no other.
    pub(super) fn request(&self) -> Request<'static> {
        let at = self.address;
        match &self.what {
            What::Coil(on) if self.multiple => Request::WriteMultipleCoils(at, Cow::Owned(vec![*on])),
            What::Coil(on) => Request::WriteSingleCoil(at, *on),
            What::Words(words) => match words.as_slice() {
                [word] if !self.multiple => Request::WriteSingleRegister(at, *word),
                words => Request::WriteMultipleRegisters(at, Cow::Owned(words.to_vec())),
            },
        }
    }

    /// Whether a device says by this that it has taken just that. The client has held unit and function against the request.
    pub(super) fn is_echo(&self, response: &Response) -> bool {
        let at = self.address;
        match (&self.what, response) {
            (What::Coil(on), Response::WriteSingleCoil(address, value)) => (address, value) == (&at, on),
            (What::Coil(_), Response::WriteMultipleCoils(address, count)) => (*address, *count) == (at, 1),
            (What::Words(words), Response::WriteSingleRegister(address, value)) => {
                *address == at && words.as_slice() == [*value]
            }
            (What::Words(words), Response::WriteMultipleRegisters(address, count)) => {
                *address == at && usize::from(*count) == words.len()
            }
            _ => false,
        }
    }
}

/// Where `target` is read back.
pub(super) fn span(target: &Target) -> Span {
    let table = match target.values {
        Values::Coil(_) => Table::Coil,
        Values::Words { .. } => Table::Holding,
    };
    Span { table, start: target.address, count: target.values.width() }
}

/// What was read back says: on, off, or neither.
pub(super) fn state(target: &Target, answer: &Answer) -> Option<bool> {
    match (&target.values, answer) {
        (Values::Coil(when_on), Answer::Bits(bits)) => bits.first().map(|bit| bit == when_on),
        (Values::Words { on, off }, Answer::Words(words)) => {
            if words == on {
                Some(true)
            } else {
                (words == off).then_some(false)
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(values: Values, multiple: bool, on: bool) -> Write {
        Write::new(&Target { address: 7, values, multiple }, on)
    }

    fn words(on: &[u16], off: &[u16]) -> Values {
        Values::Words { on: on.to_vec(), off: off.to_vec() }
    }

    #[test]
    fn p6_only_the_values_of_the_site_file_are_written_with_the_function_that_fits() {
        assert_eq!(write(Values::Coil(true), false, true).request(), Request::WriteSingleCoil(7, true));
        assert_eq!(write(Values::Coil(false), false, true).request(), Request::WriteSingleCoil(7, false));
        let many = write(Values::Coil(true), true, false);
        assert_eq!(many.request(), Request::WriteMultipleCoils(7, vec![false].into()));
        assert_eq!(write(words(&[2], &[1]), false, false).request(), Request::WriteSingleRegister(7, 1));
        let one = write(words(&[2], &[1]), true, true);
        assert_eq!(one.request(), Request::WriteMultipleRegisters(7, vec![2].into()));
        let two = write(words(&[1, 2], &[0, 0]), false, true);
        assert_eq!(two.request(), Request::WriteMultipleRegisters(7, vec![1, 2].into()));
    }

    #[test]
    fn p2_an_echo_of_another_address_value_or_function_is_none() {
        let coil = write(Values::Coil(true), false, true);
        assert!(coil.is_echo(&Response::WriteSingleCoil(7, true)));
        for other in [
            Response::WriteSingleCoil(7, false),
            Response::WriteSingleCoil(8, true),
            Response::WriteSingleRegister(7, 1),
            Response::WriteMultipleCoils(7, 2),
        ] {
            assert!(!coil.is_echo(&other), "{other:?}");
        }
        let register = write(words(&[2], &[1]), false, true);
        assert!(register.is_echo(&Response::WriteSingleRegister(7, 2)));
        assert!(!register.is_echo(&Response::WriteSingleRegister(7, 1)));
        let long = write(words(&[1, 2], &[0, 0]), false, true);
        assert!(long.is_echo(&Response::WriteMultipleRegisters(7, 2)));
        assert!(!long.is_echo(&Response::WriteMultipleRegisters(7, 1)));
    }

    #[test]
    fn what_is_read_back_is_on_off_or_neither() {
        let coil = |values| Target { address: 7, values, multiple: false };
        assert_eq!(state(&coil(Values::Coil(true)), &Answer::Bits(vec![true])), Some(true));
        assert_eq!(state(&coil(Values::Coil(false)), &Answer::Bits(vec![true])), Some(false));
        let target = coil(words(&[2], &[1]));
        assert_eq!(state(&target, &Answer::Words(vec![2])), Some(true));
        assert_eq!(state(&target, &Answer::Words(vec![1])), Some(false));
        assert_eq!(state(&target, &Answer::Words(vec![0])), None);
    }
}
