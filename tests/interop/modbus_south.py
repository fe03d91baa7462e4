"""Field side over Modbus: servers of pymodbus and of libmodbus on serial lines, TCP and TLS, and a line that is disturbed. What
the gateway makes of them is taken from what it says over MQTT, through Mosquitto."""

import asyncio
import contextlib
import datetime
import json
import logging
import pathlib
import queue
import ssl
import subprocess
import threading
import time

import bench
import paho.mqtt.client as mqtt
from bench import step, wait_for
from disturbance import Disturbance
from pymodbus.server import ModbusSerialServer, ModbusTlsServer
from pymodbus.simulator import DataType, SimData, SimDevice

# What a device may take to answer; polls are as far apart.
TIMEOUT_S = 0.5
# The same where most answers are to be missed.
QUICK_S = 0.25
HERE = pathlib.Path(__file__).resolve().parent
SITE = """
version = 1
[site]
enterprise = "interop"
gateway = "{gateway}"
name = "Interoperability"
[console]
enabled = false
[[forward]]
id = "centre"
kind = "mqtt"
url = "mqtt://127.0.0.1:{broker}"
"""


def device(name, reach, timeout_s=TIMEOUT_S, **points):
    """A device of a site file, and its points: the fields of each."""
    text = f'[[device]]\nid = "{name}"\n{reach}\npoll = "{timeout_s * 1000:.0f}ms"\nlost_after = "1s"\ntimeout = "{timeout_s * 1000:.0f}ms"\n'
    for signal, fields in points.items():
        text += f'[[point]]\ndevice = "{name}"\nsignal = "{signal}"\nname = "{signal}"\n{fields}\n'
    return text


class Gateway:
    """`hazgate run` with a site, and a subscriber that hears all that it says."""

    def __init__(self, hazgate, folder, broker, name, *devices):
        self.file, self.log = folder / f"{name}.toml", folder / f"{name}.log"
        self.file.write_text(SITE.format(gateway=name, broker=broker) + "".join(devices))
        self.root = f"hazgate/v1/interop/{name}/"
        self.data, self.states, self.retained, self.replies = {}, {}, {}, queue.Queue()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"{name}-centre")
        self.client.on_message = self.heard
        self.client.connect("127.0.0.1", broker)
        self.client.subscribe(f"{self.root}#", qos=1)
        self.client.loop_start()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([hazgate, "run", self.file], stdout=log, stderr=log)

    def heard(self, _client, _data, message):
        topic = message.topic.removeprefix(self.root)
        kind, _, what = topic.partition("/")
        payload = json.loads(message.payload) if message.payload else None
        if kind == "data":
            self.data.setdefault(what, []).append(payload)
        elif topic == "cmd/reply":
            self.replies.put(payload)
        else:
            self.retained[topic] = payload
            if kind == "device":
                self.states.setdefault(what, []).append(payload["state"])

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.kill()
        self.process.wait()
        self.client.loop_stop()
        if kind:
            print(self.log.read_text()[-4000:])
            print({name: batches[-2:] for name, batches in self.data.items()}, self.retained, flush=True)

    def count(self, name):
        return len(self.data.get(name, []))

    def last(self, name):
        """The newest of a device's points: their values, and the qualities of those that are not good."""
        assert self.process.poll() is None, "the daemon ended"
        newest = {}
        for batch in self.data.get(name, []):
            for signal in {**batch["values"], **batch["quality"]}:
                newest[signal] = batch["values"].get(signal), batch["quality"].get(signal)
        values = {signal: value for signal, (value, _) in newest.items() if value is not None}
        return values, {signal: quality for signal, (_, quality) in newest.items() if quality is not None}

    def device(self, name):
        return self.retained.get(f"device/{name}") or {"state": None, "error": None}

    def is_told_lost(self, name):
        """Whether an alarm tells that a device is lost: its own, or where nobody behind its link answers, the link's."""
        alarms = [topic.removeprefix("alarm/current/") for topic, payload in self.retained.items() if payload and topic.startswith("alarm/current/")]
        return any(alarm == f"{name}.lost" or ("link." in alarm and alarm.endswith(".lost")) for alarm in alarms)

    def is_down(self, name, *signals):
        """Whether a device is told to be lost, by its state, an alarm and the quality of each of its points."""
        values, quality = self.last(name)
        bad = not values and all(quality.get(signal) == "bad:comm" for signal in signals)
        return bad and self.device(name)["state"] == "down" and self.is_told_lost(name)

    def command(self, **fields):
        self.client.publish(f"{self.root}cmd", json.dumps({"v": 1, "by": "interop", **fields}), qos=1)
        return self.replies.get(timeout=bench.PATIENCE_S)


