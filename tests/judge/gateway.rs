//! The real daemon, on a computer whose disk, clock and mains are the judge's (`layer.c`), and what its disk holds.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::far_end::FarEnd;
use super::mains::{self, FILES};
use super::meter::{HIGH, LEVELS, Meter};

/// What `layer.c` may be told, by its place in the control file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Control {
    /// By how much the wall clock is ahead, µs.
    Clock = 0,
    /// What the disk has room for, bytes; 0 for no limit.
    Disk = 1,
    /// One write in so many fails half way.
    ShortWrites = 2,
    /// One fsync in so many fails.
    LostSyncs = 3,
}

/// The computer and the daemon on it.
pub(crate) struct Gateway {
    folder: TempDir,
    control: File,
    child: Option<Child>,
    starts: u32,
}

impl Gateway {
    pub(crate) fn new(meters: &[Meter], far_ends: &[FarEnd]) -> Self {
        Self::of(&site(meters, far_ends))
    }

    /// With this site file.
    pub(crate) fn of(site: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        for directory in ["data", "kept"] {
            fs::create_dir(folder.path().join(directory)).expect("a directory");
        }
        fs::write(folder.path().join("site.toml"), site).expect("a site file");
        let control = folder.path().join("control");
        fs::write(&control, [0; 4 * size_of::<i64>()]).expect("a control file");
        let control = File::options().write(true).open(control).expect("a control file");
        let mut gateway = Self { folder, control, child: None, starts: 0 };
        gateway.boot();
        gateway
    }

    /// Tells the layer something.
    pub(crate) fn set(&self, what: Control, value: i64) {
        let place = what as u64 * size_of::<i64>() as u64;
        self.control.write_all_at(&value.to_ne_bytes(), place).expect("told");
    }

