//! `tls = { … }`: that its files are there, can be read, and fit each other.

use super::Context;
use crate::site::raw::RawTls;
use crate::site::source::Place;
use crate::tls::{self, Item, TlsOptions};

/// The encryption that `raw` asks for; `place` gives the place of `tls`, or of a key in it such as `tls.ca`. None, and mistakes,
/// if it can't be had.
pub(super) fn check(
    raw: &RawTls,
    place: &dyn Fn(&str) -> Place,
    context: &mut Context<'_>,
) -> Option<TlsOptions> {
    let base = context.vault.base;
    if base.is_none() {
        context.findings.add(place("tls"), "the built-in site can't read files");
        return None;
    }
    let file = |name: &Option<String>| Some(base?.join(name.as_ref()?));
    let options = TlsOptions {
        ca: file(&raw.ca),
        certificate: file(&raw.certificate),
        key: file(&raw.key),
        server_name: raw.server_name.clone(),
    };
    let named =
        options.server_name.as_deref().map_or(Ok(()), |name| tls::server_name(&options, name).map(drop));
    for error in [named.err(), tls::client(&options).err()].into_iter().flatten() {
        let key = format!("tls.{}", error.item.name());
        context.findings.add(place(&key), error.reason).hint(hint(error.item));
    }
    Some(options)
}

fn hint(item: Item) -> &'static str {
    match item {
        Item::Ca => "name a PEM file of certificates; a path is relative to the site file",
        Item::Certificate | Item::Key => {
            "name the PEM files of a certificate and of its key, both or neither"
        }
        Item::ServerName => "write a host name or an IP address",
    }
}
