//! Each limit of each built-in pack, held against figures that are written down here a second time: it raises at the limit and after its
//! delay, not before; it ends past the deadband, not within. Who changes a pack's figure changes it here too, on purpose. Its conditions are in
//! `conditions`, what it derives in `derived`, what it learns of a load in `load`.

mod bench;
mod conditions;
mod derived;
mod load;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::*;
use crate::site::{self, Limit, Rule};

/// Pack, role, unit, set-point of 40 if its limits are percentages, then ll, l, h, hh and deadband with the levels of the four.
const LIMITS: &str = "
casting_water    cooling_flow              m³/h   cooling_flow          80   90   -    -    1     1 2 - -
casting_water    cooling_pressure          MPa    cooling_pressure      75   85   -    -    1     1 2 - -
casting_water    inlet_water_temperature   ℃      -                     -    -    35   40   0.5   - - 3 2
casting          emergency_water_pressure  MPa    emergency_water       60   80   -    -    2     1 2 - -
dust_dry         diff_pressure             Pa     -                     -    500  2000 -    50    - 3 2 -
dust_dry         hopper_temperature        ℃      -                     -    -    60   70   2     - - 2 1
dust_dry         duct_speed                m/s    -                     -    23   -    -    0.3   - 3 - -
dust_wet         collector_level           m      tank_level            70   85   -    -    2     1 3 - -
dust_wet         circulation_flow          m³/h   circulation_flow      60   80   -    -    2     1 3 - -
dust_wet         hydrogen                  %LEL   -                     -    -    10   25   1     - - 2 1
electrical_fire  residual_current          mA     -                     -    -    300  500  10    - - 2 1
electrical_fire  cable_temperature         ℃      -                     -    -    70   80   2     - - 2 1
gas_combustible  gas                       %LEL   -                     -    -    25   50   2     - - 2 1
gas_combustible  gas_8                     %LEL   -                     -    -    25   50   2     - - 2 1
gas_open_path    gas_path                  LEL·m  -                     -    -    1    2    0.1   - - 2 1
gas_oxygen       oxygen                    %VOL   -                     18   19.5 23.5 -    0.2   1 2 2 -
gas_works        gas                       %LEL   -                     -    -    10   50   1     - - 2 1
gas_works        co                        ppm    -                     -    -    24   160  2     - - 2 1
gas_works        h2s                       ppm    -                     -    -    6    20   0.5   - - 2 1
gas_toxic        h2s                       mg/m³  -                     -    -    10   20   1     - - 2 1
gas_toxic        h2s                       ppm    -                     -    -    7    14   0.7   - - 2 1
gas_toxic        co                        mg/m³  -                     -    -    20   40   2     - - 2 1
gas_toxic        co                        ppm    -                     -    -    17   34   1.7   - - 2 1
gas_toxic        no2                       mg/m³  -                     -    -    5    10   0.5   - - 2 1
gas_toxic        no2                       ppm    -                     -    -    2.6  5.2  0.26  - - 2 1
gas_toxic        cl2                       mg/m³  -                     -    -    1    2    0.1   - - 2 1
gas_toxic        cl2                       ppm    -                     -    -    0.33 0.67 0.033 - - 2 1
gas_toxic        so2                       mg/m³  -                     -    -    5    10   0.5   - - 2 1
gas_toxic        so2                       ppm    -                     -    -    1.8  3.7  0.18  - - 2 1
gas_toxic        nh3                       mg/m³  -                     -    -    20   40   2     - - 2 1
gas_toxic        nh3                       ppm    -                     -    -    28   56   2.8   - - 2 1
gas_toxic        benzene                   mg/m³  -                     -    -    6    12   0.6   - - 2 1
gas_toxic        benzene                   ppm    -                     -    -    1.8  3.6  0.18  - - 2 1
gas_toxic        hf                        mg/m³  -                     -    -    2    4    0.2   - - 2 1
gas_toxic        hf                        ppm    -                     -    -    2.4  4.8  0.24  - - 2 1
gas_toxic        hcn                       mg/m³  -                     -    -    1    2    0.1   - - 2 1
gas_toxic        hcn                       ppm    -                     -    -    0.8  1.7  0.08  - - 2 1
gas_toxic        hcl                       mg/m³  -                     -    -    7.5  15   0.75  - - 2 1
gas_toxic        hcl                       ppm    -                     -    -    4.9  9.8  0.49  - - 2 1
gas_toxic        phosgene                  mg/m³  -                     -    -    0.5  1    0.05  - - 2 1
gas_toxic        phosgene                  ppm    -                     -    -    0.12 0.24 0.012 - - 2 1
gas_toxic        methanol                  mg/m³  -                     -    -    25   50   2.5   - - 2 1
gas_toxic        methanol                  ppm    -                     -    -    18   37   1.8   - - 2 1
gas_toxic        toluene                   mg/m³  -                     -    -    50   100  5     - - 2 1
gas_toxic        toluene                   ppm    -                     -    -    13   26   1.3   - - 2 1
gas_toxic        xylene                    mg/m³  -                     -    -    50   100  5     - - 2 1
gas_toxic        xylene                    ppm    -                     -    -    11   22   1.1   - - 2 1
gas_toxic        acrylonitrile             mg/m³  -                     -    -    1    2    0.1   - - 2 1
gas_toxic        acrylonitrile             ppm    -                     -    -    0.4  0.9  0.04  - - 2 1
gas_toxic        ozone                     mg/m³  -                     -    -    0.3  0.6  0.03  - - 2 1
gas_toxic        ozone                     ppm    -                     -    -    0.15 0.3  0.015 - - 2 1
gas_toxic        co2                       mg/m³  -                     -    -    9000 18000 900  - - 2 1
gas_toxic        co2                       ppm    -                     -    -    4919 9838 491.9 - - 2 1
melting_furnace  furnace_melt_temperature  ℃      melt_temperature_max  -    -    100  103  0.5   - - 3 2
melting_furnace  gas_pressure              kPa    gas_pressure          60   80   120  140  2     2 3 3 2
melting_furnace  furnace_pressure          Pa     -                     -    -20  50   -    5     - 4 3 -
melting_furnace  hydraulic_pressure        MPa    hydraulic_pressure    70   85   -    -    2     1 2 - -
melting_furnace  furnace_pit_water_level   mm     -                     -    -    20   50   5     - - 2 1
power_quality    line_voltage              V      nominal_voltage       85   93   107  115  0.5   2 4 4 2
power_quality    phase_voltage             V      nominal_voltage       80   90   107  115  0.5   2 4 4 2
power_quality    voltage_unbalance         %      -                     -    -    2    4    0.2   - - 4 3
power_quality    current_unbalance         %      -                     -    -    15   25   1     - - 4 3
power_quality    frequency                 Hz     -                     49.5 49.8 50.2 50.5 0.05  3 4 4 3
power_quality    power_factor              -      -                     -    0.9  -    -    0.02  - 4 - -
power_quality    voltage_thd               %      -                     -    -    5    8    0.5   - - 4 3
power_meter      demand                    kW     contract_demand       -    -    100  105  2     - - 3 2
power_safety     production_power          kW     rated_power           -5   -    80   100  3     4 - 4 2
power_tree       feeder_load               %      -                     -5   -    80   100  3     4 - 4 2
sensor_health    calibration_days_left     d      -                     0    30   -    -    1     3 4 - -
sensor_health    battery                   %      -                     10   20   -    -    3     3 4 - -
sensor_health    battery_voltage           V      battery_voltage       80   90   -    -    2     3 4 - -
sensor_health    packet_age                s      report_interval       -    -    300  1000 50    - - 4 3
tank             level                     m      level_full            5    10   85   90   1     2 3 2 1
tank             pressure                  kPa    design_pressure       -    -    60   80   2     - - 2 1
tank             temperature               ℃      working_temperature   -    -    100  125  2     - - 3 2
tank             wind_speed                m/s    -                     -    -    13.8 -    1     - - 4 -
";

