//! The site document: what does not move while the gateway runs. Names, units, limits and addresses are sent once,
//! so that the live stream need not repeat them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Shared;
use super::output::{self, SpecDto};
use crate::model::{DeviceId, HazardId, Level, PointId, Text};
use crate::report::plan::{Line, Plan};
use crate::site::{
    Device, DialIn, Forwarder, ForwarderKind, Framing, Hazard, HazardKind, Limits, LinkKind, Point, Protocol,
    RuleKind, Site,
};

/// The document, serialized once, and its entity tag.
pub(super) struct SiteDocument {
    body: Bytes,
    tag: HeaderValue,
}

#[derive(Serialize)]
struct SiteDto<'a> {
    version: &'static str,
    config: &'a str,
    enterprise: &'a str,
    gateway: &'a str,
    name: &'a Text,
    zone: &'a str,
    hazards: Vec<HazardDto<'a>>,
    devices: Vec<DeviceDto<'a>>,
    points: Vec<PointDto<'a>>,
    outputs: Vec<SpecDto<'a>>,
    /// The lines of the power page.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<LineDto<'a>>,
    forwarders: Vec<ForwarderDto<'a>>,
}

/// A line, and which points say what of it.
#[derive(Serialize)]
struct LineDto<'a> {
    id: &'a str,
    title: &'a Text,
    hazard: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<&'a str>,
    load: &'a str,
    energy: Option<&'a str>,
    state: Option<&'a str>,
    median: Option<&'a str>,
    low: Option<&'a str>,
    high: Option<&'a str>,
}

#[derive(Serialize)]
struct HazardDto<'a> {
    id: &'a str,
    kind: &'static str,
    title: &'a Text,
}

#[derive(Serialize)]
struct DeviceDto<'a> {
    id: &'a str,
    title: &'a Text,
    hazard: Option<&'a str>,
    protocol: &'static str,
    /// Where it is reached: `host:port`, and the unit or topic there.
    address: String,
}

#[derive(Serialize)]
struct PointDto<'a> {
    id: &'a str,
    title: &'a Text,
    device: &'a str,
    hazard: Option<&'a str>,
    unit: &'a str,
    decimals: u8,
    /// What the instrument can measure.
    range: Option<[f64; 2]>,
    /// Age in milliseconds after which a value is no longer current.
    max_age_ms: u64,
    /// What people call each code, of a point that says codes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    codes: BTreeMap<i64, &'a Text>,
    /// From the lowest to the highest.
    limits: Vec<LimitDto<'a>>,
}

#[derive(Serialize)]
struct LimitDto<'a> {
    kind: &'static str,
    value: f64,
    level: Level,
    alarm: &'a str,
}

#[derive(Serialize)]
struct ForwarderDto<'a> {
    id: &'a str,
    kind: &'static str,
    target: String,
}

impl SiteDocument {
    pub(super) fn new(site: &Site, plan: &Plan) -> Self {
        let body = serde_json::to_vec(&SiteDto::new(site, plan)).expect("plain data with string keys");
        let tag = format!("\"{}-{}\"", env!("CARGO_PKG_VERSION"), site.hash);
        Self { body: body.into(), tag: HeaderValue::from_str(&tag).expect("a version and hex digits") }
    }
}

/// `GET /api/v1/site`.
pub(super) async fn site(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let document = &shared.document;
    let kept =
        [(header::ETAG, document.tag.clone()), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if headers.get(header::IF_NONE_MATCH) == Some(&document.tag) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    let json = [(header::CONTENT_TYPE, "application/json")];
    (kept, json, Body::from(document.body.clone())).into_response()
}

impl<'a> SiteDto<'a> {
    fn new(site: &'a Site, plan: &'a Plan) -> Self {
        let identity = &site.identity;
        Self {
            version: env!("CARGO_PKG_VERSION"),
            config: &site.hash,
            enterprise: &identity.enterprise,
            gateway: &identity.gateway,
            name: &identity.name,
            zone: identity.zone.iana_name().unwrap_or_default(),
            hazards: site.hazards.iter().map(HazardDto::from).collect(),
            devices: (0..).zip(&site.devices).map(|(i, it)| device(site, DeviceId::new(i), it)).collect(),
            points: points(site),
            outputs: output::specs(site),
            lines: plan.lines.iter().map(LineDto::from).collect(),
            forwarders: site.forwarders.iter().map(ForwarderDto::from).collect(),
        }
    }
}

impl<'a> From<&'a Hazard> for HazardDto<'a> {
    fn from(hazard: &'a Hazard) -> Self {
        let kind = match hazard.kind {
            HazardKind::TankFarm => "tank_farm",
            HazardKind::Dust => "dust",
            HazardKind::Casting => "casting",
            HazardKind::Power => "power",
            HazardKind::Other => "other",
        };
        Self { id: &hazard.name, kind, title: &hazard.title }
    }
}

