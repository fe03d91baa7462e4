//! Asking by hand on a serial line: the real program on a pair of pseudo terminals, at whose other end a unit answers that
//! knows one speed only.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio_serial::{SerialPort, SerialStream};

use crate::rig::finish;

/// The speed of the unit on the bus.
const BAUD: u32 = 19_200;

/// A bus with one unit, whose holding registers hold their address plus 1000.
struct Bus {
    folder: TempDir,
    task: JoinHandle<()>,
}

impl Bus {
    fn new(unit: u8) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let (far, near) = SerialStream::pair().expect("a pair of pseudo terminals");
        let name = near.name().expect("a path");
        std::os::unix::fs::symlink(name, folder.path().join("bus")).expect("a link to it");
        Self { folder, task: tokio::spawn(serve(unit, far, near)) }
    }

    fn port(&self) -> PathBuf {
        self.folder.path().join("bus")
    }

    /// Runs `hazgate probe` with `arguments`, in which `PORT` stands for the port; its exit code and what it said.
    async fn probe(&self, arguments: &str) -> (i32, String) {
        probe(arguments, &self.port()).await
    }

    async fn json(&self, arguments: &str) -> (i32, Value) {
        let (code, said) = self.probe(&format!("{arguments} --json")).await;
        (code, serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}")))
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn probe(arguments: &str, port: &Path) -> (i32, String) {
    let arguments = arguments.replace("PORT", &format!("serial:{}", port.display()));
    let arguments: Vec<&str> = ["probe"].into_iter().chain(arguments.split_whitespace()).collect();
    finish(&arguments, Path::new(".")).await
}

/// Answers whoever speaks at its speed. The near end is kept, so that the line does not hang up between two users.
async fn serve(unit: u8, mut far: SerialStream, near: SerialStream) {
    let mut question = [0; 8];
    while far.read_exact(&mut question).await.is_ok() {
        let count = u16::from_be_bytes([question[4], question[5]]);
        let is_heard = near.baud_rate().ok() == Some(BAUD);
        if is_heard && question[..2] == [unit, 3] && count <= 125 {
            far.write_all(&answer(question, count)).await.expect("a line");
        }
    }
}

fn answer(question: [u8; 8], count: u16) -> Vec<u8> {
    let first = u16::from_be_bytes([question[2], question[3]]);
    let mut frame = vec![question[0], question[1], count as u8 * 2];
    frame.extend((0..count).flat_map(|at| (1000 + first + at).to_be_bytes()));
    let crc = frame.iter().fold(0xFFFF_u16, |crc, byte| {
        let step = |crc: u16, _| if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 };
        (0..8).fold(crc ^ u16::from(*byte), step)
    });
    frame.extend(crc.to_le_bytes());
    frame
}

#[tokio::test]
async fn registers_on_a_serial_line_are_read_watched_and_understood() {
    let bus = Bus::new(5);
    let (code, read) = bus.json("read PORT 5 holding:20 --count 2 --baud 19200").await;
    assert_eq!((code, &read["values"][1]["u16"]), (0, &json!(1021)), "{read:#}");
    assert!(read["target"].as_str().is_some_and(|target| target.ends_with("bus 19200 8N1")), "{read:#}");
    let (code, order) = bus.json("order PORT 5 holding:20 102.1 --tolerance 0.01% --baud 19200").await;
    let best = &order["candidates"][0];
    assert_eq!((code, &best["address"], &best["scale"]), (0, &json!(21), &json!(0.1)), "{order:#}");
    let (code, said) = bus.probe("watch PORT 5 holding:20 --every 50ms --duration 2s --baud 19200").await;
    assert!(code == 0 && said.contains("1029") && said.contains("40030"), "{said}");
}

#[tokio::test]
async fn a_scan_says_at_which_setting_a_unit_answers() {
    let bus = Bus::new(3);
    let scan = "scan PORT --units 2..4 --baud 9600,19200,115200 --timeout 300ms --pause 1ms --no-identity";
    let (code, found) = bus.json(scan).await;
    let line = json!({ "baud": BAUD, "parity": "none", "stop_bits": 1 });
    let unit = json!({ "unit": 3, "line": line, "exception": null, "identity": null });
    assert_eq!((code, &found["found"], &found["asked"]), (0, &json!([unit]), &json!(9)), "{found:#}");
    assert_eq!(found["lines"].as_array().map(Vec::len), Some(3));
    let (code, said) = bus.probe(&format!("{scan} --lang en")).await;
    assert!(code == 0 && said.contains("3  ✓  19200 8N1") && said.contains("3 at 3 settings"), "{said}");
}

#[tokio::test]
async fn a_line_on_which_nobody_answers_and_a_port_that_is_not_there_are_told_apart() {
    let bus = Bus::new(3);
    let (code, said) = bus.probe("read PORT 3 holding:0 --baud 9600 --timeout 100ms --lang en").await;
    assert!(code == 1 && said.contains("bus 9600 8N1, unit 3") && said.contains("parity"), "{said}");
    for (lang, words) in [("en", "no such port"), ("zh", "串口不存在")] {
        let read = format!("read PORT 3 holding:0 --lang {lang}");
        let (code, said) = probe(&read, &bus.folder.path().join("none")).await;
        assert!(code == 1 && said.contains(words) && said.contains("dialout"), "{said}");
    }
    let (code, said) = probe("scan PORT --units 1..3", &bus.folder.path().join("none")).await;
    assert!(code == 1 && said.contains("none"), "{said}");
}

#[tokio::test]
async fn a_setting_without_a_line_is_refused() {
    for (arguments, words) in [
        ("read tcp://10.0.0.5 1 holding:0 --baud 9600", "serial:/dev/ttyUSB0"),
        ("read site.toml meter --parity even", "the site file says"),
        ("watch serial:ttyUSB0 1 holding:0", "serial:/dev/ttyUSB0"),
        ("read serial:/dev/ttyUSB0?baud=9600 1 holding:0", "--baud"),
        ("scan PORT --baud 9600,fast", "fast"),
    ] {
        let (code, said) = probe(arguments, Path::new("/dev/none")).await;
        assert!(code == 2 && said.contains(words), "{arguments}: {code}: {said}");
    }
}