class Unit:
    """A unit of a pymodbus server whose every value says where it stands (high word) and which question it answers (low word)."""

    POINTS = {
        signal: f'register = "{table}:{address}"\ntype = "u32"'
        for signal, table, address in (
            ("h0", "holding", 0), ("h2", "holding", 2), ("h100", "holding", 100), ("h102", "holding", 102),
            ("i0", "input", 0), ("i2", "input", 2),
        )
    }

    def __init__(self, number):
        self.number, self.asked, self.silent = number, [], False
        registers = SimData(address=0, count=104, values=0, datatype=DataType.REGISTERS)
        self.device = SimDevice(id=number, simdata=[registers], action=self.answer)

    async def answer(self, function, start, address, count, registers, _values):
        self.asked.append(time.time())
        for n in range(address, address + count):
            registers[n - start] = self.place(function, n) if n % 2 == 0 else len(self.asked)

    def place(self, function, address):
        return self.number << 12 | function << 8 | address

    def says(self, sending, frame):
        """What of its frames is heard (pymodbus asks)."""
        return b"" if sending and self.silent and frame[0] == self.number else frame

    def judge(self, batches):
        """Every value ever told was one that stood there, at a question asked just then, and no question's value was told twice."""
        latest = {}
        for batch in sorted(batches, key=lambda batch: batch["seq"]):
            for signal, value in batch["values"].items():
                place, question = divmod(int(value), 1 << 16)
                assert place == self.place(3 if signal[0] == "h" else 4, int(signal[1:])), f"{signal}: {value:#x}"
                assert question > latest.get(signal, 0), f"{signal}: question {question} told again in {batch}"
                latest[signal] = question
                # A batch bears one stamp for readings of at most a second.
                age = batch["ts"] / 1000 - self.asked[question - 1]
                assert -1.5 < age < TIMEOUT_S + 1.5, f"{signal}: a value {age} s old in {batch}"

    def has_fresh(self, gateway, name, since):
        """Whether all points are good, by a question asked after `since`."""
        values, quality = gateway.last(name)
        questions = [int(value) % (1 << 16) for value in values.values()]
        return not quality and len(values) == len(self.POINTS) and self.asked[min(questions) - 1] > since


class Servers(threading.Thread):
    """pymodbus servers, on a loop of their own."""

    def __init__(self):
        super().__init__(daemon=True)
        self.loop = asyncio.new_event_loop()
        self.start()

    def run(self):
        self.loop.run_forever()

    def serve(self, kind, devices, **options):
        """Serves until the end of the test; returns when it can be asked."""

        async def begin():
            server = kind(devices, ignore_missing_devices=True, **options)
            await server.serve_forever(background=True)
            return server

        return asyncio.run_coroutine_threadsafe(begin(), self.loop).result(bench.PATIENCE_S)

    def end(self, server):
        asyncio.run_coroutine_threadsafe(server.shutdown(), self.loop).result(bench.PATIENCE_S)


@contextlib.contextmanager
def start_broker(folder):
    port = bench.free_port()
    conf = folder / "field-broker.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n")
    with open(folder / "field-broker.log", "wb") as log:
        broker = subprocess.Popen(["mosquitto", "-c", conf], stdout=log, stderr=log)
    try:
        wait_for("mosquitto listens", lambda: bench.listening(port))
        yield port
    finally:
        broker.kill()
        broker.wait()


