#!/usr/bin/env python3
"""Interoperability: Hazgate against programs that nobody here wrote.

Field side: two pymodbus servers (Modbus TCP, and RTU frames over TCP) that the gateway polls, and a pymodbus client that
reads `hazgate simulate`; over serial lines, TLS and with libmodbus what stands in modbus_south.py; behind a DTU that
dials in what stands in dial_in.py; over MQTT what stands in mqtt_south.py. Centre side: over MQTT 5 what stands in mqtt_north.py, by Sparkplug B
what stands in sparkplug_north.py; Mosquitto with a password, which is killed and started again in the flow, a paho subscriber that holds every
message against docs/schemas, VictoriaMetrics behind `/api/v2/write`, and what stands in influx_old.py.

    interop.py HAZGATE      exit 0 if every step held; every server on a free port of loopback
"""

import asyncio
import json
import os
import pathlib
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import bench
import dial_in
import influx_old
import jsonschema
import modbus_south
import mqtt_north
import mqtt_south
import paho.mqtt.client as mqtt
import sparkplug_north
from bench import PATIENCE_S, free_port, listening, step, wait_for
from pymodbus import FramerType
from pymodbus.client import ModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

PROJECT = pathlib.Path(__file__).resolve().parents[2]
ROOT = "hazgate/v1/interop/gw1"
# In no word of any message.
WRONG_PASSWORD = "qzx-7391"


class Field(threading.Thread):
    """The two pymodbus servers, in a thread of their own."""

    def __init__(self):
        super().__init__(daemon=True)
        self.tcp, self.rtu = free_port(), free_port()

    def run(self):
        asyncio.run(self.serve())

    async def serve(self):
        registers = [SimData(address=0, count=100, values=0, datatype=DataType.REGISTERS)]
        servers = [
            ModbusTcpServer(SimDevice(id=1, simdata=registers), framer=FramerType.SOCKET, address=("127.0.0.1", self.tcp)),
            ModbusTcpServer(SimDevice(id=7, simdata=registers), framer=FramerType.RTU, address=("127.0.0.1", self.rtu)),
        ]
        await asyncio.gather(*(server.serve_forever() for server in servers))

    def write(self, address, *values):
        self._write(ModbusTcpClient("127.0.0.1", port=self.tcp), 1, address, values)

    def write_rtu(self, address, *values):
        self._write(ModbusTcpClient("127.0.0.1", port=self.rtu, framer=FramerType.RTU), 7, address, values)

    @staticmethod
    def _write(client, unit, address, values):
        assert client.connect()
        answer = client.write_registers(address, list(values), device_id=unit)
        assert not answer.isError(), answer
        client.close()


class Mosquitto:
    def __init__(self, folder):
        self.port, self.folder = free_port(), folder
        passwords = folder / "passwords"
        subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "gw1", "right"], check=True)
        # Sessions are kept over a kill: what reaches the broker before the centre has returned must wait for it.
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nuser root\n"
            f"persistence true\npersistence_location {folder}/\nautosave_on_changes true\nautosave_interval 1\n"
        )
        passwords.chmod(0o600)
        self.start()

    def start(self):
        log = open(self.folder / "mosquitto.log", "ab")
        self.process = subprocess.Popen(["mosquitto", "-c", self.folder / "mosquitto.conf"], stdout=log, stderr=log)
        wait_for("mosquitto listens", lambda: listening(self.port))

    def kill(self):
        self.process.kill()
        self.process.wait()