    /// Starts the daemon.
    pub(crate) fn start(&mut self) {
        let path = |name: &str| self.folder.path().join(name);
        let log = File::options().create(true).append(true).open(path("log")).expect("a log file");
        let child = Command::new(env!("CARGO_BIN_EXE_hazgate"))
            .arg("run")
            .arg(path("site.toml"))
            .env("LD_PRELOAD", mains::layer(Path::new(env!("CARGO_TARGET_TMPDIR"))))
            .env("HAZGATE_JUDGE_CONTROL", path("control"))
            .env("HAZGATE_JUDGE_DIRECTORY", path("data").canonicalize().expect("the data directory"))
            .env("HAZGATE_JUDGE_KEPT", path("kept"))
            .env("HAZGATE_JUDGE_START", path("start"))
            .stderr(log)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        self.child = Some(child.expect("hazgate run starts"));
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// `kill -9`.
    pub(crate) async fn kill(&mut self) {
        let mut child = self.child.take().expect("a running gateway");
        assert!(matches!(child.try_wait(), Ok(None)), "the gateway ended by itself:\n{}", self.log());
        child.kill().await.expect("killed");
    }

    /// Pulls the plug: of what nobody asked the disk to keep, any part is there afterwards.
    pub(crate) async fn cut_power(&mut self, random: &mut fastrand::Rng) {
        self.kill().await;
        mains::cut(&self.data(), &self.folder.path().join("kept"), random);
        self.boot();
    }

    /// The computer starts.
    fn boot(&mut self) {
        self.starts += 1;
        fs::write(self.folder.path().join("start"), format!("start-{}\n", self.starts)).expect("written");
    }

    /// What the files take of the disk, bytes.
    pub(crate) fn disk_bytes(&self) -> i64 {
        let names = FILES.into_iter().chain(["hazgate.reserve"]);
        let bytes = names.filter_map(|name| Some(self.data().join(name).metadata().ok()?.len()));
        bytes.sum::<u64>() as i64
    }

    /// What the disk holds while no daemon runs. A copy is read: to open the files themselves would mend them.
    pub(crate) fn holds(&self) -> Holds {
        let copy = tempfile::tempdir().expect("a temporary directory");
        for name in FILES {
            let file = self.data().join(name);
            if file.exists() {
                fs::copy(file, copy.path().join(name)).expect("a copy");
            }
        }
        let connection = Connection::open(copy.path().join(FILES[0]));
        connection
            .and_then(|connection| Holds::read(&connection))
            .unwrap_or_else(|error| panic!("{error}\n{}", self.log()))
    }

    /// What the disk holds at one moment while the daemon runs.
    pub(crate) fn holds_now(&self) -> Holds {
        let connection =
            Connection::open_with_flags(self.data().join(FILES[0]), OpenFlags::SQLITE_OPEN_READ_ONLY);
        connection
            .and_then(|connection| Holds::read(&connection))
            .unwrap_or_else(|error| panic!("{error}\n{}", self.log()))
    }

    /// The subjects of the reports that the disk holds while the daemon runs.
    pub(crate) fn reports_now(&self) -> Vec<String> {
        let file = self.data().join(FILES[0]);
        let read = || -> rusqlite::Result<Vec<String>> {
            let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            connection.busy_timeout(Duration::from_secs(5))?;
            let mut reports = connection.prepare("SELECT day || ' ' || subject FROM report ORDER BY id")?;
            reports.query_map([], |row| row.get(0))?.collect()
        };
        // While the daemon is starting there may be no database yet.
        read().unwrap_or_default()
    }

    /// What the daemon has logged, its end.
    pub(crate) fn log(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    /// Databases that the daemon could not read.
    pub(crate) fn set_aside(&self) -> Vec<PathBuf> {
        let entries = self.data().read_dir().expect("the data directory").flatten().map(|entry| entry.path());
        entries.filter(|path| path.to_string_lossy().contains(".unreadable-")).collect()
    }

    /// Leaves everything where it is, for whoever wants to look.
    pub(crate) fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

/// What a database holds.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    /// The journal, in its order.
    pub(crate) events: Vec<Value>,
    /// Telemetry, each row's device and number.
    pub(crate) rows: Vec<(String, u64)>,
    /// The alarms that stand, by name, and the number of the event that says so.
    pub(crate) standing: Vec<(String, u64)>,
}

impl Holds {
    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        connection.busy_timeout(Duration::from_secs(5))?;
        let known = "SELECT count(*) FROM sqlite_schema WHERE name = 'journal'";
        if connection.query_row(known, [], |row| row.get::<_, u32>(0))? == 0 {
            return Ok(Self::default());
        }
        let whole: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        assert_eq!(whole, "ok", "the database is damaged");
        let json = |text: String| serde_json::from_str::<Value>(&text).expect("an event");
        let mut events = connection.prepare("SELECT body FROM journal ORDER BY seq")?;
        let events = events.query_map([], |row| row.get(0).map(json))?.collect::<Result<_, _>>()?;
        let mut rows = connection.prepare(
            "SELECT name.text, telemetry.seq FROM telemetry JOIN name ON name.id = device ORDER BY telemetry.id",
        )?;
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
        let rows = rows.collect::<Result<_, _>>()?;
        let mut standing = connection.prepare("SELECT name, json_extract(body, '$.seq') FROM alarm")?;
        let standing = standing.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
        Ok(Self { events, rows, standing: standing.collect::<Result<_, _>>()? })
    }
}

fn site(meters: &[Meter], far_ends: &[FarEnd]) -> String {
    let head = "version = 1\n[site]\nenterprise = \"acme\"\ngateway = \"judged\"\nname = \"Judged\"\n[clock]\nsync = \"ignored\"\n\
                [console]\nenabled = false\n";
    let forward = |far_end: &FarEnd| {
        let (name, address, version) =
            (far_end.name, far_end.address, if far_end.is_v5 { "5" } else { "3.1.1" });
        format!(
            "[[forward]]\nid = \"{name}\"\nkind = \"mqtt\"\nurl = \"mqtt://{address}\"\nversion = \"{version}\"\n"
        )
    };
    let devices = meters.iter().enumerate().map(|(n, meter)| device(n, meter));
    std::iter::once(head.to_owned()).chain(far_ends.iter().map(forward)).chain(devices).collect()
}

fn device(n: usize, meter: &Meter) -> String {
    let address = meter.address;
    let number = format!(
        "[[device]]\nid = \"m{n}\"\nprotocol = \"modbus-tcp\"\naddress = \"{address}\"\npoll = \"500ms\"\n\
         [[point]]\ndevice = \"m{n}\"\nsignal = \"number\"\nname = \"N\"\nregister = \"holding:0\"\ntype = \"u32\"\n"
    );
    let level = |level: u16| {
        let register = 2 + level;
        format!(
            "[[point]]\ndevice = \"m{n}\"\nsignal = \"level{level}\"\nname = \"L\"\nregister = \"holding:{register}\"\ntype = \"u16\"\n\
             limits = {{ h = {HIGH} }}\n"
        )
    };
    std::iter::once(number).chain((0..LEVELS).map(level)).collect()
}
