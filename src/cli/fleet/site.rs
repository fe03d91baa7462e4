//! The site files of a fleet, and where each of its gateways keeps what it has.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use hazgate::site::{self, Site};

use super::FleetArgs;
use super::meter::{HIGH, LEVELS};

/// The variable that a gateway's site file takes its password from. It is never set in the process: each gateway has its own.
const PASSWORD: &str = "HAZGATE_FLEET_PASSWORD";
/// A store holds back 8 MiB for the day its disk is full. A thousand of them would fill this one with zeros, so that here they are holes.
const RESERVE: (&str, u64) = ("hazgate.reserve", 8 * 1024 * 1024);

/// What a gateway shows the broker.
pub(super) struct Login {
    username: String,
    password: String,
}

/// Lines of gateway, user name and password.
pub(super) fn read_logins(file: &Path) -> anyhow::Result<BTreeMap<String, Login>> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let login = |(n, line): (usize, &str)| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[gateway, username, password] = words.as_slice() else {
            anyhow::bail!("{}:{}: expected three words: gateway, user name, password", file.display(), n + 1);
        };
        let login = Login { username: username.to_owned(), password: password.to_owned() };
        Ok((gateway.to_owned(), login))
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(login).collect()
}

/// Where the fleet is, and what its gateways have in common.
pub(super) struct Plan {
    directory: PathBuf,
    names: Vec<String>,
    /// The site file up to the gateway's own name.
    head: String,
    /// The table of the centre, open for the gateway's own user name.
    forward: String,
    /// What follows that.
    plant: String,
}

impl Plan {
    /// The fleet that was asked for, with its device at `meter`.
    pub(super) fn new(args: &FleetArgs, meter: SocketAddr) -> anyhow::Result<Self> {
        let absolute =
            |path: &Path| path.canonicalize().with_context(|| format!("cannot find {}", path.display()));
        fs::create_dir_all(&args.directory)
            .with_context(|| format!("cannot make {}", args.directory.display()))?;
        let ca = args.ca.as_deref().map(absolute).transpose()?;
        let tls = ca.map(|ca| format!("tls = {{ ca = {} }}\n", quoted(&ca.display().to_string())));
        let names = (args.first..args.first + args.gateways).map(|n| format!("gw{n:04}")).collect();
        let head = format!("version = 1\n[site]\nenterprise = {}\n", quoted(&args.enterprise));
        let forward = format!(
            "[[forward]]\nid = \"centre\"\nkind = \"mqtt\"\nurl = {}\n{}",
            quoted(&args.broker),
            tls.unwrap_or_default()
        );
        let poll = args.poll.as_millis();
        let device = format!(
            "[[hazard]]\nid = \"tank\"\nkind = \"tank_farm\"\nname = {{ zh = \"储罐区\", en = \"Tank farm\" }}\n\
             [[device]]\nid = \"meter\"\nprotocol = \"modbus-tcp\"\naddress = \"{meter}\"\npoll = \"{poll}ms\"\nhazard = \"tank\"\n"
        );
        let level = |n: u16| {
            format!(
                "[[point]]\ndevice = \"meter\"\nsignal = \"level{n}\"\nname = {{ zh = \"液位\", en = \"Level\" }}\nregister = \"holding:{n}\"\n\
                 type = \"u16\"\nlimits = {{ h = {HIGH} }}\n"
            )
        };
        let points: String = (0..LEVELS).map(level).collect();
        let plant = format!("{device}{points}");
        Ok(Self { directory: args.directory.clone(), names, head, forward, plant })
    }

    /// The gateways' names.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Where a gateway has its database.
    pub(super) fn data(&self, name: &str) -> PathBuf {
        self.directory.join(name).join("data")
    }

    /// Lays out a gateway's directory, and reads and checks its site file like any other.
    pub(super) fn lay(&self, name: &str, login: Option<&Login>) -> anyhow::Result<Site> {
        let data = self.data(name);
        fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
        let reserve = data.join(RESERVE.0);
        if !reserve.exists() {
            fs::File::create(&reserve).and_then(|file| file.set_len(RESERVE.1))?;
        }
        let identity = format!(
            "gateway = \"{name}\"\nname = \"{name}\"\n[clock]\nsync = \"ignored\"\n[console]\nenabled = false\n[store]\ndirectory = \"data\"\n"
        );
        let mut environment = BTreeMap::new();
        let access = login.map(|login| {
            environment.insert(PASSWORD.to_owned(), login.password.clone());
            format!("username = {}\npassword = {{ env = \"{PASSWORD}\" }}\n", quoted(&login.username))
        });
        let access = access.unwrap_or_default();
        let text = [&self.head, &identity, &self.forward, &access, &self.plant].map(String::as_str).concat();
        let file = self.directory.join(name).join("site.toml");
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        let site = site::load(&file, &environment)?;
        ensure!(site.identity.gateway == name, "{} is another gateway's", file.display());
        Ok(site)
    }
}

/// As a string of TOML.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