const SETPOINT: f64 = 40.0;

/// A row of [`LIMITS`].
struct Row<'t> {
    pack: &'t str,
    role: &'t str,
    unit: &'t str,
    setpoint: Option<&'t str>,
    limits: [Option<f64>; 4],
    deadband: f64,
    levels: [Option<u8>; 4],
}

fn rows() -> Vec<Row<'static>> {
    let row = |line: &'static str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let given = |word: &'static str| (word != "-").then_some(word);
        let setpoint = given(words[3]);
        let factor = setpoint.map_or(1.0, |_| SETPOINT / 100.0);
        let number =
            |word: &'static str| given(word).map(|word| word.parse::<f64>().expect("a number") * factor);
        let level = |word: &'static str| given(word).map(|word| word.parse().expect("a level"));
        Row {
            pack: words[0],
            role: words[1],
            unit: given(words[2]).unwrap_or_default(),
            setpoint,
            limits: [4, 5, 6, 7].map(|column| number(words[column])),
            deadband: number(words[8]).expect("a deadband"),
            levels: [9, 10, 11, 12].map(|column| level(words[column])),
        }
    };
    LIMITS.lines().filter(|line| !line.is_empty()).map(row).collect()
}

/// A site with one point, and the pack on it.
fn site_of(row: &Row<'_>) -> Site {
    let setpoints =
        row.setpoint.map_or_else(String::new, |name| format!("setpoints = {{ {name} = {SETPOINT} }}\n"));
    let text = format!(
        "version = 1\n[site]\nenterprise = \"acme\"\ngateway = \"gw1\"\nname = \"Plant\"\n[clock]\nsync = \"ignored\"\n\
         [[device]]\nid = \"d\"\nprotocol = \"mqtt\"\nurl = \"mqtt://127.0.0.1:1883\"\ntopic = \"d\"\n\
         [[point]]\ndevice = \"d\"\nsignal = \"p\"\nname = \"P\"\npointer = \"/p\"\nmax_age = \"24h\"\nrole = \"{}\"\nunit = \"{}\"\n\
         [[pack]]\nuse = \"{}\"\npoints = [\"d.p\"]\n{setpoints}",
        row.role, row.unit, row.pack
    );
    site::parse("site.toml", &text, &BTreeMap::new()).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn rule_of<'s>(site: &'s Site, row: &Row<'_>) -> (&'s Rule, &'s Limits) {
    let found = site.rules.iter().find_map(|rule| match &rule.kind {
        RuleKind::Limits(limits) if limits.point.index() == 0 => Some((rule, limits)),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{} {}: no limits", row.pack, row.role))
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(1.0)
}

#[test]
fn each_pack_has_the_figures_that_are_written_down_for_it() {
    for row in rows() {
        let site = site_of(&row);
        let (rule, limits) = rule_of(&site, &row);
        let name = format!("{} {} {}", row.pack, row.role, row.unit);
        for (bound, (found, (value, level))) in [limits.ll, limits.l, limits.h, limits.hh]
            .into_iter()
            .zip(row.limits.into_iter().zip(row.levels))
            .enumerate()
        {
            assert_eq!(found.is_some(), value.is_some(), "{name}, limit {bound}");
            let (Some(Limit { value: found, level: is }), Some(value)) = (found, value) else { continue };
            assert!(near(found, value), "{name}, limit {bound}: {found}");
            assert_eq!(
                serde_json::to_value(is).expect("a level"),
                serde_json::json!(level),
                "{name}, limit {bound}"
            );
        }
        assert!(near(limits.deadband, row.deadband), "{name}: deadband {}", limits.deadband);
        assert_is_a_basis(&name, rule.basis.as_deref());
    }
}

/// It says in both languages what is a standard's, what is practice, and what is ours.
fn assert_is_a_basis(name: &str, basis: Option<&str>) {
    let basis = basis.unwrap_or_default();
    let (zh, en) =
        basis.split_once(" / ").unwrap_or_else(|| panic!("{name}: a basis in one language: {basis}"));
    assert!(
        zh.contains("标准") || zh.contains("惯例") || zh.contains("默认值") || zh.contains("要求"),
        "{name}: {zh}"
    );
    assert!(en.contains("default"), "{name}: what is ours is called so: {en}");
}

#[test]
fn p1_each_limit_of_each_pack_raises_at_the_limit_and_ends_past_the_deadband() {
    for row in rows() {
        for bound in 0..4 {
            let (Some(limit), Some(level)) = (row.limits[bound], row.levels[bound]) else { continue };
            hold_against(&row, limit, level, if bound < 2 { -1.0 } else { 1.0 });
        }
    }
}

/// `outward` is the direction in which values are beyond the limit.
fn hold_against(row: &Row<'_>, limit: f64, level: u8, outward: f64) {
    let site = site_of(row);
    let (rule, _) = rule_of(&site, row);
    let (on, off) = (rule.on_delay.as_secs_f64(), rule.off_delay.as_secs_f64());
    let alarm = rule.name.clone();
    let name = format!("{} {} at {limit}", row.pack, row.role);
    let mut run = Run::start(site);
    run.link(DeviceId::new(0), LinkState::Up);
    let point = PointId::new(0);
    let hair = (limit.abs() * 1e-6).max(1e-9);
    // What this limit decides, and no other.
    let mine = |run: &mut Run| -> Vec<Transition> {
        let of_alarm = run.transitions().into_iter().filter(|t| t.alarm == alarm);
        of_alarm
            .filter(|t| t.limit.is_some_and(|l| near(l, limit)) || t.event == EventKind::Cleared)
            .collect()
    };
    run.read(point, good(limit - outward * hair));
    run.wait(on + 1.0);
    assert!(mine(&mut run).is_empty(), "{name}: inside");
    run.read(point, good(limit));
    run.wait(on - 0.001);
    if on > 0.0 {
        assert!(mine(&mut run).is_empty(), "{name}: before its delay");
    }
    run.wait(0.001);
    let raised = mine(&mut run);
    let [t] = &raised[..] else { panic!("{name}: {raised:?}") };
    assert!(matches!(t.event, EventKind::Raised | EventKind::Escalated), "{name}: {t:?}");
    assert_eq!(serde_json::to_value(t.level).expect("a level"), serde_json::json!(level), "{name}");
    run.read(point, good(limit - outward * (row.deadband - hair)));
    run.wait(off + 1.0);
    assert!(run.transitions().iter().all(|t| t.alarm != alarm), "{name}: within the deadband");
    run.read(point, good(limit - outward * (row.deadband + hair)));
    run.wait(off - 0.001);
    if off > 0.0 {
        assert!(run.transitions().iter().all(|t| t.alarm != alarm), "{name}: before its off-delay");
    }
    run.wait(0.001);
    let ended: Vec<_> = run.transitions().into_iter().filter(|t| t.alarm == alarm).map(|t| t.event).collect();
    assert!(matches!(ended[..], [EventKind::Cleared | EventKind::Deescalated]), "{name}: {ended:?}");
}

/// Everything in a pack that raises an alarm.
struct Entry {
    pack: String,
    id: String,
    unit: Option<String>,
    /// The roles of the points that it is for.
    roles: Vec<String>,
    /// The roles that its expressions name, but for those that only say when it is active.
    named: BTreeSet<String>,
}

fn entries(pack: &str, table: &toml::Table) -> Vec<Entry> {
    let texts = |value: &toml::Value, key: &str| -> Vec<String> {
        let list = value.get(key).and_then(toml::Value::as_array).into_iter().flatten();
        list.filter_map(toml::Value::as_str).map(str::to_owned).collect()
    };
    let list = |key: &str| table.get(key).and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let declared = list("role");
    let meant = |name: String| {
        let role = declared.iter().find(|role| role["id"].as_str() == Some(&name));
        let meant = role.map(|role| texts(role, "roles")).filter(|roles| !roles.is_empty());
        meant.unwrap_or_else(|| vec![name])
    };
    let entry = |raw: &toml::Value| {
        let asked = [raw.get("value"), raw.get("condition").and_then(|one| one.get("when"))];
        let words: Vec<&str> = asked
            .into_iter()
            .flatten()
            .filter_map(toml::Value::as_str)
            .flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && !"_.".contains(c)))
            .collect();
        let named = declared.iter().filter_map(|role| role["id"].as_str()).filter(|id| words.contains(id));
        Entry {
            pack: pack.to_owned(),
            id: raw["id"].as_str().expect("an id").to_owned(),
            unit: raw.get("limits").and(raw.get("unit")).and_then(toml::Value::as_str).map(str::to_owned),
            roles: texts(raw, "roles").into_iter().flat_map(meant).collect(),
            named: named.map(str::to_owned).collect(),
        }
    };
    let derived = list("derived").into_iter().filter(|raw| raw.get("limits").is_some());
    list("rule").into_iter().chain(derived).map(|raw| entry(&raw)).collect()
}

