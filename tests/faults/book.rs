//! The matrix as it stands in docs/testing.md, held to the one that is played. `UPDATE=1 cargo test --test faults` writes it.

use std::fmt::Write as _;
use std::path::Path;

use simulators::ProxyFault;

use super::cell::{Expect, TIMEOUT};
use super::matrix::ROWS;

const BEGIN: &str = "<!-- matrix: written by UPDATE=1 cargo test --test faults -->\n";
const END: &str = "<!-- end of matrix -->";

fn table() -> String {
    let mut text =
        "| fault | TCP, TLS | RTU over TCP | serial line |\n| --- | --- | --- | --- |\n".to_owned();
    for row in &ROWS {
        writeln!(
            text,
            "| {} | {} | {} | {} |",
            name(row.fault),
            word(row.tcp),
            word(row.rtu),
            word(row.serial())
        )
        .expect("text");
    }
    text
}

fn name(fault: ProxyFault) -> String {
    match fault {
        ProxyFault::Delay(late) => {
            format!("`{}`: {:.1} × the deadline", fault.name(), late.as_secs_f64() / TIMEOUT.as_secs_f64())
        }
        ProxyFault::Exception(code) => format!("`{}` {code}", fault.name()),
        _ => format!("`{}`", fault.name()),
    }
}

const fn word(expect: Option<Expect>) -> &'static str {
    match expect {
        Some(Expect::Good) => "good",
        Some(Expect::Bad) => "bad",
        Some(Expect::Either) => "either",
        None => "—",
    }
}

#[test]
fn the_matrix_in_the_docs_is_the_one_that_is_played() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/testing.md");
    let text = std::fs::read_to_string(&path).expect("docs/testing.md");
    let (head, rest) = text.split_once(BEGIN).expect("where the matrix begins");
    let (shown, tail) = rest.split_once(END).expect("where it ends");
    if std::env::var("UPDATE").is_ok_and(|update| update == "1") {
        std::fs::write(&path, format!("{head}{BEGIN}{}{END}{tail}", table())).expect("docs/testing.md");
    } else {
        assert_eq!(shown, table(), "UPDATE=1 cargo test --test faults writes it");
    }
}

#[test]
fn every_fault_of_the_proxy_is_in_the_matrix() {
    for fault in ProxyFault::all(TIMEOUT, 4) {
        assert!(ROWS.iter().any(|row| row.fault.name() == fault.name()), "{}", fault.name());
    }
}
