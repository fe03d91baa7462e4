#!/usr/bin/env python3
"""A cluster under a fleet: three RabbitMQ nodes set up by deploy/centre, many whole gateways (`hazgate fleet`) that talk to it over TLS, consumers
that share what comes (deploy/centre/consumer.py). In the flow the node that leads most is killed, and a consumer too; both come back.
Then what the gateways' disks hold is held against what the centre has: nothing lost, nothing out of order, every copy known by its id.

    cluster.py HAZGATE [--gateways 1000] [--load 60s]      exit 0 if it held; every server on a free port of loopback
"""

import argparse
import collections
import json
import os
import pathlib
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))

import paho.mqtt.client as mqtt
from bench import step, wait_for
from nodes import DEPLOY, Cluster
from verdict import Verdict

CONSUMERS = 3
# Gateways that are started in a second: each makes a session, which is a queue on three nodes.
STARTS_PER_S = 25


class Consumers:
    """The programs of the centre, each a process of its own; all write into one ledger."""

    def __init__(self, cluster, folder):
        self.cluster, self.ledger = cluster, folder / "ledger.db"
        self.log = open(folder / "consumers.log", "ab")
        self.processes = {}

    def start(self, n):
        command = [sys.executable, DEPLOY / "consumer.py", f"amqps://localhost:{self.cluster.amqp}", "--login", "park",
                   "--ca", self.cluster.tls / "authority.pem", "--ledger", self.ledger, "--share", f"{n}/{CONSUMERS}"]
        environment = {**os.environ, "HAZGATE_CENTRE_PASSWORD": self.cluster.password("park")}
        self.processes[n] = subprocess.Popen(command, env=environment, stdout=self.log, stderr=self.log)

    def kill(self, n):
        self.processes[n].kill()
        self.processes[n].wait()

    def stop(self):
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
            process.wait()

    def ask(self, query):
        db = sqlite3.connect(self.ledger, timeout=60)
        try:
            return db.execute(query).fetchone()[0]
        finally:
            db.close()


class Fleet:
    def __init__(self, hazgate, cluster, folder, given):
        self.directory, self.log = folder / "fleet", folder / "fleet.log"
        self.ramp = max(given.gateways // STARTS_PER_S, 2)
        command = [hazgate, "fleet", f"mqtts://localhost:{cluster.mqtt}", "--ca", cluster.tls / "authority.pem",
                   "--logins", folder / "logins", "--directory", self.directory, "--gateways", str(given.gateways),
                   "--ramp", f"{self.ramp}s", "--drain", "9min", "--duration", "1h", "--poll", given.poll, "--event-every", given.event_every]
        self.process = subprocess.Popen(command, stdout=open(self.log, "ab"), stderr=open(folder / "fleet.err", "ab"))

    def says(self, word):
        assert self.process.poll() in (None, 0), self.log.read_text()
        return next((line for line in self.log.read_text().splitlines() if word in line), None)

    def directories(self):
        return sorted(path for path in self.directory.iterdir() if path.name.startswith("gw"))


class Attempt:
    """Somebody who tries what is not allowed, over MQTT."""

    def __init__(self, cluster, user_name, password, client_id):
        self.outcome, self.heard = [], []
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False)
        self.client.tls_set(cluster.tls / "authority.pem")
        self.client.username_pw_set(user_name, password)
        self.client.on_connect = lambda _c, _u, _f, code, _p: self.outcome.append("refused" if code.is_failure else "connected")
        self.client.on_disconnect = lambda *_: self.outcome.append("cut off")
        self.client.on_message = lambda _c, _u, message: self.heard.append(message.topic)
        self.client.connect("localhost", cluster.mqtt)
        self.client.loop_start()
        wait_for("an answer to CONNECT", lambda: self.outcome)

    def end(self):
        self.client.loop_stop()
        return self.outcome[0]


