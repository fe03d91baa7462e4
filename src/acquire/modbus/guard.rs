//! The only place that speaks to a Modbus client, with what the client leaves to its caller: a deadline on
//! each call, the kind and the length of each answer, and the end of the connection after anything but an
//! answer. A late answer has nowhere left to arrive.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_modbus::client::{self, Client, rtu, tcp};
use tokio_modbus::prelude::SlaveContext;
use tokio_modbus::{Error, ExceptionCode, ProtocolError, Request, Response, Slave};

use super::Framing;
use super::ids::{self, Ids};
use super::plan::Span;
use crate::clock::Timer;
use crate::model::Text;
use crate::site::Table;
use crate::words;

/// What a device answered: exactly as many as were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Coils or discrete inputs.
    Bits(Vec<bool>),
    /// Registers.
    Words(Vec<u16>),
}

/// Why there is no answer. Shown to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The device answered that it will not. The connection is kept.
    Refused(ExceptionCode),
    /// Nothing came in time.
    Silent(Duration),
    /// The connection ended.
    Lost(Text),
    /// What came was no answer to the question.
    Garbled(Text),
    /// There is no connection to be had.
    Unreachable(Text),
}

impl Failure {
    /// Something came in time, and no whole answer.
    pub(super) fn unfinished() -> Self {
        Self::Garbled(Text::new("收到数据，但不是完整的应答", "what came is no whole answer"))
    }

    /// For people.
    pub(super) fn words(&self) -> Text {
        match self {
            Self::Refused(code) => exception(*code),
            Self::Silent(limit) => {
                let ms = limit.as_millis();
                Text::new(format!("{ms} ms 内无应答"), format!("no answer within {ms} ms"))
            }
            Self::Lost(words) | Self::Garbled(words) | Self::Unreachable(words) => words.clone(),
        }
    }

    /// Whether nobody answered: nothing came, nothing fitting came, or a gateway says that its unit is silent.
    pub(super) const fn is_silence(&self) -> bool {
        match self {
            Self::Silent(_) | Self::Lost(_) | Self::Garbled(_) => true,
            Self::Refused(code) => {
                matches!(code, ExceptionCode::GatewayPathUnavailable | ExceptionCode::GatewayTargetDevice)
            }
            Self::Unreachable(_) => false,
        }
    }

    /// Whether the device refuses an address in the question, or the question's length.
    pub(super) const fn is_of_address(&self) -> bool {
        matches!(self, Self::Refused(ExceptionCode::IllegalDataAddress | ExceptionCode::IllegalDataValue))
    }
}

/// A question to one unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    /// Whom.
    pub(super) unit: u8,
    /// What.
    pub(super) span: Span,
    /// How long to wait.
    pub(super) timeout: Duration,
    /// How long to leave the line alone after its answer.
    pub(super) pause: Duration,
}

impl Question {
    /// Characters of the question and of its answer together, in RTU frames.
    pub(super) fn characters(&self) -> u32 {
        let data = match self.span.table {
            Table::Coil | Table::Discrete => self.span.count.div_ceil(8),
            Table::Holding | Table::Input => self.span.count * 2,
        };
        8 + 5 + u32::from(data)
    }
}

/// A connection, until something goes wrong on it.
pub(super) struct Guard(Option<client::Context>);

impl Guard {
    /// No connection.
    pub(super) const fn closed() -> Self {
        Self(None)
    }

    /// A guard over `stream`.
    pub(super) fn attach<S>(framing: Framing, stream: S) -> Self
    where
        S: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin + 'static,
    {
        Self(Some(match framing {
            Framing::Tcp => tcp::attach(Ids::new(stream, ids::next_connection())),
            Framing::Rtu => rtu::attach(stream),
        }))
    }

