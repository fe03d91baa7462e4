//! Mistakes about devices, links and registers.

use super::{Case, check};

const DEVICES: &[Case<'_>] = &[
    (
        &[("[[device]]\nid = \"plc\"", "«[[device]]\nid = \"plc\""), ("address = \"10.0.0.5:502\"\n", "")],
        &[&["`address` is missing", "10.0.0.5:502"]],
    ),
    (
        &[("10.0.0.5:502", "10.0.0.5"), ("address = \"", "address = «\"")],
        &[&["the port is missing in `10.0.0.5`", "host:port"]],
    ),
    (&[("address = \"10.0.0.5:502\"", "address = «\"10.0.0.5:70000\"")], &[&["`70000` is not a port"]]),
    (
        &[("address = \"10.0.0.5:502\"", "address = «\"tcp://10.0.0.5:502\"")],
        &[&["URL where host:port is expected"]],
    ),
    (&[("address = \"10.0.0.5:502\"", "address = «\"10.0.0 5:502\"")], &[&["not a host name"]]),
    (
        &[("unit = 1", "protocol = \"modbus-rtu-over-tcp\"\nunit = «248")],
        &[&["unit 248 is not a device on a bus", "1 to 247"]],
    ),
    (
        &[
            ("[[device]]\nid = \"plc\"", "«[[device]]\nid = \"plc\""),
            ("address = \"10.0.0.5:502\"\n", "protocol = \"modbus-rtu\"\n"),
        ],
        &[&["`port` is missing", "/dev/ttyS1"]],
    ),
    (
        &[("address = \"10.0.0.5:502\"\n", "protocol = \"modbus-rtu\"\nport = «\"COM3\"\n")],
        &[&["`COM3` is not a serial port", "whole path"]],
    ),
    (
        &[(
            "address = \"10.0.0.5:502\"\n",
            "protocol = \"modbus-rtu\"\nport = \"/dev/ttyS1\"\nstop_bits = «3\n",
        )],
        &[&["3 is out of bounds", "1 to 2"]],
    ),
    (
        &[
            ("address = \"10.0.0.5:502\"", "address = «\"10.0.0.5:502\"\nport = \"/dev/ttyS1\""),
            ("unit = 1", "protocol = \"modbus-rtu\""),
        ],
        &[&["`address` is for a device on the network"]],
    ),
    (&[("unit = 1", "unit = 1\nbaud = «9600")], &[&["`baud` is for `modbus-rtu`"]]),
    (
        &[
            (
                "address = \"10.0.0.5:502\"\n",
                "protocol = \"modbus-rtu\"\nport = \"/dev/ttyS1\"\nparity = \"even\"\n",
            ),
            (
                "# end",
                "[[device]]\nid = \"m2\"\ntemplate = \"rs-ws-n01\"\nport = \"/dev/ttyS1\"\nunit = 2\nprotocol = \"modbus-rtu\"\nparity = «\"odd\"",
            ),
        ],
        &[&[
            "/dev/ttyS1 is to run at 9600 8E1 for one device and at 9600 8O1",
            "site.toml:15:10",
            "the same `baud`",
        ]],
    ),
    (&[("unit = 1", "poll = «\"10ms\"")], &[&["`10ms` is too short", "at least 50ms"]]),
    (&[("unit = 1", "timeout = «\"0s\"")], &[&["`0s` is no time to wait", "1min"]]),
    (&[("unit = 1", "pause = «\"1s\"")], &[&["leaves no time to poll every 1s"]]),
    (
        &[("unit = 1", "poll = \"50ms\"\ntimeout = «\"60s\"")],
        &[&["timeout of 1min is longer than from one poll to the next, 50ms", "at most `poll`"]],
    ),
    (&[("unit = 1", "timeout = «\"1001ms\"")], &[&["longer than from one poll to the next, 1s"]]),
    (&[("unit = 1", "unit = 1\ntopic = «\"a/b\"")], &[&["`topic` is for an MQTT device"]]),
    (
        &[("topic = \"plant/sensor\"", "topic = \"plant/sensor\"\nunit = «1")],
        &[&["`unit` is for a Modbus device"]],
    ),
    (
        &[("topic = \"plant/sensor\"", "topic = «\"plant/#/x\"")],
        &[&["not an MQTT topic filter", "`#` only for the last"]],
    ),
    (&[("topic = \"plant/sensor\"", "topic = \"a\"\nsilence = «\"10ms\"")], &[&["too short", "at least 1s"]]),
    (
        &[
            ("[[device]]\nid = \"sensor\"", "««[[device]]\nid = \"sensor\""),
            ("url = \"mqtt://10.0.0.9:1883\"\ntopic = \"plant/sensor\"\n", ""),
        ],
        &[&["`topic` is missing"], &["`url` is missing", "mqtt://"]],
    ),
    (
        &[("url = \"mqtt://10.0.0.9:1883\"\ntopic", "url = «\"http://10.0.0.9:1883\"\ntopic")],
        &[&["`http` can't be spoken", "mqtt://host:1883"]],
    ),
    (
        &[("url = \"mqtt://10.0.0.9:1883\"\ntopic", "url = «\"mqtt://10.0.0.9\"\ntopic")],
        &[&["the port is missing", "mqtt://host:1883"]],
    ),
    (&[("url = \"mqtt://10.0.0.9:1883\"\ntopic", "url = «\"10.0.0.9\"\ntopic")], &[&["not a URL"]]),
    (
        &[("url = \"mqtt://10.0.0.9:1883\"\ntopic", "url = «\"mqtt://me:pw@10.0.0.9:1883\"\ntopic")],
        &[&["credentials stand in the URL"]],
    ),
    (
        &[("url = \"mqtt://10.0.0.9:1883\"\ntopic", "url = «\"mqtt://10.0.0.9:1883/x\"\ntopic")],
        &[&["ends after the port"]],
    ),
    (
        &[
            ("unit = 1", "protocol = \"modbus-tcp\""),
            (
                "# end",
                "[[device]]\nid = \"m2\"\ntemplate = \"rs-ws-n01\"\naddress = \"10.0.0.5:502\"\nunit = 2\nprotocol = «\"modbus-rtu-over-tcp\"",
            ),
        ],
        &[&["speaks Modbus TCP to one device and RTU frames to another", "site.toml:14:12"]],
    ),
    (
        &[(
            "# end",
            "[[device]]\nid = \"m2\"\ntemplate = \"rs-ws-n01\"\naddress = \"10.0.0.5:502\"\nunit = «1",
        )],
        &[&["unit 1 at 10.0.0.5:502 is two devices", "site.toml:14:8"]],
    ),
    (
        &[("# end", "[[device]]\nid = «\"lonely\"\naddress = \"10.0.0.6:502\"")],
        &[&["device `lonely` has no points", "template"]],
    ),
    (
        &[("# end", "[console]\nlisten = «\"0.0.0.0:8080\"")],
        &[&["would listen to other machines", "only loopback"]],
    ),
    (&[("# end", "[broker]\nlisten = «\"192.168.0.1:1883\"")], &[&["would listen to other machines"]]),
    (
        &[("# end", "[broker]\nlisten = «\"localhost\"")],
        &[&["not an address to listen on", "127.0.0.1:8080"]],
    ),
    (&[("# end", "[broker]\nlisten = «\"127.0.0.1:8080\"")], &[&["console and broker both listen"]]),
    (
        &[("name = \"Plant 1\"", "name = \"x\"\ntimezone = «\"Asia/Peking\"")],
        &[&["not a time zone", "Asia/Shanghai"]],
    ),
    (&[("# end", "[store]\ntelemetry_mb_max = «0")], &[&["0 is out of bounds"]]),
];