class Centre:
    """An independent subscriber; every message is held against its schema."""

    def __init__(self, broker):
        self.schemas = {path.stem: json.loads(path.read_text()) for path in (PROJECT / "docs/schemas").glob("*.json")}
        assert self.schemas, "no schemas in docs/schemas"
        self.retained, self.events, self.data, self.replies = {}, [], [], queue.Queue()
        self.wrong, self.kinds = [], set()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="centre", clean_session=False)
        self.client.username_pw_set("gw1", "right")
        self.client.reconnect_delay_set(0.05, 0.2)
        self.client.on_connect = lambda client, *_: client.subscribe(f"{ROOT}/#", qos=1)
        self.client.on_message = self.on_message
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()

    def on_message(self, _client, _data, message):
        topic = message.topic.removeprefix(ROOT + "/")
        if topic == "cmd":
            return
        payload = json.loads(message.payload) if message.payload else None
        kind = {"alarm/event": "alarm-event", "cmd/reply": "reply"}.get(topic)
        kind = kind or ("alarm-current" if topic.startswith("alarm/current/") else topic.split("/")[0])
        self.kinds.add(kind)
        if payload is not None:
            try:
                jsonschema.validate(payload, self.schemas[kind])
            except (KeyError, jsonschema.ValidationError) as error:
                self.wrong.append(f"{topic}: {error}")
        if topic == "alarm/event":
            self.events.append(payload)
        elif topic == "cmd/reply":
            self.replies.put(payload)
        elif topic.startswith("data/"):
            self.data.append(payload)
        else:
            self.retained[topic] = payload

    def command(self, **fields):
        self.client.publish(f"{ROOT}/cmd", json.dumps(fields), qos=1).wait_for_publish(PATIENCE_S)
        return self.replies.get(timeout=PATIENCE_S)

    def event(self, alarm, kind):
        return next((e for e in self.events if e["alarm"] == alarm and e["event"] == kind), None)


SITE = """
version = 1
[site]
enterprise = "interop"
gateway = "gw1"
name = {{ zh = "互通试验", en = "Interoperability" }}
[console]
listen = "127.0.0.1:{console}"
[[hazard]]
id = "tank1"
kind = "tank_farm"
name = {{ zh = "一号罐", en = "Tank 1" }}
[[device]]
id = "plc"
name = {{ zh = "罐区控制器", en = "Tank controller" }}
hazard = "tank1"
protocol = "modbus-tcp"
address = "127.0.0.1:{tcp}"
poll = "200ms"
[[point]]
device = "plc"
signal = "level"
name = {{ zh = "液位", en = "Level" }}
unit = "m"
range = [0, 12]
register = "holding:10"
type = "i16"
scale = 0.01
limits = {{ h = 8.0, hh = 9.0, deadband = 0.2 }}
[[point]]
device = "plc"
signal = "temperature"
name = {{ zh = "温度", en = "Temperature" }}
unit = "°C"
register = "holding:20"
type = "f32"
byte_order = "CDAB"
[[device]]
id = "meter"
name = {{ zh = "电能表", en = "Meter" }}
hazard = "tank1"
protocol = "modbus-rtu-over-tcp"
address = "127.0.0.1:{rtu}"
unit = 7
poll = "200ms"
[[point]]
device = "meter"
signal = "power"
name = {{ zh = "功率", en = "Power" }}
unit = "kW"
register = "holding:30"
type = "u32"
scale = 0.001
[[forward]]
id = "centre"
kind = "mqtt"
url = "mqtt://127.0.0.1:{mqtt}"
username = "gw1"
password = {{ env = "CENTRE_PASSWORD" }}
[[forward]]
id = "history"
kind = "influx"
url = "http://127.0.0.1:{influx}"
org = "park"
bucket = "plant"
token = {{ env = "INFLUX_TOKEN" }}
"""


def start_gateway(hazgate, folder, password="right"):
    environment = dict(os.environ, CENTRE_PASSWORD=password, INFLUX_TOKEN="token")
    log = open(folder / "hazgate.log", "ab")
    return subprocess.Popen([hazgate, "run", folder / "site.toml"], env=environment, stdout=log, stderr=log)


