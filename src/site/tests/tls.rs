//! `tls = { … }`: files that must be there and fit, and devices that share a connection.

use super::{edited, mistakes, site, variables};
use crate::site::{LinkKind, Mistakes, Site, load};
use crate::tls::testing::Authority;

/// The site whose `plc` has these keys after its unit, beside the files of `authority`.
fn load_beside(authority: &Authority, keys: &str) -> Result<Site, Mistakes> {
    let path = authority.path("site.toml");
    std::fs::write(&path, edited(&[("unit = 1", keys)])).unwrap();
    load(&path, &variables())
}

fn refused(authority: &Authority, keys: &str, place: &str, words: &str) {
    let mistakes = load_beside(authority, keys).expect_err("something is wrong");
    let said: Vec<String> = mistakes
        .iter()
        .map(|one| format!("{} | {} | {}", one.key_path, one.message, one.hint.clone().unwrap_or_default()))
        .collect();
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].starts_with(place) && said[0].contains(words), "{said:#?}");
}

#[test]
fn files_beside_the_site_file_are_found() {
    let authority = Authority::new();
    authority.sign("gw");
    let keys =
        "protocol = \"modbus-tls\"\ntls = { ca = \"ca.pem\", certificate = \"gw.pem\", key = \"gw.key\" }";
    let site = load_beside(&authority, keys).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let target = site.links.iter().find_map(|link| match &link.kind {
        LinkKind::ModbusTls(target) => Some(target),
        _ => None,
    });
    assert_eq!(target.unwrap().tls, authority.identity("gw"));
}

#[test]
fn p8_files_that_are_not_there_or_do_not_fit_are_mistakes_at_their_key() {
    let authority = Authority::new();
    authority.sign("gw");
    authority.sign("other");
    let tls = |table: &str| format!("protocol = \"modbus-tls\"\ntls = {{ {table} }}");
    let ca = "ca = \"ca.pem\"";
    refused(&authority, &tls("ca = \"no.pem\""), "device[0].tls.ca", "there is no such file");
    refused(&authority, &tls("ca = \"gw.key\""), "device[0].tls.ca", "holds no certificate");
    refused(&authority, &tls("server_name = \"plc\""), "device[0].tls |", "`ca` is missing");
    refused(
        &authority,
        &tls(&format!("{ca}, certificate = \"gw.pem\"")),
        "device[0].tls.certificate",
        "without its key",
    );
    refused(
        &authority,
        &tls(&format!("{ca}, certificate = \"gw.pem\", key = \"other.key\"")),
        "device[0].tls.key",
        "is not the key of",
    );
    refused(&authority, &tls(&format!("{ca}, server_name = \"a b\"")), "device[0].tls.server_name", "`a b`");
    refused(&authority, "protocol = \"modbus-tls\"", "device[0] |", "`tls` is missing");
    refused(&authority, "tls = { ca = \"ca.pem\" }", "device[0].tls |", "is for `modbus-tls`");
}

#[test]
fn p8_devices_behind_one_encrypted_address_agree_on_it() {
    let authority = Authority::new();
    let second = |keys: &str| {
        format!(
            "protocol = \"modbus-tls\"\ntls = {{ ca = \"ca.pem\" }}\n[[point]]\ndevice = \"m2\"\nsignal = \"x\"\nname = \"x\"\n\
             register = \"holding:0\"\n[[device]]\nid = \"m2\"\naddress = \"10.0.0.5:502\"\nunit = 2\n{keys}"
        )
    };
    let same = second("protocol = \"modbus-tls\"\ntls = { ca = \"ca.pem\" }");
    let site = load_beside(&authority, &same).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(site.links[0].devices.len(), 2);
    let other = second("protocol = \"modbus-tls\"\ntls = { ca = \"ca.pem\", server_name = \"plc\" }");
    refused(&authority, &other, "device[1].tls", "reached with different `tls`");
    refused(
        &authority,
        &second(""),
        "device[1].protocol |",
        "speaks Modbus over TLS to one device and Modbus TCP",
    );
}

#[test]
fn p8_a_site_without_a_file_reads_no_files() {
    let text = edited(&[("unit = 1", "protocol = \"modbus-tls\"\ntls = { ca = \"ca.pem\" }")]);
    let found = mistakes(&text);
    assert!(found.iter().any(|one| one.message.contains("built-in site can't read")), "{found}");
    assert!(site(&edited(&[])).devices.len() > 1);
}