def check_access(cluster, consumers):
    """A gateway may say what is its own and hear its own commands, and that is all."""
    cluster.import_logins("gateway", "fleet", "mallory", "victim")
    password = cluster.password("fleet.mallory")
    assert Attempt(cluster, "fleet.mallory", "wrong", "a").end() == "refused"
    assert Attempt(cluster, "guest", "guest", "b").end() == "refused"
    assert cluster.nodes[0].ctl("list_users").count("guest") == 0
    for topic in ("hazgate/v1/fleet/victim/alarm/event", "hazgate/v1/fleet/mallory/cmd", "hazgate/v1/fleet/victim/status"):
        attempt = Attempt(cluster, "fleet.mallory", password, "hazgate-fleet-mallory-centre")
        attempt.client.publish(topic, json.dumps({"seq": 1, "id": "forged"}), qos=1)
        wait_for(f"who publishes to {topic} is cut off", lambda: "cut off" in attempt.outcome)
        attempt.end()
    for client_id, topic in (("hazgate-fleet-mallory-centre", "hazgate/v1/fleet/victim/cmd"), ("hazgate-fleet-mallory-centre", "hazgate/v1/#"),
                             ("hazgate-fleet-victim-centre", "hazgate/v1/fleet/victim/cmd")):
        attempt = Attempt(cluster, "fleet.mallory", password, client_id)
        attempt.client.subscribe(topic, qos=1)
        wait_for(f"who subscribes to {topic} is cut off", lambda: "cut off" in attempt.outcome)
        attempt.end()
        assert not attempt.heard
    forged = consumers.ask("select count(*) from event where gateway in ('victim', 'mallory')")
    assert forged == 0, f"{forged} forged events arrived"
    step("a gateway can neither speak nor hear for another, a wrong password and guest are refused")


def leader_of_most(cluster):
    """The node that leads most of the queues of events: its death costs most."""
    queues = cluster.queues(cluster.nodes[0])
    for name, row in queues.items():
        assert len(row["members"]) == len(cluster.nodes), f"{name} stands on {row['members']} only"
    leaders = collections.Counter(row["leader"] for name, row in queues.items() if name.startswith("events."))
    leader, count = leaders.most_common(1)[0]
    sessions = sum(name.startswith("mqtt-subscription-") for name in queues)
    step(f"every queue stands on three nodes: {len(queues) - sessions} of the centre, {sessions} sessions; {leader} leads {count} of events")
    return next(node for node in cluster.nodes if node.name == leader)


def disturb(cluster, consumers, fleet, given):
    """A node and a consumer die in the flow, and come back."""
    victim = leader_of_most(cluster)
    others = [node for node in cluster.nodes if node is not victim]
    time.sleep(given.load / 4)
    victim.kill()
    killed = time.monotonic()
    before = consumers.ask("select count(*) from event")
    step(f"{victim.name} killed in the flow, after {before} events")
    # Every gateway has a device that is read again and again.
    mark = consumers.ask("select max(rowid) from reading")
    heard = f"select count(distinct gateway) from reading where rowid > {mark}"
    wait_for("every gateway is heard again", lambda: consumers.ask(heard) == given.gateways, 180)
    step(f"every gateway has been heard again {time.monotonic() - killed:.1f} s after the kill; each reads its device every {given.poll}")
    time.sleep(given.load / 4)
    consumers.kill(1)
    step("a consumer killed in the flow")
    time.sleep(given.load / 4)
    consumers.start(1)
    victim.start()
    victim.await_serving()
    wait_for("the node is in the cluster again", lambda: len(cluster.running(others[0])) == len(cluster.nodes), 180)
    step(f"{victim.name} is back in the cluster, and the consumer with it, {time.monotonic() - killed:.0f} s after the kill")
    time.sleep(given.load / 4)
    # The load ends; the gateways go on until everything is acknowledged.
    fleet.process.send_signal(signal.SIGTERM)