def series(port, name):
    """Every sample of a metric: [(labels, [values])], as VictoriaMetrics exports them."""
    url = f"http://127.0.0.1:{port}/api/v1/export?match[]={name}"
    with urllib.request.urlopen(url.replace("[", "%5B").replace("]", "%5D"), timeout=5) as answer:
        lines = [json.loads(line) for line in answer.read().splitlines()]
    return [(line["metric"], line["values"]) for line in lines]


def alarm_path(hazgate, folder):
    field = Field()
    field.start()
    broker = Mosquitto(folder)
    influx = free_port()
    metrics = subprocess.Popen(
        ["victoria-metrics", f"-httpListenAddr=127.0.0.1:{influx}", f"-storageDataPath={folder}/vm"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    ports = {"tcp": field.tcp, "rtu": field.rtu, "mqtt": broker.port, "influx": influx, "console": free_port()}
    (folder / "site.toml").write_text(SITE.format(**ports))
    for port in (field.tcp, field.rtu, influx):
        wait_for(f"port {port} listens", lambda: listening(port))
    field.write(10, 600)
    field.write(20, 0x0000, 0x41CC)  # 25.5 as CDAB
    field.write_rtu(30, 0, 42500)
    centre = Centre(broker)
    gateway = start_gateway(hazgate, folder)
    try:
        readings_arrive(centre)
        alarm_arrives(centre, field)
        broker_dies(centre, field, broker)
        commands(centre)
        history_holds(influx)
        stop_in_order(centre, gateway)
        assert not centre.wrong, "\n".join(centre.wrong)
        expected = {"status", "alarm-event", "alarm-current", "risk", "device", "data", "reply"}
        assert expected <= centre.kinds, f"never seen: {expected - centre.kinds}"
        step("every message held against docs/schemas")
        wrong_password(hazgate, folder)
    except BaseException:
        print((folder / "hazgate.log").read_text()[-4000:], file=sys.stderr)
        raise
    finally:
        for process in (gateway, broker.process, metrics):
            process.kill()


def readings_arrive(centre):
    wait_for("status online", lambda: (centre.retained.get("status") or {}).get("online"))

    def last(device):
        return next((d["values"] for d in reversed(centre.data) if d["device"] == device), {})

    wait_for("level over Modbus TCP", lambda: last("plc").get("level") == 6.0)
    wait_for("temperature in CDAB order", lambda: last("plc").get("temperature") == 25.5)
    wait_for("power over RTU frames in TCP", lambda: last("meter").get("power") == 42.5)
    step("readings of pymodbus servers, Modbus TCP and RTU over TCP, arrive at Mosquitto")


def alarm_arrives(centre, field):
    field.write(10, 950)
    alarm = wait_for("the alarm", lambda: centre.event("plc.level", "raised") or centre.event("plc.level", "escalated"))
    assert alarm["value"] == 9.5 and alarm["limit"] == 9.0 and alarm["level"] == 2, alarm
    wait_for("the standing alarm", lambda: centre.retained.get("alarm/current/plc.level"))
    wait_for("the risk", lambda: centre.retained["risk"]["hazards"]["tank1"]["level"] == 2)
    step("a value beyond its limit becomes an alarm at the centre, retained, with its risk")


def broker_dies(centre, field, broker):
    broker.kill()
    field.write(10, 500)
    time.sleep(2)
    broker.start()
    cleared = wait_for("the clearing after the outage", lambda: centre.event("plc.level", "cleared"))
    assert cleared["state"] == "returned_unacknowledged", cleared
    ids = {}
    for event in centre.events:
        assert ids.setdefault(event["seq"], event["id"]) == event["id"], "one seq, two ids"
    assert sorted(ids) == list(range(1, max(ids) + 1)), f"gaps in {sorted(ids)}"
    step("Mosquitto killed in the flow: nothing lost, sequence without a gap")


def commands(centre):
    reply = centre.command(v=1, id="c1", cmd="ack", alarm="plc.level", by="interop", reason="seen")
    assert reply == {"v": 1, "id": "c1", "ok": True}, reply
    wait_for("the alarm gone", lambda: centre.retained.get("alarm/current/plc.level", 1) is None)
    assert centre.event("plc.level", "acknowledged")["by"] == "interop"
    for wrong in ({"v": 0, "id": "c2", "cmd": "ack"}, {"v": 1, "id": "c3", "cmd": "fly", "by": "interop"}):
        reply = centre.command(**wrong)
        assert reply["ok"] is False and reply["id"] == wrong["id"] and reply["error"], reply
    step("commands are carried out and answered; an old version and an unknown one are refused")


def history_holds(influx):
    def level():
        return [v for labels, v in series(influx, "reading_value") if labels.get("point") == "plc.level"]

    wait_for("both levels in the database", lambda: level() and {9.5, 5.0} <= set(level()[0]))
    wait_for("the alarm in the database", lambda: any(k["alarm"] == "plc.level" for k, _ in series(influx, "alarm_value")))
    step("series and alarms stand in VictoriaMetrics")


def stop_in_order(centre, gateway):
    gateway.send_signal(signal.SIGTERM)
    assert gateway.wait(timeout=10) == 0
    wait_for("status offline", lambda: centre.retained["status"]["online"] is False)
    step("SIGTERM: orderly stop, exit code 0, offline at the centre")


def wrong_password(hazgate, folder):
    gateway = start_gateway(hazgate, folder, password=WRONG_PASSWORD)
    log = folder / "hazgate.log"
    wait_for("the refusal in words", lambda: "password" in log.read_text().lower(), 20)
    assert gateway.poll() is None, "the daemon gave up"
    gateway.send_signal(signal.SIGTERM)
    assert gateway.wait(timeout=10) == 0
    assert WRONG_PASSWORD not in log.read_text(), "the password is in the log"
    step("a refused password is said in words, and the daemon goes on")


def simulated_plant(hazgate):
    site = (PROJECT / "config/demo.toml").read_text()
    plant = subprocess.Popen([hazgate, "simulate", PROJECT / "config/demo.toml"], stdout=subprocess.DEVNULL)
    try:
        import tomllib

        devices = {device["id"]: device for device in tomllib.loads(site)["device"]}
        level = next(p for p in tomllib.loads(site)["point"] if p.get("role") == "level")
        host, port = devices[level["device"]]["address"].split(":")
        wait_for("the simulated plant", lambda: listening(int(port)))
        client = ModbusTcpClient(host, port=int(port))
        assert client.connect()
        table, address = level["register"].split(":")
        read = {"holding": client.read_holding_registers, "input": client.read_input_registers}[table]
        answer = read(int(address), count=1, device_id=devices[level["device"]].get("unit", 1))
        assert not answer.isError(), answer
        assert client.read_holding_registers(60000, count=1).isError(), "an address that does not exist was answered"
        client.close()
        meter = next(d for d in devices.values() if d.get("protocol") == "modbus-rtu-over-tcp")
        host, port = meter["address"].split(":")
        bus = ModbusTcpClient(host, port=int(port), framer=FramerType.RTU)
        assert bus.connect()
        answer = bus.read_holding_registers(20, count=1, device_id=meter["unit"])
        assert answer is not None
        bus.close()
        step("a pymodbus client reads `hazgate simulate` over Modbus TCP and RTU over TCP")
    finally:
        plant.kill()


def main():
    hazgate = str(pathlib.Path(sys.argv[1]).resolve())
    simulated_plant(hazgate)
    with tempfile.TemporaryDirectory() as folder:
        alarm_path(hazgate, pathlib.Path(folder))
    for part in (influx_old, modbus_south, dial_in, mqtt_south, mqtt_north, sparkplug_north):
        with tempfile.TemporaryDirectory() as folder:
            part.run(hazgate, pathlib.Path(folder))
    print(f"interoperability: {bench.passed} passed, 0 failed")


main()