#[test]
fn p8_devices_and_links_fit_together() {
    check(DEVICES);
}

const BROKERS: &[Case<'_>] = &[
    (
        &[("topic = \"plant/sensor\"", "topic = «\"#\"")],
        &[&[
            "`#` takes in what the gateway itself sends to 10.0.0.9:1883",
            "leaves out hazgate/v1/acme/gw1/#",
        ]],
    ),
    (
        &[("topic = \"plant/sensor\"", "topic = «\"hazgate/v1/acme/+/data/plc\"")],
        &[&["takes in what the gateway itself sends", "site.toml:53:7"]],
    ),
    (
        &[
            (
                "url = \"mqtt://10.0.0.9:1883\"\ntopic = \"plant/sensor\"",
                "url = \"mqtt://localhost:9\"\ntopic = «\"+/#\"",
            ),
            ("url = \"mqtt://10.0.0.9:1883\"\nusername", "url = \"mqtt://127.0.0.1:9\"\nusername"),
        ],
        &[&["takes in what the gateway itself sends"]],
    ),
    (
        &[("# end", "[[forward]]\nid = \"twin\"\nkind = \"mqtt\"\nurl = «\"mqtt://10.0.0.9:1883\"")],
        &[&["10.0.0.9:1883 is a destination already", "site.toml:53:7", "drop one"]],
    ),
    (
        &[(
            "username = \"gw1\"",
            "standby = [\"mqtt://10.0.0.8:1883\", «\"mqtt://10.0.0.9:1883\"]\nusername = \"gw1\"",
        )],
        &[&["10.0.0.9:1883 is a destination already", "cannot stand by for itself"]],
    ),
    (
        &[(
            "# end",
            "[[forward]]\nid = \"twin\"\nkind = \"mqtt\"\nurl = \"mqtt://10.0.0.8:1\"\nstandby = [«\"mqtt://10.0.0.9:1883\"]",
        )],
        &[&["10.0.0.9:1883 is a destination already", "drop one"]],
    ),
    (&[("username = \"gw1\"", "version = «\"4\"\nusername = \"gw1\"")], &[&["3.1.1"]]),
    (
        &[("username = \"gw1\"", "standby = [«\"http://10.0.0.8:1883\"]\nusername = \"gw1\"")],
        &[&["`http` can't be spoken here"]],
    ),
];