    /// Whether there is a connection that nothing went wrong on.
    pub(super) const fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&mut self, question: Question, timer: &mut Timer) -> Result<Answer, Failure> {
        let Question { unit, span, timeout, .. } = question;
        self.call(unit, timeout, timer, request(span), |response| fitting(response, span)).await
    }

    /// Makes a request of any kind to `unit`, and waits for at most `limit` for the response that `fits`. The
    /// connection is out of the guard while the question is open, so that it ends with it: on a failure, and when
    /// the caller gives up waiting.
    pub(super) async fn call<T>(
        &mut self,
        unit: u8,
        limit: Duration,
        timer: &mut Timer,
        request: Request<'static>,
        fits: impl FnOnce(Response) -> Option<T>,
    ) -> Result<T, Failure> {
        let mut context = self.0.take().ok_or_else(|| Failure::Lost(closed()))?;
        context.set_slave(Slave(unit));
        let answer = match timer.limit(limit, context.call(request)).await {
            None => Err(Failure::Silent(limit)),
            Some(Err(error)) => Err(lost(&error)),
            Some(Ok(Err(code))) => Err(Failure::Refused(code)),
            Some(Ok(Ok(response))) => fits(response).ok_or_else(misfit),
        };
        if matches!(answer, Ok(_) | Err(Failure::Refused(_))) {
            self.0 = Some(context);
        }
        answer
    }
}

/// An exception by its number and by the name that the Modbus specification gives it.
fn exception(code: ExceptionCode) -> Text {
    let number = u8::from(code);
    let text = Text::new(format!("异常码 {number}"), format!("exception {number}"));
    let zh = match code {
        ExceptionCode::IllegalFunction => "功能码非法",
        ExceptionCode::IllegalDataAddress => "数据地址非法",
        ExceptionCode::IllegalDataValue => "数据值非法",
        ExceptionCode::ServerDeviceFailure => "从站设备故障",
        ExceptionCode::Acknowledge => "请求已接受，处理中",
        ExceptionCode::ServerDeviceBusy => "从站设备忙",
        ExceptionCode::MemoryParityError => "存储器奇偶校验错误",
        ExceptionCode::GatewayPathUnavailable => "网关路径不可用",
        ExceptionCode::GatewayTargetDevice => "网关目标设备无应答",
        ExceptionCode::Custom(_) => return text,
    };
    text.because(&Text::new(zh, code.to_string().to_lowercase()))
}

fn request(span: Span) -> Request<'static> {
    match span.table {
        Table::Coil => Request::ReadCoils(span.start, span.count),
        Table::Discrete => Request::ReadDiscreteInputs(span.start, span.count),
        Table::Holding => Request::ReadHoldingRegisters(span.start, span.count),
        Table::Input => Request::ReadInputRegisters(span.start, span.count),
    }
}

/// The answer, if it is of the kind and the length that were asked for.
fn fitting(response: Response, span: Span) -> Option<Answer> {
    let count = usize::from(span.count);
    match (span.table, response) {
        (Table::Coil, Response::ReadCoils(mut bits))
        | (Table::Discrete, Response::ReadDiscreteInputs(mut bits)) => {
            // Bits come in whole bytes.
            (bits.len() == count.next_multiple_of(8)).then(|| {
                bits.truncate(count);
                Answer::Bits(bits)
            })
        }
        (Table::Holding, Response::ReadHoldingRegisters(words))
        | (Table::Input, Response::ReadInputRegisters(words)) => {
            (words.len() == count).then_some(Answer::Words(words))
        }
        _ => None,
    }
}

fn misfit() -> Failure {
    Failure::Garbled(Text::new("应答长度与请求不符", "an answer of another length than asked for"))
}

fn closed() -> Text {
    words::io_error(&io::ErrorKind::UnexpectedEof.into())
}

fn lost(error: &Error) -> Failure {
    match error {
        Error::Protocol(ProtocolError::HeaderMismatch { .. }) => {
            Failure::Garbled(Text::new("应答与请求不匹配", "an answer to another question"))
        }
        Error::Protocol(ProtocolError::FunctionCodeMismatch { .. }) => Failure::Garbled(Text::new(
            "应答功能码与请求不符",
            "an answer of another function than asked for",
        )),
        Error::Transport(error) if error.kind() == io::ErrorKind::InvalidData && !words::is_of_tls(error) => {
            Failure::Garbled(Text::new("应答报文损坏", "a garbled answer"))
        }
        Error::Transport(error) => Failure::Lost(words::io_error(error)),
    }
}
