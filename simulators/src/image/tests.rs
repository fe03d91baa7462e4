//! What exists in an image, what does not, and what stands there.

use super::*;
use crate::bench::{Bench, ByteOrder, Framing, HazardKind, HazardSpec, LinkSpec, SignalRef};
use crate::fault::{FaultCommand, Target};

fn cell(table: Table, address: u16, encoding: Encoding, role: &str) -> Cell {
    let signal = SignalRef {
        hazard: Some("dust1".to_owned()),
        device: "plc1".to_owned(),
        role: Some(role.to_owned()),
        range: None,
        point: format!("plc1.{role}"),
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

fn bench(cells: Vec<Cell>) -> Bench {
    let unit =
        UnitSpec { unit: 1, device: "plc1".to_owned(), cells, constants: Vec::new(), outputs: Vec::new() };
    let listen = "127.0.0.1:0".to_owned();
    Bench {
        hazards: vec![HazardSpec { id: "dust1".to_owned(), kind: HazardKind::Dust }],
        links: vec![LinkSpec { listen, line: None, framing: Framing::Tcp, units: vec![unit] }],
        publishers: Vec::new(),
        edges: Vec::new(),
    }
}

fn sampled(cells: Vec<Cell>, seed: u64, dt_s: f64) -> Result<Image, BenchError> {
    let bench = bench(cells);
    let mut plant = Plant::new(&bench, seed)?;
    let mut image = Image::new(&bench.links[0].units[0], &plant)?;
    plant.advance(dt_s);
    image.sample(&plant);
    Ok(image)
}

fn typical() -> Vec<Cell> {
    vec![
        Cell { scale: 0.1, ..cell(Table::Holding, 10, Encoding::U16, "diff_pressure") },
        cell(Table::Holding, 12, Encoding::F32, "fan_power"),
        Cell { scale: 0.01, offset: -40.0, ..cell(Table::Holding, 31, Encoding::I32, "hopper_temperature") },
        cell(Table::Holding, 50, Encoding::F64, "fan_current"),
        cell(Table::Input, 0, Encoding::BitOf(3), "fan_running"),
        cell(Table::Input, 0, Encoding::BitOf(5), "airlock_running"),
        cell(Table::Coil, 0, Encoding::Bit, "fan_running"),
        cell(Table::Discrete, 7, Encoding::Bit, "airlock_running"),
    ]
}

#[test]
fn values_stand_scaled_in_their_registers() {
    let image = sampled(typical(), 1, 5.0).unwrap();
    let one = |address| image.registers(Table::Holding, address, 1).unwrap()[0];
    assert!((7000..11_000).contains(&one(10)), "{}", one(10));
    let kw = image.registers(Table::Holding, 12, 2).unwrap();
    let kw = f32::from_bits(u32::from(kw[0]) << 16 | u32::from(kw[1]));
    assert!((20.0..24.0).contains(&kw), "{kw}");
    let hopper = image.registers(Table::Holding, 31, 2).unwrap();
    let hopper = f64::from(hopper[0]) * 655.36 + f64::from(hopper[1]) * 0.01 - 40.0;
    assert!((32.0..38.0).contains(&hopper), "{hopper}");
    assert_eq!(image.registers(Table::Input, 0, 1).unwrap(), [0b0010_1000]);
    assert_eq!(image.bits(Table::Coil, 0, 1).unwrap(), [true]);
    assert_eq!(image.bits(Table::Discrete, 7, 1).unwrap(), [true]);
}

#[test]
fn small_holes_are_zero_and_the_rest_does_not_exist() {
    let image = sampled(typical(), 1, 5.0).unwrap();
    // 14 to 30 is a hole of 17: two blocks. 33 to 49 is one of 17 too.
    assert_eq!(image.registers(Table::Holding, 10, 4).map(<[u16]>::len), Some(4));
    assert_eq!(image.registers(Table::Holding, 11, 1), Some(&[0][..]));
    assert_eq!(image.registers(Table::Holding, 10, 5), None);
    assert_eq!(image.registers(Table::Holding, 9, 2), None);
    assert_eq!(image.registers(Table::Holding, 32, 2), None);
    assert_eq!(image.registers(Table::Holding, 65535, 1), None);
    assert_eq!(image.registers(Table::Input, 0, 2), None);
    assert_eq!(image.bits(Table::Coil, 1, 1), None);
    assert_eq!(image.registers(Table::Coil, 0, 1), None);
    let near = vec![
        cell(Table::Input, 0, Encoding::U16, "fan_power"),
        cell(Table::Input, 17, Encoding::U16, "duct_speed"),
    ];
    let near = sampled(near, 1, 0.0).unwrap();
    assert_eq!(near.registers(Table::Input, 1, 16), Some(&[0; 16][..]));
}

#[test]
fn the_last_address_can_be_used() {
    let cells = vec![cell(Table::Holding, 65534, Encoding::U32, "fan_power")];
    let image = sampled(cells, 1, 1.0).unwrap();
    assert!((20..=24).contains(&image.registers(Table::Holding, 65534, 2).unwrap()[1]));
    assert_eq!(image.registers(Table::Holding, 65535, 2), None);
}

#[test]
fn cells_that_cannot_be_are_refused() {
    for (cell, word) in [
        (cell(Table::Holding, 65535, Encoding::F32, "fan_power"), "beyond"),
        (cell(Table::Coil, 0, Encoding::U16, "fan_power"), "hold bits"),
        (cell(Table::Input, 0, Encoding::Bit, "fan_running"), "hold bits"),
        (cell(Table::Input, 0, Encoding::BitOf(16), "fan_running"), "0 to 15"),
        (cell(Table::Input, 0, Encoding::Ascii(33), "fan_power"), "1 to 32"),
        (cell(Table::Input, 0, Encoding::Ascii(0), "fan_power"), "1 to 32"),
        (Cell { scale: 0.0, ..cell(Table::Input, 0, Encoding::U16, "fan_power") }, "scale"),
        (Cell { offset: f64::NAN, ..cell(Table::Input, 0, Encoding::U16, "fan_power") }, "finite"),
    ] {
        let error = sampled(vec![cell], 1, 0.0).unwrap_err().to_string();
        assert!(error.contains(word) && error.contains("plc1."), "{error}");
    }
}

#[test]
fn one_seed_gives_one_image() {
    for seed in [1, 7, 20_261_121] {
        let one = sampled(typical(), seed, 60.0).unwrap();
        assert_eq!(one, sampled(typical(), seed, 60.0).unwrap());
        assert_ne!(one, sampled(typical(), seed + 1, 60.0).unwrap());
        assert_ne!(one, sampled(typical(), seed, 61.0).unwrap());
    }
}

#[test]
fn a_dead_sensor_shows_as_its_encoding_allows() {
    let bench = bench(typical());
    let mut plant = Plant::new(&bench, 1).unwrap();
    let mut image = Image::new(&bench.links[0].units[0], &plant).unwrap();
    for role in ["diff_pressure", "fan_power", "fan_running"] {
        let target = Target::Point(format!("plc1.{role}"));
        plant.apply(&FaultCommand::Inject { target, fault: "dead".to_owned(), delay: None }).unwrap();
    }
    image.sample(&plant);
    assert_eq!(image.registers(Table::Holding, 10, 1), Some(&[0x8000][..]));
    assert_eq!(image.registers(Table::Holding, 12, 1), Some(&[0x7FC0][..]));
    assert_eq!(image.registers(Table::Input, 0, 1), Some(&[0b0010_0000][..]));
    assert_eq!(image.bits(Table::Coil, 0, 1), Some(&[false][..]));
}

#[test]
fn a_constant_stands_over_whatever_is_there_and_codes_are_the_only_numbers() {
    let constant = |address, number| Constant {
        table: Table::Holding,
        address,
        encoding: Encoding::U16,
        order: ByteOrder::Abcd,
        number,
    };
    let coded = Cell { codes: vec![3.0, 900.0], ..cell(Table::Holding, 11, Encoding::U16, "diff_pressure") };
    let mut bench = bench(vec![cell(Table::Holding, 10, Encoding::U16, "fan_power"), coded]);
    bench.links[0].units[0].constants = vec![constant(10, 30.0), constant(12, 2.0)];
    let mut plant = Plant::new(&bench, 1).unwrap();
    let mut image = Image::new(&bench.links[0].units[0], &plant).unwrap();
    plant.advance(5.0);
    image.sample(&plant);
    assert_eq!(image.registers(Table::Holding, 10, 3), Some(&[30, 900, 2][..]));
}

#[test]
fn a_broken_sensor_says_what_its_maker_chose() {
    let broken = Cell { broken: Some(32767.0), ..cell(Table::Holding, 10, Encoding::U16, "diff_pressure") };
    let bench = bench(vec![broken]);
    let mut plant = Plant::new(&bench, 1).unwrap();
    let mut image = Image::new(&bench.links[0].units[0], &plant).unwrap();
    let target = Target::Point("plc1.diff_pressure".to_owned());
    plant.apply(&FaultCommand::Inject { target, fault: "dead".to_owned(), delay: None }).unwrap();
    image.sample(&plant);
    assert_eq!(image.registers(Table::Holding, 10, 1), Some(&[0x7FFF][..]));
}