def on_line(port, unit):
    return f'protocol = "modbus-rtu"\nport = "{port}"\nbaud = 9600\nunit = {unit}\ngap_max = 0'


def all_fresh(gateway, units):
    since = time.time()
    for name, unit in units.items():
        wait_for(f"fresh values of {name}", lambda: unit.has_fresh(gateway, name, since), 60)


def a_unit_dies(hazgate, folder, broker, servers):
    units = {"first": Unit(1), "second": Unit(2)}
    first, second = units.values()
    with bench.serial_line(folder, "bus") as (near, far):
        devices = [device(name, on_line(near, unit.number), **Unit.POINTS) for name, unit in units.items()]
        hears = {"trace_packet": second.says, "port": str(far), "baudrate": 9600}
        server = servers.serve(ModbusSerialServer, [unit.device for unit in units.values()], **hears)
        with Gateway(hazgate, folder, broker, "bus", *devices) as gateway:
            all_fresh(gateway, units)
            step("two units of a pymodbus server on one serial line (socat) are read")
            second.silent, spoken = True, len(gateway.states["first"])
            wait_for("the silent unit's fall", lambda: gateway.is_down("second", *Unit.POINTS))
            reason = gateway.device("second")["error"]["en"]
            assert "no answer within" in reason, reason
            polls = gateway.count("first")
            wait_for("polls of the neighbour", lambda: gateway.count("first") > polls + 10)
            assert gateway.device("second")["state"] == "down"
            assert not any(batch["quality"] for batch in gateway.data["first"]), "the neighbour had a bad reading"
            assert not {"down", "degraded"} & set(gateway.states["first"][spoken:]), gateway.states["first"]
            second.silent = False
            all_fresh(gateway, units)
            wait_for("the alarm's end", lambda: gateway.device("second")["state"] == "up")
            for name, unit in units.items():
                unit.judge(gateway.data[name])
            step("a unit that falls silent in the middle is down with an alarm, its neighbour goes on, and it is found again")
        servers.end(server)


def a_line_is_disturbed(hazgate, folder, broker, servers):
    units = {"first": Unit(1), "second": Unit(2)}
    with contextlib.ExitStack() as undo:
        near, middle = undo.enter_context(bench.serial_line(folder, "front"))
        other, far = undo.enter_context(bench.serial_line(folder, "back"))
        line = undo.enter_context(Disturbance(middle, other, QUICK_S))
        devices = [device(name, on_line(near, unit.number), QUICK_S, **Unit.POINTS) for name, unit in units.items()]
        server = servers.serve(ModbusSerialServer, [unit.device for unit in units.values()], port=str(far), baudrate=9600)
        undo.callback(servers.end, server)
        gateway = undo.enter_context(Gateway(hazgate, folder, broker, "disturbed", *devices))
        all_fresh(gateway, units)
        line.kinds = Disturbance.MIXED
        wait_for("each disturbance", lambda: all(line.played[kind] >= 2 for kind in Disturbance.MIXED), 90)
        line.kinds = Disturbance.SPOILT
        for name in units:
            wait_for(f"the fall of {name}", lambda: gateway.is_down(name, *Unit.POINTS), 60)
            wait_for("its reason", lambda: "no whole answer" in gateway.device(name)["error"]["en"])
        counts, spoilt = {name: gateway.count(name) for name in units}, line.played.total()
        wait_for("more spoilt answers", lambda: line.played.total() > spoilt + 3)
        for name, count in counts.items():
            values = [batch["values"] for batch in gateway.data[name][count:] if batch["values"]]
            assert not values, f"values of {name} while every answer was spoilt: {values}"
        line.kinds = Disturbance.CLEAN
        all_fresh(gateway, units)
        wait_for("both up", lambda: all(gateway.device(name)["state"] == "up" for name in units))
        for name, unit in units.items():
            unit.judge(gateway.data[name])
        assert "tokio_modbus" not in gateway.log.read_text(), "each garbled byte is a line of the log"
        step(f"pauses in frames and garbage on a serial line: no wrong value, no old one, all good after it ({dict(line.played)})")


