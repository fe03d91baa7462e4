//! What the proxy can do to the answers that pass it, by name.

use std::time::Duration;

/// What happens to a device's answers, or to its connections, while the fault stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyFault {
    /// Each answer comes so much later: in time or too late, as the client sees it.
    Delay(Duration),
    /// No answer comes.
    Drop,
    /// Each answer comes in two pieces, each time cut after another byte.
    Split,
    /// Each answer comes byte by byte.
    Trickle,
    /// Each answer comes twice.
    Duplicate,
    /// Answers carry another transaction id; RTU has none, and its answers pass.
    WrongTransaction,
    /// Answers carry the next unit's id.
    WrongUnit,
    /// Answers carry another function code.
    WrongFunction,
    /// Answers are a register shorter than asked for, and say so.
    Short,
    /// Answers are a register longer than asked for, and say so.
    Oversized,
    /// Answers say that they hold a byte more than they do.
    BadCount,
    /// The last two bytes of each answer are missing.
    Truncated,
    /// One bit is wrong where the framing can tell: anywhere in an RTU frame, in the header of a TCP frame.
    Corrupt,
    /// Every answer is this exception.
    Exception(u8),
    /// Every answer is some exception, known or not.
    ExceptionStorm,
    /// Garbage comes before each answer.
    GarbageBefore,
    /// Garbage comes after each answer.
    GarbageAfter,
    /// In place of each answer comes an earlier one of the same unit, function and length.
    Stale,
    /// After each answer comes an earlier one of the same unit, function and length.
    TwoAnswers,
    /// Half of each answer comes, then the connection ends in good order.
    Hangup,
    /// Each question is answered by a reset of the connection.
    Reset,
    /// Connections on which something is asked are dead from then on, and stay so when the fault is over; nobody is told.
    HalfOpen,
    /// No connection is accepted, and none is kept.
    Refuse,
}

impl ProxyFault {
    /// Every kind. `delay` and `code` are those of the faults that take one.
    pub const fn all(delay: Duration, code: u8) -> [Self; 23] {
        [
            Self::Delay(delay),
            Self::Drop,
            Self::Split,
            Self::Trickle,
            Self::Duplicate,
            Self::WrongTransaction,
            Self::WrongUnit,
            Self::WrongFunction,
            Self::Short,
            Self::Oversized,
            Self::BadCount,
            Self::Truncated,
            Self::Corrupt,
            Self::Exception(code),
            Self::ExceptionStorm,
            Self::GarbageBefore,
            Self::GarbageAfter,
            Self::Stale,
            Self::TwoAnswers,
            Self::Hangup,
            Self::Reset,
            Self::HalfOpen,
            Self::Refuse,
        ]
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delay(_) => "delay",
            Self::Drop => "drop",
            Self::Split => "split",
            Self::Trickle => "trickle",
            Self::Duplicate => "duplicate",
            Self::WrongTransaction => "wrong_transaction",
            Self::WrongUnit => "wrong_unit",
            Self::WrongFunction => "wrong_function",
            Self::Short => "short",
            Self::Oversized => "oversized",
            Self::BadCount => "bad_count",
            Self::Truncated => "truncated",
            Self::Corrupt => "corrupt",
            Self::Exception(_) => "exception",
            Self::ExceptionStorm => "exception_storm",
            Self::GarbageBefore => "garbage_before",
            Self::GarbageAfter => "garbage_after",
            Self::Stale => "stale",
            Self::TwoAnswers => "two_answers",
            Self::Hangup => "hangup",
            Self::Reset => "reset",
            Self::HalfOpen => "half_open",
            Self::Refuse => "refuse",
        }
    }
}
