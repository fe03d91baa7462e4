"""Field side over MQTT: Mosquitto behind TLS that asks for client certificates, a Sparkplug edge node whose payloads Eclipse Tahu
encodes, and a paho publisher of lists that leaves a Last Will. The centre is at the same broker, by the same certificates."""

import json
import subprocess
import time

import paho.mqtt.client as mqtt
from bench import certificates, free_port, step, wait_for
from tahutils.tahu import sparkplug_b as tahu
from tahutils.tahu.sparkplug_b import MetricDataType
from tahutils.tahu.sparkplug_b_pb2 import Payload

SITE = """
version = 1
[site]
enterprise = "interop"
gateway = "south"
name = {{ zh = "互通试验", en = "Interoperability" }}
[console]
enabled = false
[[device]]
id = "skid"
protocol = "mqtt"
url = "mqtts://localhost:{port}"
tls = {{ ca = "ca.pem", certificate = "gw.pem", key = "gw.key" }}
format = "sparkplug"
edge = "plant/edge1/skid"
silence = "1min"
rebirth = true
[[point]]
device = "skid"
signal = "pressure"
name = "PT-1"
unit = "kPa"
metric = "Process/Pressure"
[[point]]
device = "skid"
signal = "count"
name = "Count"
metric = "Process/Count"
[[device]]
id = "gas"
protocol = "mqtt"
url = "mqtts://localhost:{port}"
tls = {{ ca = "ca.pem", certificate = "gw.pem", key = "gw.key" }}
topic = "gas/1/data"
time = "/ts"
will_topic = "gas/1/status"
silence = "1min"
[[point]]
device = "gas"
signal = "h2s"
name = "GT-1"
unit = "ppm"
pointer = "/data/[name=h2s]/value"
[[forward]]
id = "centre"
kind = "mqtt"
url = "mqtts://localhost:{port}"
tls = {{ ca = "ca.pem", certificate = "gw.pem", key = "gw.key" }}
"""


def start_broker(folder, port):
    (folder / "south.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nrequire_certificate true\nuser root\n"
        f"cafile {folder}/ca.pem\ncertfile {folder}/localhost.pem\nkeyfile {folder}/localhost.key\n"
    )
    log = open(folder / "south-broker.log", "ab")
    return subprocess.Popen(["mosquitto", "-c", folder / "south.conf"], stdout=log, stderr=log)


def client(folder, port, name, will=None):
    one = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name)
    one.tls_set(f"{folder}/ca.pem", f"{folder}/field.pem", f"{folder}/field.key")
    if will:
        one.will_set(*will, qos=1, retain=True)
    one.connect("localhost", port)
    one.loop_start()
    return one


def enters(folder, port):
    try:
        client(folder, port, "first").disconnect()
        return True
    except OSError:
        return False


class Edge:
    """An edge node whose payloads Tahu encodes."""

    def __init__(self, client):
        self.client, self.seq = client, 0

    def say(self, kind, *metrics, device="/skid"):
        payload = Payload()
        payload.timestamp, payload.seq = int(time.time() * 1000), self.seq
        self.seq = (self.seq + 1) % 256
        for metric in metrics:
            tahu.addMetric(payload, *metric)
        self.client.publish(f"spBv1.0/plant/{kind}/edge1{device}", payload.SerializeToString(), qos=0)

    def birth(self):
        self.seq = 0
        self.say("NBIRTH", ("bdSeq", None, MetricDataType.Int64, 0), device="")
        pressure = ("Process/Pressure", 1, MetricDataType.Float, 101.5)
        self.say("DBIRTH", pressure, ("Process/Count", 2, MetricDataType.Int16, -5))


def run(hazgate, folder):
    """The whole flow."""
    port = free_port()
    certificates(folder, "ca", "localhost", "gw", "field")
    broker = start_broker(folder, port)
    wait_for("mosquitto lets a client in", lambda: enters(folder, port))
    (folder / "south.toml").write_text(SITE.format(port=port))
    data, devices, commands = {}, {}, []

    def heard(_client, _userdata, message):
        levels = message.topic.split("/")
        if message.topic.startswith("spBv1.0/"):
            commands.append(message.payload)
        elif levels[-2] == "data":
            data.setdefault(levels[-1], {}).update(json.loads(message.payload)["values"])
        elif levels[-2] == "device":
            devices[levels[-1]] = json.loads(message.payload)

    field = client(folder, port, "field", will=("gas/1/status", "offline"))
    centre = client(folder, port, "centre")
    centre.on_message = heard
    for topic in ("hazgate/v1/interop/south/#", "spBv1.0/plant/NCMD/edge1"):
        centre.subscribe(topic, qos=1)
    edge = Edge(field)
    log = open(folder / "south.log", "ab")
    gateway = subprocess.Popen([hazgate, "run", folder / "south.toml"], stdout=log, stderr=log)
    try:
        wait_for("a rebirth request of a gateway that has heard no birth", lambda: commands)
        assert b"Node Control/Rebirth" in commands[0], commands
        edge.birth()
        wait_for("the birth's values", lambda: data.get("skid", {}).get("pressure") == 101.5)
        assert data["skid"]["count"] == -5, data
        edge.say("DDATA", (None, 2, MetricDataType.Int16, -6))
        wait_for("a value by alias", lambda: data["skid"]["count"] == -6)
        step("Sparkplug payloads of Tahu come through Mosquitto with TLS and client certificates; a rebirth is asked for")
        edge.say("DDEATH")
        wait_for("the device's death", lambda: devices["skid"]["state"] == "down")
        assert "DDEATH" in devices["skid"]["error"]["en"], devices["skid"]
        step("a Sparkplug device's death takes it down")
        now = time.time()
        field.publish("gas/1/data", json.dumps({"ts": now, "data": [{"name": "co", "value": 9}, {"name": "h2s", "value": 3.5}]}), 1)
        wait_for("the picked value", lambda: data.get("gas", {}).get("h2s") == 3.5)
        field.publish("gas/1/data", '{"ts": 1, "data": ]', 1)
        wait_for("the malformed message", lambda: "at line 1 column" in ((devices["gas"]["error"] or {}).get("en") or ""))
        assert "gas/1/data" in devices["gas"]["error"]["zh"], devices["gas"]
        step("items are picked by name; a malformed message is told with its topic and place")
        field.socket().shutdown(2)
        wait_for("the Last Will", lambda: "Last Will" in ((devices["gas"]["error"] or {}).get("en") or ""))
        assert devices["gas"]["state"] == "down"
        step("a Last Will that Mosquitto publishes takes its device down")
    except BaseException:
        print((folder / "south.log").read_text()[-4000:], data, devices)
        raise
    finally:
        for process in (gateway, broker):
            process.kill()
