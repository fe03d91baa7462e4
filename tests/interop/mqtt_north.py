"""Centre side over MQTT 5: two Mosquittos, one standing by for the other, with a subscriber at each. The first is killed in the flow;
later another client takes the gateway's name there."""

import json
import signal
import subprocess
import time

import paho.mqtt.client as mqtt
from bench import free_port, listening, step, wait_for

ROOT = "hazgate/v1/interop/north"
CHANGES = 120

SITE = """
version = 1
[site]
enterprise = "interop"
gateway = "north"
name = {{ zh = "互通试验", en = "Interoperability" }}
[console]
enabled = false
[[device]]
id = "field"
protocol = "mqtt"
url = "mqtt://127.0.0.1:{second}"
topic = "field/data"
silence = "10min"
[[point]]
device = "field"
signal = "level"
name = "LT-1"
unit = "m"
pointer = "/level"
limits = {{ h = 8.0, deadband = 0.0, on_delay = "0s", off_delay = "0s" }}
[[forward]]
id = "centre"
kind = "mqtt"
version = "5"
url = "mqtt://127.0.0.1:{first}"
standby = ["mqtt://127.0.0.1:{second}"]
"""


def start_broker(folder, name, port):
    (folder / f"{name}.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n"
        f"persistence true\npersistence_file {name}.db\npersistence_location {folder}/\n"
        "autosave_on_changes true\nautosave_interval 1\n"
    )
    log = open(folder / f"{name}.log", "ab")
    broker = subprocess.Popen(["mosquitto", "-c", folder / f"{name}.conf"], stdout=log, stderr=log)
    wait_for(f"{name} listens", lambda: listening(port))
    return broker


def client(port, name, **callbacks):
    one = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
    for event, call in callbacks.items():
        setattr(one, event, call)
    one.reconnect_delay_set(0.05, 0.2)
    one.connect("127.0.0.1", port)
    one.loop_start()
    return one


class Listener:
    """A subscriber at one broker, in MQTT 5."""

    def __init__(self, port):
        self.events, self.retained, self.data = [], {}, []
        subscribe = lambda client, *_: client.subscribe(f"{ROOT}/#", qos=1)
        self.client = client(port, f"centre-{port}", on_connect=subscribe, on_message=self.on_message)

    def on_message(self, _client, _data, message):
        topic = message.topic.removeprefix(ROOT + "/")
        payload = json.loads(message.payload) if message.payload else None
        if topic == "alarm/event":
            self.events.append(payload)
        elif topic.startswith("data/"):
            self.data.append(payload)
        else:
            self.retained[topic] = payload

    def status(self):
        return (self.retained.get("status") or {}).get("online")


def start_gateway(hazgate, folder):
    log = open(folder / "north-gateway.log", "ab")
    return subprocess.Popen([hazgate, "run", folder / "north.toml"], stdout=log, stderr=log)


def run(hazgate, folder):
    """The whole flow."""
    first_port, second_port = free_port(), free_port()
    brokers = {
        "first": start_broker(folder, "first", first_port),
        "second": start_broker(folder, "second", second_port),
    }
    (folder / "north.toml").write_text(SITE.format(first=first_port, second=second_port))
    first, second = Listener(first_port), Listener(second_port)
    field = client(second_port, "field")
    gateway = start_gateway(hazgate, folder)
    try:
        wait_for("online at the first", first.status)
        first_dies(first, second, field, brokers)
        gateway.send_signal(signal.SIGTERM)
        assert gateway.wait(timeout=10) == 0
        wait_for("offline at the second", lambda: second.status() is False)
        brokers["first"] = start_broker(folder, "first", first_port)
        gateway = start_gateway(hazgate, folder)
        wait_for("online at the first again", first.status)
        standing = {t: p for t, p in second.retained.items() if t.startswith("alarm/current/field") and p}
        assert standing, second.retained
        wait_for(
            "what stands, retained at the first",
            lambda: all((first.retained.get(t) or {}).get("seq", 0) >= p["seq"] for t, p in standing.items()),
        )
        step("a first broker that is back has what stands retained anew")
        name_is_taken(first_port, second, field)
        gateway.send_signal(signal.SIGTERM)
        assert gateway.wait(timeout=10) == 0
    except BaseException:
        print((folder / "north-gateway.log").read_text()[-4000:])
        raise
    finally:
        for process in (gateway, *brokers.values()):
            process.kill()


def first_dies(first, second, field, brokers):
    for change in range(CHANGES):
        field.publish("field/data", json.dumps({"level": 9.0 if change % 2 == 0 else 5.0}), 1).wait_for_publish(10)
        if change == CHANGES // 2:
            brokers["first"].kill()
            brokers["first"].wait()
    # Above its limit at the end: an alarm stands.
    field.publish("field/data", json.dumps({"level": 9.0}), 1).wait_for_publish(10)

    def heard():
        of_field = [e for e in first.events + second.events if e["alarm"] == "field.level"]
        return len({e["seq"] for e in of_field}) >= CHANGES + 1

    wait_for("every event at one subscriber or the other", heard)
    ids = {}
    for event in first.events + second.events:
        assert ids.setdefault(event["seq"], event["id"]) == event["id"], "one seq, two ids"
    assert sorted(ids) == list(range(1, max(ids) + 1)), f"gaps in {sorted(ids)}"
    assert any(e["alarm"] == "field.level" for e in first.events), "nothing came before the kill"
    alarm = wait_for("the lost broker's alarm", lambda: next((e for e in second.events if e["alarm"] == "gateway.forward.centre"), None))
    assert alarm["event"] == "raised", alarm
    step("MQTT 5: Mosquitto killed in the flow, delivery goes on through the one that stands by: nothing lost, no id twice")


def name_is_taken(first_port, second, field):
    # This Mosquitto throws the older client out without a word.
    thrown_out = []
    other = client(
        first_port,
        "hazgate-interop-north-centre",
        on_disconnect=lambda *_: thrown_out.append(time.monotonic()),
    )
    wait_for("delivery through the second", second.status)
    before = len(second.events)
    field.publish("field/data", json.dumps({"level": 5.0}), 1).wait_for_publish(10)
    wait_for("events through the second", lambda: any(e["alarm"] == "field.level" for e in second.events[before:]))
    time.sleep(3)
    assert not thrown_out, "the gateway fought for its name"
    other.disconnect()
    step("a second client under the gateway's name is not fought: delivery goes on through the one that stands by")


if __name__ == "__main__":
    import pathlib
    import sys
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        run(str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(folder))
