//! The servers as a master sees them: an independent client where it will do, raw frames where it won't.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_modbus::client::{Context, Reader, Writer, rtu, tcp};
use tokio_modbus::{ExceptionCode, Slave};

use crate::bench::{
    Bench, ByteOrder, Cell, Encoding, Framing, HazardKind, HazardSpec, LinkSpec, SignalRef, Table, UnitSpec,
};
use crate::fault::{FaultCommand, Target};
use crate::limits;
use crate::running::{RunningBench, StartOptions};

/// Longest wait for what must come; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

fn cell(table: Table, address: u16, encoding: Encoding, role: &str) -> Cell {
    let signal = SignalRef {
        hazard: Some("dust1".to_owned()),
        device: "plc".to_owned(),
        role: Some(role.to_owned()),
        range: None,
        point: format!("plc.{role}"),
    };
    Cell {
        table,
        address,
        encoding,
        order: ByteOrder::Abcd,
        scale: 1.0,
        offset: 0.0,
        codes: Vec::new(),
        broken: None,
        signal,
    }
}

/// A link with the units 1 (`plc1`) and 2 (`plc2`), alike.
async fn start(framing: Framing, units: std::ops::RangeInclusive<u8>) -> RunningBench {
    let unit = |unit| UnitSpec {
        outputs: Vec::new(),
        unit,
        device: format!("plc{unit}"),
        cells: vec![
            cell(Table::Holding, 100, Encoding::U16, "diff_pressure"),
            cell(Table::Holding, 102, Encoding::F32, "fan_power"),
            cell(Table::Input, 5, Encoding::I16, "hopper_temperature"),
            cell(Table::Coil, 3, Encoding::Bit, "fan_running"),
            cell(Table::Discrete, 4, Encoding::Bit, "airlock_running"),
        ],
        constants: Vec::new(),
    };
    let link =
        LinkSpec { listen: "127.0.0.1:0".to_owned(), line: None, framing, units: units.map(unit).collect() };
    let hazard = HazardSpec { id: "dust1".to_owned(), kind: HazardKind::Dust };
    let bench = Bench { hazards: vec![hazard], links: vec![link], publishers: Vec::new(), edges: Vec::new() };
    bench.start(StartOptions::default()).await.unwrap()
}

fn address(running: &RunningBench) -> SocketAddr {
    running.link_address(0).unwrap()
}

async fn connect(running: &RunningBench, framing: Framing, unit: u8) -> Context {
    let stream = TcpStream::connect(address(running)).await.unwrap();
    match framing {
        Framing::Tcp => tcp::attach_slave(stream, Slave(unit)),
        Framing::RtuOverTcp => rtu::attach_slave(stream, Slave(unit)),
    }
}

fn device_fault(running: &RunningBench, device: &str, fault: &str) {
    let target = Target::Device(device.to_owned());
    running.inject(&FaultCommand::Inject { target, fault: fault.to_owned(), delay: None }).unwrap();
}

/// The request to read holding register 100 of a unit, in a Modbus TCP frame.
fn tcp_request(transaction: u8, unit: u8) -> [u8; 12] {
    [0, transaction, 0, 0, 0, 6, unit, 3, 0, 100, 0, 1]
}

/// The same in an RTU frame.
fn rtu_request(unit: u8) -> Vec<u8> {
    let mut frame = vec![unit, 3, 0, 100, 0, 1];
    let crc = frame.iter().fold(0xFFFFu16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 })
    });
    frame.extend(crc.to_le_bytes());
    frame
}

async fn read_some(stream: &mut TcpStream) -> Vec<u8> {
    let mut buffer = [0; 64];
    let read = timeout(PATIENCE, stream.read(&mut buffer)).await.unwrap();
    // A refused connection may be reset as well as closed.
    let length = match read {
        Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
        read => read.unwrap(),
    };
    buffer[..length].to_vec()
}

