//! Mistakes about MQTT devices: formats, times, Sparkplug, Last Wills.

use super::{Case, check};

const TOPIC: &str = "topic = \"plant/sensor\"";

const PUBLISHERS: &[Case<'_>] = &[
    (
        &[(TOPIC, "topic = \"plant/sensor\"\nrebirth = «true")],
        &[&["`rebirth` is for `format = \"sparkplug\"`", "drop it"]],
    ),
    (
        &[(TOPIC, "topic = \"plant/sensor\"\ntime_format = «\"epoch_s\"")],
        &[&["the form of a time that is nowhere", "time = \"/ts\""]],
    ),
    (
        &[(TOPIC, "topic = \"plant/sensor\"\nformat = \"thingsboard\"\ntime = «\"/ts\"")],
        &[&["`time` is for `format = \"json\"`"]],
    ),
    (
        &[(TOPIC, "topic = \"plant/sensor\"\nskew_max = «\"10ms\"")],
        &[&["`10ms` is too short", "at least 1s"]],
    ),
    (
        &[(TOPIC, "topic = \"plant/sensor\"\nformat = \"plain\""), ("pointer = \"/t\"", "pointer = «\"/t\"")],
        &[&["a plain value is the whole message", "drop `pointer`"]],
    ),
    (
        &[
            (TOPIC, "topic = «\"plant/sensor\"\nformat = \"sparkplug\"\nedge = \"g/n\""),
            ("pointer = \"/t\"", "metric = \"T\""),
        ],
        &[&["has the topics of its edge node", "drop `topic`"]],
    ),
    (
        &[
            ("[[device]]\nid = \"sensor\"", "«[[device]]\nid = \"sensor\""),
            (TOPIC, "format = \"sparkplug\""),
            ("pointer = \"/t\"", "metric = \"T\""),
        ],
        &[&["`edge` is missing", "group/node/device"]],
    ),
    (
        &[(TOPIC, "format = \"sparkplug\"\nedge = «\"g/+\""), ("pointer = \"/t\"", "metric = \"T\"")],
        &[&["not a Sparkplug edge node", "without `+` and `#`"]],
    ),
    (
        &[
            (TOPIC, "format = \"sparkplug\"\nedge = \"g/n\"\nwill_topic = «\"x\""),
            ("pointer = \"/t\"", "metric = \"T\""),
        ],
        &[&["`will_topic` is for a device that is not Sparkplug"]],
    ),
    (
        &[(TOPIC, "format = \"sparkplug\"\nedge = \"g/n\""), ("pointer = \"/t\"", "pointer = «\"/t\"")],
        &[&["does not fit how the device's messages are written", "metric = "]],
    ),
    (
        &[
            (TOPIC, "format = \"sparkplug\"\nedge = \"g/n\""),
            ("[[point]]\ndevice = \"sensor\"", "«[[point]]\ndevice = \"sensor\""),
            ("pointer = \"/t\"\n", ""),
        ],
        &[&["`metric` is missing", "where in the message"]],
    ),
    (
        &[("[[point]]\ndevice = \"sensor\"", "«[[point]]\ndevice = \"sensor\""), ("pointer = \"/t\"\n", "")],
        &[&["`pointer` is missing", "where in the message"]],
    ),
    (&[("pointer = \"/t\"", "pointer = «\"/data/[name]/v\"")], &[&["not a JSON Pointer", "/[key=value]"]]),
    (
        &[(TOPIC, "topic = \"plant/sensor\"\nwill_offline = «\"gone\"")],
        &[&["at a topic that is not named", "will_topic"]],
    ),
    (&[(TOPIC, "topic = \"plant/sensor\"\nwill_topic = «\"plant/+\"")], &[&["without wildcards"]]),
    (
        &[(TOPIC, "topic = \"plant/sensor\"\nwill_topic = \"s\"\nwill_online = «\"OFFLINE\"")],
        &[&["the same word", "use two words"]],
    ),
    (
        &[(TOPIC, "topic = \"plant/sensor\"\ntls = «{ ca = \"ca.pem\" }")],
        &[&["`tls` for a connection in the clear", "mqtts"]],
    ),
    (&[("unit = 1", "unit = 1\nwill_topic = «\"s\"")], &[&["`will_topic` is for an MQTT device"]]),
    (
        &[("register = \"input:0\"", "register = \"input:0\"\nmetric = «\"T\"")],
        &[&["`metric` is for an MQTT device"]],
    ),
];

#[test]
fn mistakes_about_publishers_are_found_where_they_are() {
    check(PUBLISHERS);
}
