//! `hazgate probe order URL UNIT REGISTER VALUE`: how the registers hold a value that the user knows.

use std::ops::Range;
use std::process::ExitCode;

use hazgate::clock::Clock;
use serde_json::json;

use super::args::OrderArgs;
use super::face::{letters, type_name};
use super::place::{Block, reference};
use super::proposal::{Candidate, Search, is_chance, is_tie, overlapping};
use super::table::{Cell, Table};
use super::{Asked, hand, put, wrong};
use crate::cli::args::Language;

/// Registers of the widest type that is tried, less the first.
const TAIL: u32 = 3;

/// Reads around the register and shows what fits.
pub(super) async fn order(mut args: OrderArgs) -> anyhow::Result<ExitCode> {
    args.url = args.line.on(args.url)?;
    let named = args.register.block(args.addressing.base, Some(1)).map_err(wrong)?;
    if named.is_bits() {
        return Err(wrong("a coil or a discrete input has no byte order: name a holding or input register"));
    }
    let asked = named.addresses.start;
    let block = Block { table: named.table, addresses: around(asked, args.around) };
    let language = Language::choose(args.common.lang);
    let whom =
        Asked { at: &args.url.url, link: &args.url.link, unit: args.unit, language, json: args.common.json };
    let probe = hand(&args.url.link, args.common.timeout, Clock::start())?;
    let mut probe = probe.with_block_max(args.addressing.block);
    let contents = match probe.read(args.unit, block.table, block.addresses.clone()).await {
        Ok(contents) => contents,
        Err(trouble) => return whom.unanswered(&trouble),
    };
    let search = Search { asked, sought: args.value, tolerance: args.tolerance };
    let found = search.candidates(&contents.values, block.addresses.start);
    let shown = Shown { block: &block, base: args.addressing.base, language, found: &found };
    let top = found.len().min(usize::from(args.top));
    put(&if args.common.json { shown.json(&args, top) } else { shown.lines(top) })?;
    Ok(if found.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The addresses to try: those around `asked`, and what a value at the last of them takes beyond it.
fn around(asked: u32, around: u32) -> Range<u32> {
    asked.saturating_sub(around)..(asked + around + 1 + TAIL).min(65_536)
}

struct Shown<'a> {
    block: &'a Block,
    base: u32,
    language: Language,
    found: &'a [Candidate],
}

impl Shown<'_> {
    fn lines(&self, top: usize) -> Vec<String> {
        let Some(best) = self.found.first() else { return vec![self.nothing()] };
        let headings = match self.language {
            Language::Zh => ["", "寄存器", "编号", "type", "byte_order", "scale", "读数"],
            Language::En => ["", "register", "ref", "type", "byte_order", "scale", "reads"],
        };
        let mut table = Table::new(headings, 0);
        for (rank, candidate) in (1..).zip(&self.found[..top]) {
            table.row(self.row(rank, candidate));
        }
        let mut lines = table.lines();
        if self.found.len() > top {
            let more = self.found.len() - top;
            lines.push(match self.language {
                Language::Zh => format!("另有 {more} 种可能性更小的解释（--top）"),
                Language::En => format!("{more} more, less plausible (--top)"),
            });
        }
        lines.extend([String::new(), best.fragment(self.block, self.base)]);
        lines.extend(self.doubts(best));
        lines
    }

    fn row(&self, rank: usize, candidate: &Candidate) -> Vec<Cell> {
        let text = [
            rank.to_string(),
            self.block.written(candidate.address, self.base),
            reference(self.block.table, candidate.address),
            type_name(candidate.encoding).to_owned(),
            letters(candidate.order).to_owned(),
            candidate.scale.to_string(),
            digits(candidate.value),
        ];
        text.map(|text| if rank == 1 { Cell::bold(text) } else { Cell::new(text) }).into()
    }

    /// What the user should know before the first of them is believed.
    fn doubts(&self, best: &Candidate) -> Vec<String> {
        let mut doubts = Vec::new();
        if is_chance(self.found) {
            doubts.push(self.language.pick(
                "很可能只是巧合：确认此刻的显示值和表（holding 与 input），必要时加大 --tolerance 再试",
                "this fits by chance more likely than not: look at the display again, try the other table (holding or input) or a larger --tolerance",
            ).to_owned());
        }
        if let Some(rank) = overlapping(self.found) {
            doubts.push(match self.language {
                Language::Zh => format!(
                    "第 1 与第 {rank} 种共用一个寄存器，数值太粗无法区分：给出更多小数位，并用 --tolerance 0.1%"
                ),
                Language::En => format!(
                    "1 and {rank} share a register, and the value is too coarse to tell them apart: give more decimals, and --tolerance 0.1%"
                ),
            });
        } else if is_tie(self.found) {
            doubts.push(self.language.pick(
                "前几种解释同样合理：等数值变化后再运行一次，或给出更多小数位",
                "the first ones are equally plausible: run it again when the value has changed, or give more decimals",
            ).to_owned());
        }
        if matches!(type_name(best.encoding), "u16" | "u32") {
            doubts.push(
                self.language
                    .pick(
                        "若该量可能为负，请用 i16 或 i32 代替 u16 或 u32",
                        "if it can go below zero, it is i16 or i32 instead of u16 or u32",
                    )
                    .to_owned(),
            );
        }
        doubts.iter().map(|doubt| format!("# {doubt}")).collect()
    }

    fn nothing(&self) -> String {
        let block = self.block.title(self.base);
        match self.language {
            Language::Zh => format!(
                "{block} 中没有任何解释与该值相符：换一个表（holding 与 input），加大 --around 或 --tolerance，并确认此刻的显示值"
            ),
            Language::En => format!(
                "nothing in {block} fits: try the other table (holding or input), a larger --around or --tolerance, and look at the display again"
            ),
        }
    }

    fn json(&self, args: &OrderArgs, top: usize) -> Vec<String> {
        let candidate = |candidate: &Candidate| {
            json!({
                "table": super::place::table_name(self.block.table),
                "address": candidate.address,
                "reference": reference(self.block.table, candidate.address),
                "type": type_name(candidate.encoding),
                "byte_order": letters(candidate.order),
                "scale": candidate.scale,
                "value": candidate.value,
                "cost": candidate.cost,
                "toml": candidate.fragment(self.block, self.base),
            })
        };
        let all = json!({
            "target": args.url.url,
            "unit": args.unit,
            "tried": self.block.title(self.base),
            "fitting": self.found.len(),
            "equally_plausible": is_tie(self.found) || overlapping(self.found).is_some(),
            "by_chance": is_chance(self.found),
            "candidates": self.found[..top].iter().map(candidate).collect::<Vec<_>>(),
        });
        vec![format!("{all:#}")]
    }
}

/// A value with as many digits as a single has.
fn digits(value: f64) -> String {
    (value as f32).to_string()
}