def judge(fleet, consumers, given):
    wait_for("the fleet ends", lambda: fleet.process.poll() is not None, 600)
    assert fleet.process.returncode == 0, fleet.log.read_text()
    step("the fleet ends: " + fleet.says("events kept"))
    directories = fleet.directories()
    assert len(directories) == given.gateways
    end = time.monotonic() + 120
    while True:
        verdict = Verdict(directories, consumers.ledger)
        if not verdict.wrong or time.monotonic() > end:
            break
        time.sleep(1)
    if verdict.wrong:
        raise SystemExit("\n".join([f"{len(verdict.wrong)} gateways are wronged:", *verdict.wrong[:20]]))
    step(f"of {given.gateways} gateways every event arrived: {verdict.events}, in the order of each gateway; {verdict.copies} came again, with the same id")
    step(f"every acknowledged row of readings arrived: {verdict.rows}; {verdict.row_copies} came again")
    check_verdict(directories, consumers.ledger)
    assert len(verdict.shares) == CONSUMERS, verdict.shares
    shares = ", ".join(f"{count * 100 // verdict.events} %" for _, count in sorted(verdict.shares.items()))
    step(f"the consumers shared the load: {shares} of the events")


def check_verdict(directories, ledger):
    """The verdict sees one event lost, two that changed places, and one row lost."""
    false = ledger.with_name("false.db")
    for harm, complaint in (
        ("delete from event where rowid = (select max(rowid) from event)", "events lost"),
        ("update event set rowid = (select max(rowid) + 1 from event) where rowid = (select rowid from event where seq = 2 limit 1)", "out of order"),
        ("delete from reading where rowid = (select min(rowid) from reading)", "rows lost"),
    ):
        source, copy = sqlite3.connect(ledger), sqlite3.connect(false)
        source.backup(copy)
        copy.execute(harm)
        copy.commit()
        source.close()
        copy.close()
        wrong = Verdict(directories, false).wrong
        assert any(complaint in line for line in wrong), f"the verdict overlooks it: {harm}: {wrong}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hazgate", type=pathlib.Path)
    parser.add_argument("--gateways", type=int, default=1000)
    parser.add_argument("--load", type=int, default=90, help="seconds of load beside what the troubles take")
    parser.add_argument("--poll", default="5s")
    parser.add_argument("--event-every", default="10s", help="of each gateway, on average")
    parser.add_argument("--keep", action="store_true", help="leave the files where they are")
    given = parser.parse_args()
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hazgate-cluster-"))
    cluster = Cluster(folder)
    consumers = fleet = None
    held = False
    try:
        began = time.monotonic()
        cluster.start()
        step(f"three RabbitMQ nodes are a cluster after {time.monotonic() - began:.0f} s")
        cluster.import_logins("consumer", "park")
        cluster.import_logins("gateway", "fleet", *(f"gw{n:04}" for n in range(1, given.gateways + 1)))
        consumers = Consumers(cluster, folder)
        for n in range(CONSUMERS):
            consumers.start(n)
        wait_for("the ledger", lambda: consumers.ledger.exists())
        check_access(cluster, consumers)
        fleet = Fleet(given.hazgate.resolve(), cluster, folder, given)
        wait_for("the gateways run", lambda: fleet.says("gateways run"), fleet.ramp + 300)
        online = "select count(*) from state where topic = 'status' and body like '%\"online\":true%'"
        wait_for("every gateway is online", lambda: consumers.ask(online) == given.gateways, 300)
        step(fleet.says("gateways run") + ", and are online at the centre")
        disturb(cluster, consumers, fleet, given)
        judge(fleet, consumers, given)
        step("memory of the nodes: " + ", ".join(f"{node.resident_mb()} MB" for node in cluster.nodes))
        held = True
    finally:
        if fleet:
            fleet.process.kill()
            fleet.process.wait()
        if consumers:
            consumers.stop()
        cluster.stop()
        if held and not given.keep:
            shutil.rmtree(folder)
        else:
            print(f"its files: {folder}")


if __name__ == "__main__":
    main()
