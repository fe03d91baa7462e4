//! Who a unit says it is: device identification (function 43/14), or else its server id (function 17).

use tokio_modbus::prelude::ReadCode;
use tokio_modbus::{Request, Response};

use crate::model::limits::PROBE_IDENTITY_CHARS_MAX;

/// Who a unit says it is. At least one of the texts is not empty; all are printable and short.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// Who made it.
    pub vendor: String,
    /// What it is.
    pub product: String,
    /// Which revision.
    pub revision: String,
}

/// A request, and how its answer is read.
type Way = (Request<'static>, fn(Response) -> Option<Identity>);

/// The ways to ask.
pub(super) const WAYS: [Way; 2] = [
    (Request::ReadDeviceIdentification(ReadCode::Basic, 0), by_identification),
    (Request::ReportServerId, by_server_id),
];

fn by_identification(response: Response) -> Option<Identity> {
    let Response::ReadDeviceIdentification(response) = response else { return None };
    let object = |id| {
        let found = response.device_id_objects.iter().find(|object| object.id == id);
        found.map_or_else(String::new, |object| printable(&object.value))
    };
    some(Identity { vendor: object(0), product: object(1), revision: object(2) })
}

/// A server id is whatever its maker likes: mostly text, with some bytes of other meaning about it.
fn by_server_id(response: Response) -> Option<Identity> {
    let Response::ReportServerId(id, _, data) = response else { return None };
    let text = printable(&[&[id], data.as_slice()].concat());
    some(Identity { product: text, ..Identity::default() })
}

fn some(identity: Identity) -> Option<Identity> {
    (identity != Identity::default()).then_some(identity)
}

/// What can be read of bytes that ought to be text.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let shown = |c: &char| !c.is_control() && *c != char::REPLACEMENT_CHARACTER;
    let text: String = text.chars().filter(shown).take(PROBE_IDENTITY_CHARS_MAX).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_id_is_shown_without_what_cannot_be_shown() {
        let response = Response::ReportServerId(0x11, true, b"\x02DTSD1352 V1.2\0\x1b[2J".to_vec());
        let identity = by_server_id(response).unwrap();
        assert_eq!(identity.product, "DTSD1352 V1.2[2J");
        assert_eq!(by_server_id(Response::ReportServerId(1, true, vec![0, 1])), None);
        assert_eq!(by_identification(Response::ReportServerId(1, true, vec![b'a'])), None);
    }
}
