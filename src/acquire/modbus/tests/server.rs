//! Whole links over real sockets, against the server of tokio-modbus: the way from `acquire::run` to the engine.

use std::collections::HashMap;
use std::future;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio_modbus::prelude::{ExceptionCode, Request, Response, SlaveRequest};
use tokio_modbus::server::{Service, rtu_over_tcp, tcp};
use tokio_util::sync::CancellationToken;

use super::bus::{device, register};
use crate::acquire::testing::{Ears, SiteBuilder, samples};
use crate::acquire::{Context, run};
use crate::model::{LinkState, Sample, Text, Value};
use crate::site::{
    ByteOrder, Conversion, Encoding, Line, LinkKind, ModbusDevice, Protocol, Register, Signal, Source, Table,
};

/// Unit 1 with a few registers.
#[derive(Clone)]
pub(super) struct Plant(HashMap<u16, u16>);

impl Plant {
    fn read(&self, request: &Request<'_>) -> Result<Response, ExceptionCode> {
        let words = |start: u16, count: u16| {
            let word = |at| self.0.get(&at).copied().ok_or(ExceptionCode::IllegalDataAddress);
            (start..start + count).map(word).collect::<Result<Vec<u16>, _>>()
        };
        let bits = |start: u16, count| Ok(vec![start % 2 == 1; usize::from(count)]);
        match *request {
            Request::ReadHoldingRegisters(start, count) => {
                words(start, count).map(Response::ReadHoldingRegisters)
            }
            Request::ReadInputRegisters(start, count) => {
                words(start, count).map(Response::ReadInputRegisters)
            }
            Request::ReadCoils(start, count) => bits(start, count).map(Response::ReadCoils),
            Request::ReadDiscreteInputs(start, count) => bits(start, count).map(Response::ReadDiscreteInputs),
            _ => Err(ExceptionCode::IllegalFunction),
        }
    }
}

impl Service for Plant {
    type Request = SlaveRequest<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = future::Ready<Result<Response, ExceptionCode>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        assert_eq!(request.slave, 1);
        future::ready(self.read(&request.request))
    }
}

pub(super) fn plant() -> Plant {
    let float = 12.5_f32.to_bits();
    let (high, low) = ((float >> 16) as u16, float as u16);
    Plant(HashMap::from([(0, 2301), (1, 0xFFFF), (2, high), (3, low), (4, low), (5, high), (6, 0b100)]))
}

/// Serves the plant at `address` until `stop`; says where.
pub(super) async fn serve(address: SocketAddr, framing: &LinkKind, stop: CancellationToken) -> SocketAddr {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let rtu = matches!(framing, LinkKind::ModbusRtuOverTcp(_));
    tokio::spawn(async move {
        let new = move |stream: TcpStream, _| async move { Ok(Some((plant(), stream))) };
        let failed = |_| ();
        let serve = async {
            if rtu {
                rtu_over_tcp::Server::new(listener).serve(&new, failed).await.ok();
            } else {
                tcp::Server::new(listener).serve(&new, failed).await.ok();
            }
        };
        stop.run_until_cancelled(serve).await;
    });
    address
}

pub(super) fn sources() -> Vec<Source> {
    let base = register(Table::Holding, 0);
    let float = |address, order| Register { address, encoding: Encoding::F32, order, ..base };
    let conversion = Conversion { line: Line::Scale { scale: 0.1, offset: 0.0 }, ..Conversion::default() };
    let scaled = Signal { conversion, ..base.into() };
    let plain = [
        Register { address: 1, encoding: Encoding::I16, ..base },
        float(2, ByteOrder::Abcd),
        float(4, ByteOrder::Cdab),
        Register { address: 6, encoding: Encoding::BitOf(2), ..base },
        Register { table: Table::Input, address: 1, ..base },
        register(Table::Coil, 7),
        register(Table::Discrete, 8),
    ];
    std::iter::once(scaled).chain(plain.map(Signal::from)).map(Source::Modbus).collect()
}

pub(super) fn expected() -> Vec<Sample> {
    [
        Value::Float(230.1),
        Value::Int(-1),
        Value::Float(12.5),
        Value::Float(12.5),
        Value::Bool(true),
        Value::Int(65535),
        Value::Bool(true),
        Value::Bool(false),
    ]
    .map(Sample::Good)
    .to_vec()
}

pub(super) fn site(kind: LinkKind) -> (Context, Ears) {
    let quick = ModbusDevice { poll: std::time::Duration::from_millis(50), ..device(1) };
    SiteBuilder::new(kind).device(Protocol::Modbus(quick), sources()).build()
}

async fn reads_all(kind: impl Fn(String) -> LinkKind) {
    let down = CancellationToken::new();
    let address = serve("127.0.0.1:0".parse().unwrap(), &kind(String::new()), down.clone()).await;
    let (context, mut ears) = site(kind(address.to_string()));
    let stop = CancellationToken::new();
    let task = tokio::spawn(run(0, context, stop.clone()));
    for _ in 0..3 {
        assert_eq!(samples(&ears.batch().await), expected());
    }
    stop.cancel();
    task.await.unwrap();
    down.cancel();
}

#[tokio::test]
async fn every_kind_of_value_is_read_over_tcp() {
    reads_all(LinkKind::ModbusTcp).await;
}

#[tokio::test]
async fn every_kind_of_value_is_read_over_rtu_over_tcp() {
    reads_all(LinkKind::ModbusRtuOverTcp).await;
}

#[tokio::test]
async fn a_server_that_is_started_later_is_found() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let (context, mut ears) = site(LinkKind::ModbusTcp(address.to_string()));
    let stop = CancellationToken::new();
    let task = tokio::spawn(run(0, context, stop.clone()));
    let report = ears.link().await;
    assert_eq!(report.state, LinkState::Down);
    let words = Text::new(format!("{address} 拒绝连接"), format!("connection refused by {address}"));
    assert_eq!(report.error, Some(words));
    serve(address, &LinkKind::ModbusTcp(String::new()), stop.clone()).await;
    assert_eq!(ears.link().await.state, LinkState::Up);
    assert_eq!(samples(&ears.batch().await), expected());
    stop.cancel();
    task.await.unwrap();
}