#[test]
fn no_rule_of_a_pack_is_left_out_here() {
    let limits: BTreeSet<(String, String, String)> =
        rows().iter().map(|row| (row.pack.to_owned(), row.role.to_owned(), row.unit.to_owned())).collect();
    let others: Vec<_> =
        conditions::covered().into_iter().chain(derived::covered()).chain(load::covered()).collect();
    for file in fs::read_dir("config/packs").expect("the packs") {
        let path = file.expect("a file").path();
        let pack = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let table: toml::Table = fs::read_to_string(&path).expect("a pack").parse().expect("TOML");
        for entry in entries(&pack, &table) {
            let by_limits = entry.unit.as_ref().is_some_and(|unit| {
                entry.roles.iter().any(|role| limits.contains(&(pack.clone(), role.clone(), unit.clone())))
            });
            let by_others = others.iter().any(|(pack, id, roles)| {
                (pack, id) == (&entry.pack, &entry.id)
                    && entry.named.iter().all(|name| roles.contains(name) || name == "detector")
                    && (entry.roles.is_empty()
                        || entry.unit.is_some()
                        || entry.roles.iter().any(|role| roles.contains(role)))
            });
            assert!(
                by_limits || by_others,
                "{pack}: {} for {:?}, over {:?}",
                entry.id,
                entry.roles,
                entry.named
            );
        }
    }
}
