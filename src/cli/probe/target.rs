//! The address of a device, as it is typed: a URL, so that the way of speaking is never guessed.

use std::str::FromStr;

use hazgate::site::{LinkKind, SerialLine, TlsOptions, TlsTarget};
use url::{Host, Url};

/// Where Modbus TCP listens if nothing else is said.
const TCP_PORT: u16 = 502;
/// Where Modbus/TCP Security does.
const TLS_PORT: u16 = 802;

/// What begins the address of a serial port.
const SERIAL: &str = "serial:";

/// An address as typed, and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// As typed; of a serial line that was set, with its setting: `serial:/dev/ttyUSB0 9600 8N1`.
    pub(crate) url: String,
    /// How to connect.
    pub(crate) link: LinkKind,
}

impl Target {
    /// Whether a text is meant as a URL rather than as the name of a site file.
    pub(crate) fn is_meant(text: &str) -> bool {
        let has_port =
            |text: &str| text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        text.contains("://") || has_port(text) || port(text).is_some()
    }

    /// The same port, its line set like this.
    pub(crate) fn set(line: SerialLine) -> Self {
        Self { url: format!("{SERIAL}{} {line}", line.port), link: LinkKind::ModbusSerial(line) }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(port) = port(text) {
            let link = LinkKind::ModbusSerial(SerialLine::at(path(port)?));
            return Ok(Self { url: format!("{SERIAL}{port}"), link });
        }
        if !text.contains("://") {
            return Err(format!(
                "how to speak to it is missing: write tcp://{text} for Modbus TCP, rtu-over-tcp://{text} for RTU frames through a serial server"
            ));
        }
        let url =
            Url::parse(text).map_err(|error| format!("{error}; expected such as tcp://10.0.0.5:502"))?;
        let link = match url.scheme() {
            "tcp" => LinkKind::ModbusTcp(address(&url, Some(TCP_PORT))?),
            "rtu-over-tcp" => LinkKind::ModbusRtuOverTcp(address(&url, None)?),
            "tls" => {
                LinkKind::ModbusTls(TlsTarget { address: address(&url, Some(TLS_PORT))?, tls: tls(&url)? })
            }
            other => {
                return Err(format!(
                    "`{other}://` is not known here: write tcp://, rtu-over-tcp://, tls:// or serial:/dev/ttyUSB0"
                ));
            }
        };
        if url.scheme() != "tls" && url.query().is_some() {
            return Err(format!("only host and port are wanted: {}://host:port", url.scheme()));
        }
        Ok(Self { url: text.to_owned(), link })
    }
}

/// The port of a text that means a serial line, as `serial:/dev/ttyUSB0` or just `/dev/ttyUSB0`.
fn port(text: &str) -> Option<&str> {
    text.strip_prefix(SERIAL).or_else(|| text.starts_with("/dev/").then_some(text))
}

/// The whole path of a port.
fn path(port: &str) -> Result<&str, String> {
    let path = port.strip_prefix("//").unwrap_or(port);
    if port.contains(['?', '&']) {
        return Err(format!(
            "the line is set by --baud, --parity and --stop-bits: write {SERIAL}/dev/ttyUSB0 --baud 9600 --parity even"
        ));
    }
    if path.starts_with('/') && path.len() > 1 {
        Ok(path)
    } else {
        Err(format!("`{port}` is not a serial port: write its whole path, as {SERIAL}/dev/ttyUSB0"))
    }
}

/// Whom to trust and how to show who one is, from the query of a URL.
fn tls(url: &Url) -> Result<TlsOptions, String> {
    let wanted = "tls://host:802?ca=FILE, and where the device asks for them &certificate=FILE&key=FILE, &server_name=NAME";
    let mut options = TlsOptions::default();
    for (key, value) in url.query_pairs() {
        let value = value.into_owned();
        match key.as_ref() {
            "ca" => options.ca = Some(value.into()),
            "certificate" => options.certificate = Some(value.into()),
            "key" => options.key = Some(value.into()),
            "server_name" => options.server_name = Some(value),
            other => return Err(format!("`{other}` is not known here: {wanted}")),
        }
    }
    if options.ca.is_none() || options.certificate.is_some() != options.key.is_some() {
        return Err(format!("a file is missing: {wanted}"));
    }
    Ok(options)
}

