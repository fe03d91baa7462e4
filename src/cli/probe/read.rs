//! `hazgate probe read URL UNIT REGISTER`: a block of addresses, every type and byte order side by side.

use std::process::ExitCode;

use hazgate::acquire::modbus::probe::{Contents, Trouble, TroubleKind};
use hazgate::clock::Clock;
use serde_json::{Map, Value, json};

use super::args::{ReadArgs, WideType};
use super::place::{Block, Place, reference};
use super::table::{Cell, Table};
use super::target::Target;
use super::{Asked, face, hand, milliseconds, put, wrong};
use crate::cli::args::Language;

/// What stands for an address that the device refuses.
const GAP: &str = "—";
/// Bits in one line.
const BITS_PER_LINE: usize = 10;

/// Reads what was asked for and shows it.
pub(super) async fn read(args: ReadArgs) -> anyhow::Result<ExitCode> {
    if !Target::is_meant(&args.target) {
        return super::site::read(args).await;
    }
    let target = args.line.on(args.target.parse().map_err(wrong)?)?;
    let (unit, block) = unit_and_block(&args)?;
    let language = Language::choose(args.common.lang);
    let asked = Asked { at: &target.url, link: &target.link, unit, language, json: args.common.json };
    let probe = hand(&target.link, args.common.timeout, Clock::start())?;
    let mut probe = probe.with_block_max(args.addressing.block);
    let contents = match probe.read(unit, block.table, block.addresses.clone()).await {
        Ok(contents) => contents,
        Err(trouble) => return asked.unanswered(&trouble),
    };
    let sheet = Sheet { block: &block, contents: &contents, base: args.addressing.base, language };
    let nothing = contents.values.iter().all(Option::is_none);
    if args.common.json {
        let mut all = json!({ "target": target.url, "unit": unit });
        if let Some(all) = all.as_object_mut() {
            all.extend(sheet.json(WideType::or_default(&args.types)));
        }
        put(&[format!("{all:#}")])?;
    } else if nothing {
        let words = contents.refusal.clone().unwrap_or_default();
        return asked.unanswered(&Trouble { kind: TroubleKind::Refused(2), words });
    } else {
        let mut lines = vec![format!("{}  {}", target.url, sheet.title(unit)), String::new()];
        lines.extend(sheet.lines(&args.types));
        put(&lines)?;
    }
    Ok(if nothing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn unit_and_block(args: &ReadArgs) -> anyhow::Result<(u8, Block)> {
    let [unit, register] = args.what.as_slice() else {
        return Err(wrong(format!("after {} come a unit and a register, as: 1 holding:20", args.target)));
    };
    let unit = unit.parse().map_err(|_| wrong(format!("`{unit}` is not a unit id from 0 to 255")))?;
    let place: Place = register.parse().map_err(wrong)?;
    Ok((unit, place.block(args.addressing.base, args.count).map_err(wrong)?))
}

/// What was read, for show.
pub(super) struct Sheet<'a> {
    pub(super) block: &'a Block,
    pub(super) contents: &'a Contents,
    pub(super) base: u32,
    pub(super) language: Language,
}

impl Sheet<'_> {
    fn title(&self, unit: u8) -> String {
        let Contents { values, questions, took, .. } = self.contents;
        let (block, took, count) = (self.block.title(self.base), milliseconds(*took), values.len());
        match self.language {
            Language::Zh => format!("单元 {unit}  {block}  {count} 个地址，{questions} 次请求，{took}"),
            Language::En => {
                format!("unit {unit}  {block}  addresses: {count}, questions: {questions}, {took}")
            }
        }
    }

    /// The whole for a terminal.
    pub(super) fn lines(&self, types: &[WideType]) -> Vec<String> {
        let mut lines = if self.block.is_bits() { self.bits() } else { self.singles() };
        if !self.block.is_bits() {
            for wide in WideType::or_default(types) {
                lines.extend(self.wide(*wide));
            }
        }
        lines.extend(self.refused());
        lines
    }

    fn addressed(&self) -> impl Iterator<Item = (u32, Option<u16>)> {
        self.block.addresses.clone().zip(self.contents.values.iter().copied())
    }

    fn singles(&self) -> Vec<String> {
        let headings = match self.language {
            Language::Zh => ["地址", "编号", "hex", "u16", "i16", "BCD", "ASCII", "位 15…0"],
            Language::En => ["addr", "ref", "hex", "u16", "i16", "BCD", "ASCII", "bits 15…0"],
        };
        let mut table = Table::new(headings, 0);
        for (address, word) in self.addressed() {
            let mut row = vec![
                Cell::new((address + self.base).to_string()),
                Cell::dim(reference(self.block.table, address)),
            ];
            row.extend(word.map_or_else(|| vec![Cell::dim(GAP); 6], single));
            table.row(row);
        }
        table.lines()
    }

    /// The registers from each address on as one type, in the four orders.
    fn wide(&self, wide: WideType) -> Vec<String> {
        let encoding = wide.encoding();
        let width = usize::from(encoding.width());
        let mut table = Table::new([face::type_name(encoding), "ABCD", "CDAB", "BADC", "DCBA"], 0);
        let values = &self.contents.values;
        for (address, run) in self.block.addresses.clone().zip(values.windows(width)) {
            let last = address + width as u32 - 1;
            let title = Cell::new(format!("{}…{}", address + self.base, last + self.base));
            let words: Option<Vec<u16>> = run.iter().copied().collect();
            let cells = match words {
                Some(words) => face::ORDERS.map(|order| face::cell(&words, encoding, order)),
                None => face::ORDERS.map(|_| Cell::dim(GAP)),
            };
            table.row(std::iter::once(title).chain(cells));
        }
        if values.len() < width {
            return Vec::new();
        }
        std::iter::once(String::new()).chain(table.lines()).collect()
    }

    fn bits(&self) -> Vec<String> {
        let offsets: Vec<String> = (0..BITS_PER_LINE).map(|offset| format!("+{offset}")).collect();
        let title = self.language.pick("地址", "addr");
        let mut table = Table::new(std::iter::once(title).chain(offsets.iter().map(String::as_str)), 0);
        let bits: Vec<(u32, Option<u16>)> = self.addressed().collect();
        for line in bits.chunks(BITS_PER_LINE) {
            let cell = |bit: &(u32, Option<u16>)| match bit.1 {
                None => Cell::dim(GAP),
                Some(0) => Cell::new("0"),
                Some(_) => Cell::bold("1"),
            };
            let first = Cell::new((line[0].0 + self.base).to_string());
            table.row(std::iter::once(first).chain(line.iter().map(cell)));
        }
        table.lines()
    }

    /// Which addresses the device refuses, as `12…15`.
    fn gaps(&self) -> Vec<(u32, u32)> {
        let mut gaps: Vec<(u32, u32)> = Vec::new();
        for (address, _) in self.addressed().filter(|(_, value)| value.is_none()) {
            match gaps.last_mut() {
                Some((_, last)) if *last + 1 == address => *last = address,
                _ => gaps.push((address, address)),
            }
        }
        gaps
    }

    fn refused(&self) -> Vec<String> {
        let Some(words) = &self.contents.refusal else { return Vec::new() };
        let gap = |(first, last): (u32, u32)| match (first + self.base, last + self.base) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}…{last}"),
        };
        let gaps: Vec<String> = self.gaps().into_iter().map(gap).collect();
        if gaps.is_empty() {
            return Vec::new();
        }
        let text = match self.language {
            Language::Zh => format!("设备拒绝（{}）：{}", words.zh, gaps.join("、")),
            Language::En => format!("refused by the device ({}): {}", words.en, gaps.join(", ")),
        };
        vec![String::new(), text]
    }

    /// The whole for machines; addresses are the protocol's.
    pub(super) fn json(&self, types: &[WideType]) -> Map<String, Value> {
        let gaps = self.gaps();
        let refused = |(first, last): (u32, u32)| json!({ "first": first, "last": last });
        let refused: Vec<Value> = gaps.into_iter().map(refused).collect();
        let mut all = Map::new();
        all.insert("table".into(), super::place::table_name(self.block.table).into());
        all.insert("first".into(), self.block.addresses.start.into());
        all.insert("count".into(), self.contents.values.len().into());
        all.insert("questions".into(), self.contents.questions.into());
        all.insert("took_ms".into(), json!(self.contents.took.as_secs_f64() * 1000.0));
        all.insert("values".into(), self.values(types).into());
        all.insert("refused".into(), refused.into());
        all.insert("refusal".into(), json!(self.contents.refusal));
        all
    }

    fn values(&self, types: &[WideType]) -> Vec<Value> {
        let values = &self.contents.values;
        let one = |(at, (address, value)): (usize, (u32, Option<u16>))| {
            let value = value?;
            let mut all = Map::new();
            all.insert("address".into(), address.into());
            all.insert("reference".into(), reference(self.block.table, address).into());
            if self.block.is_bits() {
                all.insert("bit".into(), (value != 0).into());
            } else {
                let words: Vec<u16> = values[at..].iter().map_while(|value| *value).take(4).collect();
                all.extend(face::json(&words, types));
            }
            Some(Value::from(all))
        };
        self.addressed().enumerate().filter_map(one).collect()
    }
}

/// One register in every type of one register.
fn single(word: u16) -> Vec<Cell> {
    let bcd = face::bcd(word).map_or_else(|| Cell::dim("·"), |number| Cell::new(number.to_string()));
    vec![
        Cell::new(format!("{word:04X}")),
        Cell::new(word.to_string()),
        Cell::new(word.cast_signed().to_string()),
        bcd,
        Cell::new(face::ascii(word)),
        Cell::new(face::bits(word)),
    ]
}