def over_tls(hazgate, folder, broker, servers):
    bench.certificates(folder, "plant-ca", "localhost", "gateway")
    bench.certificates(folder, "other-ca", "stranger")
    # Each: the certificate at the far end, the one that the gateway shows, and what the reason must say.
    ways = {
        "known": ("localhost", "gateway", None),
        "impostor": ("stranger", "gateway", "certificate is not trusted"),
        # asyncio closes the connection without a word.
        "stranger": ("localhost", "stranger", "connection"),
        "nobody": ("localhost", None, "connection"),
    }
    units = {name: Unit(1) for name in ways}
    with contextlib.ExitStack() as undo:
        devices = []
        for name, (certificate, shown, _) in ways.items():
            context = server_context(folder, certificate)
            port = bench.free_port()
            server = servers.serve(ModbusTlsServer, units[name].device, sslctx=context, address=("127.0.0.1", port))
            undo.callback(servers.end, server)
            devices.append(device(name, behind_tls(port, shown), **Unit.POINTS))
        # A far end that says why it refuses.
        ways["told"] = (None, None, "certificate")
        devices.append(device("told", behind_tls(undo.enter_context(openssl_server(folder)), None), **Unit.POINTS))
        gateway = undo.enter_context(Gateway(hazgate, folder, broker, "tls", *devices))
        all_fresh(gateway, {"known": units["known"]})
        units["known"].judge(gateway.data["known"])
        step("a pymodbus server behind TLS that asks for a client certificate is read")
        for name, (_, _, reason) in ways.items():
            if reason:
                wait_for(f"the fall of {name}", lambda: gateway.is_down(name, *Unit.POINTS))
                error = gateway.device(name)["error"]
                assert reason in error["en"] and error["zh"], (name, error)
                assert name not in units or not units[name].asked, f"{name} was asked in spite of its certificate"
        step("without the right certificate, at either end, a device is down with the reason, and nothing is asked")