#[test]
fn p2_the_gateway_never_hears_itself_nor_talks_over_itself() {
    check(BROKERS);
}

const REGISTERS: &[Case<'_>] = &[
    (
        &[
            (
                "[[point]]\ndevice = \"plc\"\nsignal = \"gas\"",
                "«[[point]]\ndevice = \"plc\"\nsignal = \"gas\"",
            ),
            ("register = \"input:0\"\n", ""),
        ],
        &[&["`register` is missing", "holding:40"]],
    ),
    (
        &[("register = \"input:0\"", "register = «\"inputs:0\"")],
        &[&["`inputs` is not a table", "did you mean `input`"]],
    ),
    (&[("register = \"input:0\"", "register = «\"40001\"")], &[&["`40001` is not a register"]]),
    (
        &[("register = \"input:0\"", "register = «\"input:70000\"")],
        &[&["address 70000 is out of range", "0 to 65535"]],
    ),
    (
        &[("register = \"holding:40\"", "register = «\"holding:65535\"")],
        &[&["ends beyond the table", "last address for it is 65534"]],
    ),
    (&[("register = \"input:0\"", "register = «\"input:65536\"")], &[&["ends beyond the table", "65535"]]),
    (
        &[("unit = 1", "address_base = 1"), ("register = \"input:0\"", "register = «\"input:0\"")],
        &[&["address 0 does not exist", "1 to 65536"]],
    ),
    (&[("register = \"input:0\"", "register = \"coil:0\"\ntype = «\"u16\"")], &[&["hold bits only"]]),
    (&[("register = \"input:0\"", "register = \"coil:0\"\nbit = «1")], &[&["are bits already"]]),
    (
        &[("register = \"input:0\"", "register = \"input:0\"\ntype = «\"bit\"")],
        &[&["sixteen bits", "bit = 0"]],
    ),
    (
        &[("register = \"input:0\"", "register = \"input:0\"\ntype = \"u16\"\nbit = «3")],
        &[&["`bit` goes with"]],
    ),
    (
        &[("register = \"input:0\"", "register = \"input:0\"\nbit = «16")],
        &[&["16 is out of bounds", "0 to 15"]],
    ),
    (
        &[("register = \"input:0\"", "register = \"input:0\"\nbyte_order = «\"ACBD\"")],
        &[&["`ACBD`", "\"CDAB\""]],
    ),
    (&[("register = \"input:0\"", "register = \"input:0\"\nscale = «0")], &[&["scale of 0"]]),
    (
        &[("register = \"input:0\"", "register = \"input:0\"\npointer = «\"/x\"")],
        &[&["`pointer` is for an MQTT device"]],
    ),
    (
        &[("pointer = \"/t\"", "pointer = \"/t\"\nregister = «\"input:0\"")],
        &[&["`register` is for a Modbus device"]],
    ),
    (&[("pointer = \"/t\"", "pointer = «\"t\"")], &[&["not a JSON Pointer", "begin with `/`"]]),
    (&[("pointer = \"/t\"", "pointer = «\"/a~2\"")], &[&["not a JSON Pointer", "~0"]]),
    (
        &[("[[point]]\ndevice = \"sensor\"", "«[[point]]\ndevice = \"sensor\""), ("pointer = \"/t\"\n", "")],
        &[&["`pointer` is missing"]],
    ),
    (
        &[("[[point]]\ndevice = \"sensor\"", "«[[point]]\ndevice = \"sensor\""), ("name = \"TT-1\"\n", "")],
        &[&["`name` is missing", "zh"]],
    ),
    (
        &[("register = \"input:0\"", "register = \"input:0\"\nmax_age = «\"500ms\"")],
        &[&["`500ms` is not longer than", "several poll intervals"]],
    ),
    (
        &[("register = \"input:0\"", "register = \"input:0\"\nmax_age = «\"1s\"")],
        &[&["`1s` is not longer than"]],
    ),
    (
        &[("register = \"input:0\"", "register = \"input:0\"\npoll = «\"49ms\"")],
        &[&["`49ms` is too short", "at least 50ms"]],
    ),
    (
        &[("pointer = \"/t\"", "pointer = \"/t\"\npoll = «\"1s\"")],
        &[&["`poll` is for a Modbus device", "`max_age`"]],
    ),
    (&[("pointer = \"/t\"", "pointer = \"/t\"\nmax_age = «\"0s\"")], &[&["`0s` is not longer than"]]),
    (
        &[(
            "# end",
            "[[device]]\nid = \"th\"\ntemplate = \"rs-ws-n01\"\naddress = \"10.0.0.6:502\"\n[[point]]\ndevice = \"th\"\nsignal = \"humidity\"\nrange = «[100, 0]",
        )],
        &[&["the range [100, 0] is empty"]],
    ),
];

#[test]
fn p8_registers_are_in_their_table_and_types_fit() {
    check(REGISTERS);
}
