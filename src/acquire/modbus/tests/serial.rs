//! Serial lines, over pairs of pseudo terminals: what a port must do that a connection need not.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_serial::{SerialPort, SerialStream};
use tokio_util::sync::CancellationToken;

use super::super::Framing;
use super::bus::{Act, Asked, device, holding, register};
use crate::acquire::run;
use crate::acquire::testing::{Ears, SiteBuilder, samples};
use crate::model::{LinkState, Sample};
use crate::site::{LinkKind, ModbusDevice, Parity, Protocol, SerialLine, Source, Table};

/// A port that can be plugged in and pulled out.
struct Plug {
    directory: TempDir,
}

impl Plug {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("ttyUSB0")
    }

    /// Plugs in a line on which `script` answers; pulled out when the task is ended.
    fn plug_in(&self, script: impl Fn(Asked) -> Vec<Act> + Send + 'static) -> JoinHandle<()> {
        let (far, near) = SerialStream::pair().unwrap();
        std::os::unix::fs::symlink(near.name().unwrap(), self.path()).unwrap();
        tokio::spawn(serve(far, near, script))
    }

    async fn pull_out(&self, line: JoinHandle<()>) {
        std::fs::remove_file(self.path()).unwrap();
        line.abort();
        line.await.ok();
    }
}

/// Answers on `far`. The near end is kept, so that the line does not hang up before the gateway has opened it.
async fn serve(mut far: SerialStream, near: SerialStream, script: impl Fn(Asked) -> Vec<Act>) {
    let mut frame = [0; 8];
    while far.read_exact(&mut frame).await.is_ok() {
        for act in script(Asked::read(Framing::Rtu, &frame)) {
            match act {
                Act::Say(bytes) => far.write_all(&bytes).await.unwrap(),
                Act::Wait(time) => sleep(time).await,
                Act::Close => return,
            }
        }
    }
    drop(near);
}

/// A link on the port, with two units.
fn link(port: &Path) -> (Ears, CancellationToken) {
    let line =
        SerialLine { port: port.display().to_string(), baud: 19_200, parity: Parity::None, stop_bits: 1 };
    let sources = || [10, 200].map(|address| Source::Modbus(register(Table::Holding, address).into()));
    let quick = |unit| {
        let poll = Duration::from_millis(50);
        Protocol::Modbus(ModbusDevice { poll, ..device(unit) })
    };
    let site = SiteBuilder::new(LinkKind::ModbusSerial(line));
    let site = site.device(quick(1), sources().to_vec()).device(quick(2), sources().to_vec());
    let (context, ears) = site.build();
    let stop = CancellationToken::new();
    tokio::spawn(run(0, context, stop.clone()));
    (ears, stop)
}

/// Hears until a whole poll of each unit has come; no other value may come meanwhile.
async fn hears_both(ears: &mut Ears) {
    let mut heard = [false; 2];
    while heard != [true, true] {
        let batch = ears.batch().await;
        let (device, unit) = (batch.device.index(), batch.device.index() as u8 + 1);
        let truth = [holding(unit, 10), holding(unit, 200)];
        let got = samples(&batch);
        for (sample, truth) in got.iter().zip(&truth) {
            assert!(matches!(sample, Sample::Bad(_)) || sample == truth, "unit {unit}: {sample:?}");
        }
        heard[device] |= got == truth;
    }
}

#[tokio::test]
async fn units_on_one_line_are_read() {
    let plug = Plug::new();
    let _line = plug.plug_in(|asked| vec![Act::Say(asked.answer())]);
    let (mut ears, stop) = link(&plug.path());
    for _ in 0..3 {
        hears_both(&mut ears).await;
    }
    stop.cancel();
}

#[tokio::test]
async fn p2_noise_and_pauses_on_the_line_give_no_wrong_value() {
    let plug = Plug::new();
    let _line = plug.plug_in(|asked| {
        let noise = Act::Say(vec![0x55, 0, asked.unit, asked.function][..fastrand::usize(0..5)].to_vec());
        let answer = asked.answer();
        let (front, back) = answer.split_at(fastrand::usize(1..answer.len()));
        let pause = Act::Wait(Duration::from_millis(fastrand::u64(0..20)));
        let (front, back) = (Act::Say(front.to_vec()), Act::Say(back.to_vec()));
        match fastrand::u8(0..10) {
            0 => vec![],
            1 => vec![noise],
            2 => vec![noise, front, pause, back],
            3 => vec![front, pause, back, noise],
            _ => vec![front, pause, back],
        }
    });
    let (mut ears, stop) = link(&plug.path());
    for _ in 0..5 {
        hears_both(&mut ears).await;
    }
    stop.cancel();
}

#[tokio::test]
async fn p2_a_port_that_is_pulled_out_takes_its_devices_down_and_is_found_again() {
    let plug = Plug::new();
    let line = plug.plug_in(|asked| vec![Act::Say(asked.answer())]);
    let (mut ears, stop) = link(&plug.path());
    hears_both(&mut ears).await;
    plug.pull_out(line).await;
    let mut down = Vec::new();
    while down.len() < 2 {
        let report = ears.link().await;
        if report.state == LinkState::Down {
            down.push(report);
        }
    }
    let why = down[0].error.clone().unwrap();
    assert!(why.en.contains("there is no such port"), "{why:?}");
    let _line = plug.plug_in(|asked| vec![Act::Say(asked.answer())]);
    while ears.link().await.state != LinkState::Up {}
    hears_both(&mut ears).await;
    stop.cancel();
}

#[test]
fn the_silence_between_frames_follows_from_the_speed() {
    let line = |baud, parity, stop_bits| SerialLine { port: "/dev/x".into(), baud, parity, stop_bits };
    let slow = line(9600, Parity::None, 1);
    assert_eq!(slow.character(), Duration::from_secs(10) / 9600);
    assert_eq!(slow.silence().as_micros(), 3645);
    assert_eq!(line(9600, Parity::Even, 1).silence().as_micros(), 4010);
    assert_eq!(line(115_200, Parity::Even, 2).silence(), Duration::from_micros(1750));
    assert_eq!(line(19_200, Parity::Odd, 1).to_string(), "19200 8O1");
}