def server_context(folder, certificate):
    """That of a server which talks only to those whom the plant's authority vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{certificate}.pem", folder / f"{certificate}.key")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(folder / "plant-ca.pem")
    return context


@contextlib.contextmanager
def openssl_server(folder):
    port = bench.free_port()
    keys = ["-cert", "localhost.pem", "-key", "localhost.key", "-CAfile", "plant-ca.pem"]
    command = ["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-Verify", "1", "-verify_return_error", *keys]
    with open(folder / "openssl.log", "wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=log, stderr=log)
    try:
        wait_for("openssl listens", lambda: bench.listening(port))
        yield port
    finally:
        server.kill()
        server.wait()


def behind_tls(port, shown):
    """A way of a site file: to `localhost:port`, where the certificate `shown` is shown."""
    mine = f', certificate = "{shown}.pem", key = "{shown}.key"' if shown else ""
    return f'protocol = "modbus-tls"\naddress = "localhost:{port}"\ntls = {{ ca = "plant-ca.pem"{mine} }}'


FLOATS = {"abcd": (2, 12.5), "cdab": (4, -0.75), "badc": (6, 1234.5), "dcba": (8, -2052.0)}
LIBMODBUS = {
    "u16": 'register = "holding:0"',
    "i16": 'register = "holding:1"\ntype = "i16"',
    **{
        order: f'register = "holding:{address}"\ntype = "f32"\nbyte_order = "{order.upper()}"'
        for order, (address, _) in FLOATS.items()
    },
    "beyond_10": 'register = "holding:10"',
    "beyond_12": 'register = "holding:12"',
    "coil_0": 'register = "coil:0"',
    "coil_1": 'register = "coil:1"',
    "discrete_0": 'register = "discrete:0"',
    "discrete_6": 'register = "discrete:6"',
    "discrete_7": 'register = "discrete:7"',
    "count": 'register = "input:0"',
}
# What libmodbus_server.c puts there.
EXPECTED = {
    "u16": 50000, "i16": -1234, **{order: value for order, (_, value) in FLOATS.items()},
    "coil_0": False, "coil_1": True, "discrete_0": True, "discrete_6": False, "discrete_7": True,
}


@contextlib.contextmanager
def libmodbus(program, *words):
    """A libmodbus server; gives what it says, a list that grows."""
    server = subprocess.Popen([program, *words], stdout=subprocess.PIPE, text=True)
    said = []
    threading.Thread(target=lambda: said.extend(line.strip() for line in server.stdout), daemon=True).start()
    try:
        wait_for("the libmodbus server", lambda: "ready" in said)
        yield said
    finally:
        server.kill()
        server.wait()


def from_libmodbus(hazgate, folder, broker, _servers):
    program, port = folder / "libmodbus_server", bench.free_port()
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    subprocess.run(["gcc", "-O2", *warnings, HERE / "libmodbus_server.c", "-o", program, "-lmodbus"], check=True)
    with contextlib.ExitStack() as undo:
        near, far = undo.enter_context(bench.serial_line(folder, "libmodbus"))
        said = {
            "tcp": undo.enter_context(libmodbus(program, "tcp", str(port))),
            "rtu": undo.enter_context(libmodbus(program, "rtu", str(far), "17")),
        }
        reach = {"tcp": f'protocol = "modbus-tcp"\naddress = "127.0.0.1:{port}"', "rtu": on_line(near, 17)}
        site = [device(name, way, **LIBMODBUS) for name, way in reach.items()]
        site += [
            f'[[output]]\nid = "siren_{name}"\nname = "Siren"\ndevice = "{name}"\nregister = "coil:5"\nenabled = true\n'
            for name in reach
        ]
        gateway = undo.enter_context(Gateway(hazgate, folder, broker, "libmodbus", *site))
        for name in reach:
            refused_ends_are_passed_over(gateway, name)
        step("libmodbus over TCP and on a serial line: integers, floats in all four orders, coils, discrete inputs")
        step("what lies beyond the end of libmodbus's registers is found, named, and read around")
        for name in reach:
            output_is_switched(gateway, f"siren_{name}", said[name])
        step("an output's coil at libmodbus is switched by command, and read back")


def refused_ends_are_passed_over(gateway, name):
    def settled():
        values, quality = gateway.last(name)
        return quality == {"beyond_10": "bad:comm", "beyond_12": "bad:comm"} and values

    values = dict(wait_for(f"values of libmodbus, {name}", settled))
    count = values.pop("count")
    assert values == EXPECTED, values
    wait_for("a later count of questions", lambda: gateway.last(name)[0].get("count", count) > count)
    wait_for("the device is degraded", lambda: gateway.device(name)["state"] == "degraded")
    error = gateway.device(name)["error"]["en"]
    assert "illegal data address at holding 10" in error and "at holding 12" in error, error


def output_is_switched(gateway, output, said):
    for on in (True, False):
        at = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
        reply = gateway.command(id=f"{output}-{on}", cmd="switch", output=output, on=on, at=at)
        assert reply["ok"], reply
        wait_for(f"coil 5 is {on:d}", lambda: said[-1] == f"coil 5 is {on:d}")
        wait_for(f"{output} is read back", lambda: (gateway.retained.get(f"output/{output}") or {}).get("on") is on)
    assert said[1:] == ["coil 5 is 1", "coil 5 is 0"], said


PARTS = (a_unit_dies, a_line_is_disturbed, over_tls, from_libmodbus)


def run(hazgate, folder, parts=PARTS):
    """Each part with a gateway and a folder of its own."""
    # What the servers of pymodbus have to say of lines that are gone is not what is tested.
    logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)
    servers = Servers()
    with start_broker(folder) as broker:
        for part in parts:
            own = folder / part.__name__
            own.mkdir()
            part(hazgate, own, broker, servers)
