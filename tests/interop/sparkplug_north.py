"""The gateway as a Sparkplug B edge node at a Mosquitto, heard by a paho client that decodes with the protobuf classes of Eclipse Tahu,
which the gateway shares nothing with."""

import json
import signal
import subprocess
import time

import mqtt_north
from bench import free_port, step, wait_for
from tahutils.tahu import sparkplug_b as tahu
from tahutils.tahu.sparkplug_b import MetricDataType
from tahutils.tahu.sparkplug_b_pb2 import Payload

SITE = """
version = 1
[site]
enterprise = "interop"
gateway = "edge"
name = {{ zh = "互通试验", en = "Interoperability" }}
[console]
enabled = false
[[device]]
id = "skid"
protocol = "mqtt"
url = "mqtt://127.0.0.1:{port}"
topic = "field/data"
silence = "10min"
[[point]]
device = "skid"
signal = "level"
name = "LT-1"
unit = "m"
pointer = "/level"
limits = {{ h = 8.0, on_delay = "0s", off_delay = "0s" }}
[[point]]
device = "skid"
signal = "running"
name = "Run"
pointer = "/running"
[[forward]]
id = "scada"
kind = "mqtt"
version = "{version}"
url = "mqtt://127.0.0.1:{port}"
profile = "sparkplug"
group = "plant"
node = "edge1"
primary_host = "host1"
"""


class Host:
    """A primary host application."""

    def __init__(self, port):
        self.told, self.state = [], 0
        self.client = mqtt_north.client(port, "host1", on_message=self.on_message)
        self.client.subscribe("spBv1.0/plant/#", qos=1)

    def on_message(self, _client, _data, message):
        kind, *rest = message.topic.split("/")[2:]
        if kind != "NCMD":
            payload = Payload()
            payload.ParseFromString(message.payload)
            self.told.append((kind, rest[1] if len(rest) > 1 else None, payload))

    def say(self, online):
        self.state = max(int(time.time() * 1000), self.state + 1)
        state = json.dumps({"online": online, "timestamp": self.state})
        self.client.publish("spBv1.0/STATE/host1", state, qos=1, retain=True).wait_for_publish(10)

    def ask_for_birth(self):
        payload = Payload()
        payload.timestamp = int(time.time() * 1000)
        tahu.addMetric(payload, "Node Control/Rebirth", None, MetricDataType.Boolean, True)
        self.client.publish("spBv1.0/plant/NCMD/edge1", payload.SerializeToString(), qos=0)

    def births(self):
        return [payload for kind, _, payload in self.told if kind == "NBIRTH"]

    def values(self, kind, device, name):
        """What a metric has said, oldest first."""
        found = [m for k, d, p in self.told if (k, d) == (kind, device) for m in p.metrics if m.name == name]
        return [getattr(m, m.WhichOneof("value")) for m in found if m.WhichOneof("value")]


def follow(told):
    """Every message has the next number, a birth the first."""
    expected = 0
    for kind, device, payload in told:
        if kind == "NDEATH":
            assert not payload.HasField("seq"), payload
            continue
        expected = 0 if kind == "NBIRTH" else expected
        assert payload.seq == expected, f"{kind} {device}: {payload.seq} and not {expected}"
        expected = (expected + 1) % 256


def run_version(hazgate, folder, version):
    port = free_port()
    broker = mqtt_north.start_broker(folder, f"edge-{version}", port)
    (folder / "edge.toml").write_text(SITE.format(port=port, version=version))
    host, field = Host(port), mqtt_north.client(port, "field")
    log = open(folder / "edge.log", "ab")
    gateway = subprocess.Popen([hazgate, "run", folder / "edge.toml"], stdout=log, stderr=log)
    try:
        time.sleep(1)
        assert not host.told, "published without its primary host"
        host.say(True)
        wait_for("the node's birth", host.births)

        def feed():
            field.publish("field/data", json.dumps({"level": 9.5, "running": True}), 1).wait_for_publish(10)
            return host.values("DDATA", "skid", "level")

        wait_for("data of the device", feed)
        assert host.values("DDATA", "skid", "level")[-1] == 9.5
        assert host.values("DDATA", "skid", "running")[-1] is True
        born = {m.name: m.datatype for k, d, p in host.told if (k, d) == ("DBIRTH", "skid") for m in p.metrics}
        assert born == {"level": MetricDataType.Double, "running": MetricDataType.Boolean}, born
        wait_for("the alarm's state", lambda: "unacknowledged" in host.values("NDATA", None, "Alarms/skid.level/State"))
        event = json.loads(next(t for t in host.values("NDATA", None, "Events/Alarm") if '"skid.level"' in t))
        assert event["event"] == "raised" and event["value"] == 9.5, event
        names = {m.name for m in host.births()[0].metrics}
        assert {"bdSeq", "Node Control/Rebirth", "Alarms/skid.level/State"} <= names, names
        births = len(host.births())
        host.ask_for_birth()
        wait_for("another birth", lambda: len(host.births()) > births)
        host.say(False)
        wait_for("the death without its host", lambda: host.told[-1][0] == "NDEATH")
        host.say(True)
        wait_for("a birth with its host", lambda: len(host.births()) > births + 1)
        gateway.send_signal(signal.SIGTERM)
        assert gateway.wait(timeout=10) == 0
        wait_for("the death at the end", lambda: host.told[-1][0] == "NDEATH")
        follow(host.told)
        session = lambda payload: next(m.long_value for m in payload.metrics if m.name == "bdSeq")
        assert session(host.told[-1][2]) == session(host.births()[-1]) > session(host.births()[0])
        step(f"a Sparkplug edge node over MQTT {version}: births, data, rebirth, primary host and death, as Tahu decodes them")
    except BaseException:
        print((folder / "edge.log").read_text()[-4000:], [(k, d, p.seq) for k, d, p in host.told])
        raise
    finally:
        for process in (gateway, broker):
            process.kill()


def run(hazgate, folder):
    """The whole flow, in both versions of MQTT."""
    for version in ("3.1.1", "5"):
        place = folder / version
        place.mkdir()
        run_version(hazgate, place, version)


if __name__ == "__main__":
    import pathlib
    import sys
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        run(str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(folder))
