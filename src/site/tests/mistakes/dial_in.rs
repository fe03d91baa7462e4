//! Mistakes about devices that dial in.

use super::{Case, check};

const ADDRESS: &str = "address = \"10.0.0.5:502\"\n";
const LISTEN: &str = "listen = \"0.0.0.0:9000\"\nregistration = \"DTU-1\"\n";

const CASES: &[Case<'_>] = &[
    (
        &[
            ("[[device]]\nid = \"plc\"", "«[[device]]\nid = \"plc\""),
            (ADDRESS, "listen = \"0.0.0.0:9000\"\n"),
        ],
        &[&["`registration` is missing", "DTU-0001"]],
    ),
    (
        &[("[[device]]\nid = \"plc\"", "«[[device]]\nid = \"plc\""), (ADDRESS, "registration = \"DTU-1\"\n")],
        &[&["`listen` is missing", "0.0.0.0:9000"]],
    ),
    (
        &[(ADDRESS, "address = «\"10.0.0.5:502\"\nlisten = \"0.0.0.0:9000\"\nregistration = \"DTU-1\"\n")],
        &[&["a device that dials in can't be called as well", "drop `address`"]],
    ),
    (
        &[(ADDRESS, "listen = «\"localhost:9000\"\nregistration = \"DTU-1\"\n")],
        &[&["`localhost:9000` is not an address to listen on", "0.0.0.0:9000"]],
    ),
    (
        &[(ADDRESS, "listen = \"0.0.0.0:9000\"\nregistration = «\"\"\n")],
        &[&["there is nothing in it", "hex:68 01 FF"]],
    ),
    (
        &[(ADDRESS, "listen = \"0.0.0.0:9000\"\nregistration = «\"hex:6\"\n")],
        &[&["`6` is not pairs of hexadecimal digits"]],
    ),
    (
        &[(
            ADDRESS,
            "protocol = \"modbus-rtu-over-tcp\"\nlisten = \"0.0.0.0:9000\"\nregistration = \"DTU-1\"\nheartbeat = «\"hex:01 03\"\n",
        )],
        &[&["an answer of unit 1 may begin with `hex:01 03`", "another one"]],
    ),
    (
        &[(ADDRESS, "listen = \"0.0.0.0:9000\"\nregistration = «\"it\"\n")],
        &[&["an answer of unit 1 may begin with `it`"]],
    ),
    (
        &[(ADDRESS, "listen = \"0.0.0.0:9000\"\nregistration = \"DTU-1\"\nheartbeat = «\"hi\"\n")],
        &[&["an answer of unit 1 may begin with `hi`"]],
    ),
    (
        &[(ADDRESS, "listen = \"0.0.0.0:9000\"\nregistration = \"DTU-1\"\nheartbeat = «\"DTU-\"\n")],
        &[&["of `registration` and `heartbeat` one begins with the other"]],
    ),
    (
        &[
            (ADDRESS, LISTEN),
            (
                "# end",
                "[[device]]\nid = \"m2\"\ntemplate = \"rs-ws-n01\"\nprotocol = \"modbus-tcp\"\nunit = 2\nlisten = \"0.0.0.0:9000\"\nregistration = «\"DTU-12\"",
            ),
        ],
        &[&[
            "of the registrations `DTU-12` and `DTU-1` at 0.0.0.0:9000 one begins with the other",
            "site.toml:",
        ]],
    ),
    (
        &[
            (ADDRESS, LISTEN),
            (
                "# end",
                "[[device]]\nid = \"m2\"\ntemplate = \"rs-ws-n01\"\nunit = 2\nlisten = \"0.0.0.0:9000\"\nregistration = \"DTU-1\"\nprotocol = «\"modbus-rtu-over-tcp\"",
            ),
        ],
        &[&["speaks Modbus TCP to one device and RTU frames to another"]],
    ),
    (
        &[
            (ADDRESS, LISTEN),
            (
                "# end",
                "[[device]]\nid = \"m2\"\ntemplate = \"rs-ws-n01\"\nprotocol = \"modbus-tcp\"\nunit = 2\nlisten = \"0.0.0.0:9000\"\nregistration = \"DTU-1\"\nheartbeat = «\"ping\"",
            ),
        ],
        &[&["the devices behind `DTU-1` are to have different heartbeats", "the same `heartbeat`"]],
    ),
    (
        &[
            (ADDRESS, LISTEN),
            (
                "# end",
                "[[device]]\nid = \"m2\"\ntemplate = \"rs-ws-n01\"\nprotocol = \"modbus-tcp\"\nlisten = \"0.0.0.0:9000\"\nregistration = \"DTU-1\"\nunit = «1",
            ),
        ],
        &[&["unit 1 at 0.0.0.0:9000 is two devices"]],
    ),
    (
        &[("unit = 1", "protocol = \"modbus-tls\"\ntls = «{ ca = \"x.pem\" }\nheartbeat = «\"ping\"")],
        &[&["can't read files"], &["`heartbeat` is for `modbus-tcp` and `modbus-rtu-over-tcp`"]],
    ),
    (
        &[("topic = \"plant/sensor\"", "topic = \"plant/sensor\"\nlisten = «\"0.0.0.0:9000\"")],
        &[&["`listen` is for a Modbus device"]],
    ),
    (
        &[
            ("# end", "[console]\nlisten = \"127.0.0.1:9000\""),
            (ADDRESS, "listen = «\"127.0.0.1:9000\"\nregistration = \"DTU-1\"\n"),
        ],
        &[&["the console listens on 127.0.0.1:9000"]],
    ),
];

#[test]
fn of_devices_that_dial_in() {
    check(CASES);
}