impl<'a> From<&'a Line> for LineDto<'a> {
    fn from(line: &'a Line) -> Self {
        let [median, low, high] = &line.ordinary;
        Self {
            id: &line.name,
            title: &line.title,
            hazard: line.hazard.as_deref(),
            role: line.role,
            parent: line.parent.as_deref(),
            load: &line.load,
            energy: line.energy.as_ref().map(|counter| counter.point.as_str()),
            state: line.state.as_deref(),
            median: median.as_deref(),
            low: low.as_deref(),
            high: high.as_deref(),
        }
    }
}

impl<'a> From<&'a Forwarder> for ForwarderDto<'a> {
    fn from(forwarder: &'a Forwarder) -> Self {
        let (kind, target) = match &forwarder.kind {
            ForwarderKind::Mqtt(target) => {
                let addresses: Vec<&str> = target.brokers.iter().map(|it| it.address.as_str()).collect();
                ("mqtt", addresses.join(", "))
            }
            // The origin only: whatever else stands in the address is not for show.
            ForwarderKind::Influx(influx) => (
                "influx",
                url::Url::parse(&influx.url)
                    .map_or_else(|_| String::new(), |url| url.origin().ascii_serialization()),
            ),
        };
        Self { id: &forwarder.name, kind, target }
    }
}

fn device<'a>(site: &'a Site, id: DeviceId, device: &'a Device) -> DeviceDto<'a> {
    let link = site.links.iter().find(|link| link.devices.contains(&id));
    let called;
    let (protocol, host) = match link.map(|link| &link.kind) {
        Some(LinkKind::ModbusTcp(host)) => ("modbus-tcp", host.as_str()),
        Some(LinkKind::ModbusRtuOverTcp(host)) => ("modbus-rtu-over-tcp", host.as_str()),
        Some(LinkKind::ModbusTls(target)) => ("modbus-tls", target.address.as_str()),
        Some(LinkKind::ModbusSerial(serial)) => ("modbus-rtu", serial.port.as_str()),
        Some(LinkKind::ModbusDialIn(DialIn { registration, listen, framing, .. })) => {
            called = format!("{registration} @ {listen}");
            (if *framing == Framing::Tcp { "modbus-tcp" } else { "modbus-rtu-over-tcp" }, called.as_str())
        }
        Some(LinkKind::Mqtt(broker)) => ("mqtt", broker.address.as_str()),
        None => ("", ""),
    };
    let address = match &device.protocol {
        Protocol::Modbus(modbus) => format!("{host} #{}", modbus.unit),
        Protocol::Mqtt(mqtt) => format!("{host} {}", mqtt.topic),
        Protocol::Derived => String::new(),
    };
    DeviceDto {
        id: &device.name,
        title: &device.title,
        hazard: hazard(site, device.hazard),
        protocol,
        address,
    }
}

fn hazard(site: &Site, id: Option<HazardId>) -> Option<&str> {
    id.map(|id| site.hazard(id).name.as_str())
}

fn points(site: &Site) -> Vec<PointDto<'_>> {
    let mut points: Vec<_> = site.points.iter().map(|it| point(site, it)).collect();
    for rule in &site.rules {
        if let RuleKind::Limits(limits) = &rule.kind {
            let PointDto { limits: known, .. } = &mut points[PointId::index(limits.point)];
            known.extend(limits_of(limits, &rule.name));
            known.sort_by(|a, b| a.value.total_cmp(&b.value));
        }
    }
    points
}

fn point<'a>(site: &'a Site, point: &'a Point) -> PointDto<'a> {
    PointDto {
        id: &point.name,
        title: &point.title,
        device: &site.device(point.device).name,
        hazard: hazard(site, point.hazard),
        unit: &point.unit,
        decimals: point.decimals,
        range: point.range.map(|range| [range.low, range.high]),
        max_age_ms: u64::try_from(point.max_age.as_millis()).unwrap_or(u64::MAX),
        codes: point.codes().iter().map(|code| (code.code, &code.label)).collect(),
        limits: Vec::new(),
    }
}

fn limits_of<'a>(limits: &Limits, alarm: &'a str) -> impl Iterator<Item = LimitDto<'a>> {
    [("ll", limits.ll), ("l", limits.l), ("h", limits.h), ("hh", limits.hh)].into_iter().filter_map(
        move |(kind, limit)| {
            limit.map(|limit| LimitDto { kind, value: limit.value, level: limit.level, alarm })
        },
    )
}