#[tokio::test]
async fn four_functions_read_four_tables() {
    for framing in [Framing::Tcp, Framing::RtuOverTcp] {
        let running = start(framing, 1..=2).await;
        let mut master = connect(&running, framing, 2).await;
        let holding = master.read_holding_registers(100, 4).await.unwrap().unwrap();
        assert!((700..1100).contains(&holding[0]), "{holding:?}");
        assert_eq!(holding[1], 0);
        let kw = f32::from_bits(u32::from(holding[2]) << 16 | u32::from(holding[3]));
        assert!((20.0..24.0).contains(&kw), "{kw}");
        let hopper = master.read_input_registers(5, 1).await.unwrap().unwrap();
        assert!((32..39).contains(&hopper[0]), "{hopper:?}");
        assert_eq!(master.read_coils(3, 1).await.unwrap().unwrap(), [true]);
        assert_eq!(master.read_discrete_inputs(4, 1).await.unwrap().unwrap(), [true]);
        running.stop().await;
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_an_exception_and_the_connection_lives_on() {
    for framing in [Framing::Tcp, Framing::RtuOverTcp] {
        let running = start(framing, 1..=1).await;
        let mut master = connect(&running, framing, 1).await;
        let address = Err(ExceptionCode::IllegalDataAddress);
        assert_eq!(master.read_holding_registers(99, 1).await.unwrap(), address);
        assert_eq!(master.read_holding_registers(102, 3).await.unwrap(), address);
        assert_eq!(master.read_input_registers(100, 1).await.unwrap(), address);
        let address = Err(ExceptionCode::IllegalDataAddress);
        assert_eq!(master.read_coils(4, 1).await.unwrap(), address);
        let value = Err(ExceptionCode::IllegalDataValue);
        assert_eq!(master.read_holding_registers(100, 0).await.unwrap(), value);
        assert_eq!(master.read_holding_registers(100, 126).await.unwrap(), value);
        let value = Err(ExceptionCode::IllegalDataValue);
        assert_eq!(master.read_coils(3, 2001).await.unwrap(), value);
        let function = Err(ExceptionCode::IllegalFunction);
        assert_eq!(master.write_single_register(100, 1).await.unwrap(), function);
        assert_eq!(master.write_multiple_registers(100, &[1, 2]).await.unwrap(), function);
        assert_eq!(master.write_single_coil(3, false).await.unwrap(), function);
        assert!(master.read_holding_registers(100, 1).await.unwrap().is_ok());
        running.stop().await;
    }
}

#[tokio::test]
async fn a_gateway_answers_for_an_absent_unit_and_a_bus_is_silent() {
    let running = start(Framing::Tcp, 1..=1).await;
    let mut master = connect(&running, Framing::Tcp, 9).await;
    let answer = master.read_holding_registers(100, 1).await.unwrap();
    assert_eq!(answer, Err(ExceptionCode::GatewayTargetDevice));
    running.stop().await;

    let running = start(Framing::RtuOverTcp, 1..=1).await;
    let mut bus = TcpStream::connect(address(&running)).await.unwrap();
    bus.write_all(&rtu_request(9)).await.unwrap();
    bus.write_all(&rtu_request(1)).await.unwrap();
    let heard = read_some(&mut bus).await;
    assert_eq!(heard[..3], [1, 3, 2], "only unit 1 answers: {heard:?}");
    assert_eq!(heard.len(), 7);
    running.stop().await;
}

#[tokio::test]
async fn a_dead_unit_is_silent_and_its_neighbour_is_not() {
    let running = start(Framing::Tcp, 1..=2).await;
    device_fault(&running, "plc1", "dead");
    let mut stream = TcpStream::connect(address(&running)).await.unwrap();
    stream.write_all(&tcp_request(1, 1)).await.unwrap();
    stream.write_all(&tcp_request(2, 2)).await.unwrap();
    let heard = read_some(&mut stream).await;
    assert_eq!(heard[..2], [0, 2], "the first answer is to the second question: {heard:?}");
    running.inject(&FaultCommand::ClearAll).unwrap();
    stream.write_all(&tcp_request(3, 1)).await.unwrap();
    assert_eq!(read_some(&mut stream).await[..2], [0, 3]);
    running.stop().await;
}

#[tokio::test]
async fn a_unit_can_answer_by_exception_or_not_be_there() {
    let running = start(Framing::Tcp, 1..=2).await;
    let mut master = connect(&running, Framing::Tcp, 1).await;
    device_fault(&running, "plc1", "exception");
    let answer = master.read_holding_registers(100, 1).await.unwrap();
    assert_eq!(answer, Err(ExceptionCode::ServerDeviceFailure));
    device_fault(&running, "plc1", "refuse");
    let answer = master.read_holding_registers(100, 1).await.unwrap();
    assert_eq!(answer, Err(ExceptionCode::GatewayTargetDevice));
    running.stop().await;
}

#[tokio::test]
async fn a_device_alone_on_its_link_refuses_by_closing() {
    let running = start(Framing::Tcp, 1..=1).await;
    let mut before = TcpStream::connect(address(&running)).await.unwrap();
    before.write_all(&tcp_request(1, 1)).await.unwrap();
    assert_eq!(read_some(&mut before).await.len(), 11);
    device_fault(&running, "plc1", "refuse");
    assert!(read_some(&mut before).await.is_empty(), "a standing connection is closed");
    let mut during = TcpStream::connect(address(&running)).await.unwrap();
    assert!(read_some(&mut during).await.is_empty(), "a new one too");
    running.inject(&FaultCommand::ClearAll).unwrap();
    let mut after = connect(&running, Framing::Tcp, 1).await;
    assert!(after.read_holding_registers(100, 1).await.unwrap().is_ok());
    running.stop().await;
}

#[tokio::test]
async fn a_slow_unit_delays_nobody_on_other_connections() {
    let running = start(Framing::Tcp, 1..=2).await;
    let target = Target::Device("plc1".to_owned());
    let delay = Some(Duration::from_secs(30));
    running.inject(&FaultCommand::Inject { target, fault: "slow".to_owned(), delay }).unwrap();
    let mut slow = TcpStream::connect(address(&running)).await.unwrap();
    slow.write_all(&tcp_request(1, 1)).await.unwrap();
    let mut quick = connect(&running, Framing::Tcp, 2).await;
    assert!(quick.read_holding_registers(100, 1).await.unwrap().is_ok());
    assert_eq!(slow.try_read(&mut [0; 16]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let target = Target::Device("plc1".to_owned());
    let delay = Some(Duration::from_millis(1));
    running.inject(&FaultCommand::Inject { target, fault: "slow".to_owned(), delay }).unwrap();
    let mut slower = connect(&running, Framing::Tcp, 1).await;
    assert!(slower.read_holding_registers(100, 1).await.unwrap().is_ok());
    running.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed() {
    let running = start(Framing::Tcp, 1..=1).await;
    let mut held = Vec::new();
    for _ in 0..limits::LINK_CONNECTIONS_MAX {
        let mut stream = TcpStream::connect(address(&running)).await.unwrap();
        stream.write_all(&tcp_request(1, 1)).await.unwrap();
        assert_eq!(read_some(&mut stream).await.len(), 11);
        held.push(stream);
    }
    let mut late = TcpStream::connect(address(&running)).await.unwrap();
    assert!(read_some(&mut late).await.is_empty());
    held.clear();
    let served = async {
        loop {
            let mut stream = TcpStream::connect(address(&running)).await.unwrap();
            if stream.write_all(&tcp_request(1, 1)).await.is_ok() && read_some(&mut stream).await.len() == 11
            {
                break;
            }
        }
    };
    timeout(PATIENCE, served).await.expect("places are given back");
    running.stop().await;
}

#[tokio::test]
async fn nonsense_ends_a_connection_and_nothing_else() {
    let running = start(Framing::Tcp, 1..=1).await;
    let mut vandal = TcpStream::connect(address(&running)).await.unwrap();
    vandal.write_all(b"GET / HTTP/1.1\r\nHost: plc\r\n\r\n").await.unwrap();
    vandal.shutdown().await.unwrap();
    assert!(read_some(&mut vandal).await.is_empty());
    let mut master = connect(&running, Framing::Tcp, 1).await;
    assert!(master.read_holding_registers(100, 1).await.unwrap().is_ok());
    running.stop().await;
}