/// The `host:port` of a URL.
fn address(url: &Url, default_port: Option<u16>) -> Result<String, String> {
    let bare = url.username().is_empty() && url.password().is_none();
    if !bare || !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(format!("only host and port are wanted: {}://host:port", url.scheme()));
    }
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = host.ok_or_else(|| format!("the host is missing: {}://host:port", url.scheme()))?;
    let host = Host::parse(host).map_err(|_| format!("`{host}` is not a host name or an IP address"))?;
    let port = url.port().or(default_port).filter(|port| *port != 0);
    let port = port.ok_or_else(|| format!("the port is missing: {}://{host}:port", url.scheme()))?;
    Ok(format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(text: &str) -> Result<LinkKind, String> {
        text.parse::<Target>().map(|target| target.link)
    }

    #[test]
    fn the_scheme_says_how_to_speak() {
        assert_eq!(link("tcp://10.0.0.5"), Ok(LinkKind::ModbusTcp("10.0.0.5:502".into())));
        assert_eq!(link("tcp://[::1]:1502/"), Ok(LinkKind::ModbusTcp("[::1]:1502".into())));
        assert_eq!(
            link("rtu-over-tcp://moxa.plant:4001"),
            Ok(LinkKind::ModbusRtuOverTcp("moxa.plant:4001".into()))
        );
    }

    #[test]
    fn encryption_says_whom_it_trusts() {
        let link = link("tls://plc.plant?ca=/etc/plant%20ca.pem&certificate=gw.pem&key=gw.key").unwrap();
        let LinkKind::ModbusTls(TlsTarget { address, tls }) = link else { panic!("{link:?}") };
        assert_eq!(address, "plc.plant:802");
        assert_eq!(tls.ca, Some("/etc/plant ca.pem".into()));
        assert_eq!((tls.certificate, tls.key), (Some("gw.pem".into()), Some("gw.key".into())));
    }

    #[test]
    fn a_serial_port_is_named_by_its_path() {
        let at = |port| Ok(LinkKind::ModbusSerial(SerialLine::at(port)));
        for text in ["serial:/dev/ttyUSB0", "serial:///dev/ttyUSB0", "/dev/ttyUSB0"] {
            assert_eq!(link(text), at("/dev/ttyUSB0"), "{text}");
            assert!(Target::is_meant(text));
        }
        assert_eq!(link("serial:/run/bus"), at("/run/bus"));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        for (text, right) in [
            ("10.0.0.5:502", "tcp://10.0.0.5:502"),
            ("http://10.0.0.5", "rtu-over-tcp://"),
            ("rtu-over-tcp://10.0.0.5", "rtu-over-tcp://10.0.0.5:port"),
            ("tcp://user:pw@10.0.0.5", "tcp://host:port"),
            ("tcp://10.0.0.5:502/1", "tcp://host:port"),
            ("tcp://10.0.0.5:502?ca=x", "tcp://host:port"),
            ("tls://10.0.0.5", "?ca=FILE"),
            ("tls://10.0.0.5?ca=a&key=b", "certificate=FILE"),
            ("tls://10.0.0.5?password=b", "?ca=FILE"),
            ("tcp://:502", "tcp://10.0.0.5:502"),
            ("tcp://10.0.0.5:70000", "tcp://10.0.0.5:502"),
            ("serial:ttyUSB0", "serial:/dev/ttyUSB0"),
            ("serial:", "serial:/dev/ttyUSB0"),
            ("serial:/dev/ttyUSB0?baud=19200", "--baud"),
        ] {
            let said = link(text).unwrap_err();
            assert!(said.contains(right), "{text}: {said}");
        }
    }

    #[test]
    fn a_site_file_is_not_taken_for_an_address() {
        assert!(Target::is_meant("tcp://10.0.0.5") && Target::is_meant("10.0.0.5:502"));
        assert!(!Target::is_meant("site.toml") && !Target::is_meant("plants/10/site.toml"));
    }
}
