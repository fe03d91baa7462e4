#!/usr/bin/env python3
"""A program of the centre that takes what gateways say, as an example of how it is done: several of it share the work, each takes what
another leaves behind, and all write into one database. It needs pika; the database here is SQLite, which a centre would replace with its own.

    consumer.py amqps://centre:5671 --login park --password-file pw --ca ca.pem --ledger ledger.db --share 0/3

The three rules that make "at least once" into "once":
  1. A message is acknowledged after the transaction that holds it, never before.
  2. An event is known by (enterprise, gateway, seq). One that is there already is the same event again: it is counted and passed over.
  3. A number that is missing is asked for with the command `resend`; what comes then is marked as what it is, an event like any other."""

import argparse
import json
import os
import pathlib
import signal
import sqlite3
import ssl
import sys
import time
import urllib.parse

import pika

VHOST, EXCHANGE = "hazgate", "hazgate"
# The queues of topology.json. Each has one active consumer at a time, so that what a gateway says is taken in its order.
QUEUES = [f"{kind}.{n}" for kind, count in (("events", 6), ("state", 3), ("data", 3)) for n in range(count)]
# Messages of each queue on their way to us.
PREFETCH = 200
# How long we wait for more before what has come is written.
IDLE_S = 0.05
# A number that is missing is asked for after so long: it may be on its way.
GAP_S = 5
# After so long we stand by for the queues of others as well. Whoever comes first is the active one, so that all must have had time to start.
STANDBY_S = 20

SCHEMA = """
create table if not exists event (enterprise text, gateway text, seq integer, id text, body text, consumer text, copies integer default 1,
  primary key (enterprise, gateway, seq));
create table if not exists state (enterprise text, gateway text, topic text, body text, primary key (enterprise, gateway, topic)) without rowid;
create table if not exists reading (enterprise text, gateway text, device text, seq integer, body text, copies integer default 1,
  primary key (enterprise, gateway, device, seq));
create table if not exists conflict (enterprise text, gateway text, seq integer, id text, body text);
create table if not exists asked (enterprise text, gateway text, seq integer, at real, primary key (enterprise, gateway)) without rowid;
"""


class Ledger:
    """The centre's database."""

    def __init__(self, path, name):
        self.name = name
        self.db = sqlite3.connect(path, timeout=60, isolation_level=None)
        self.db.execute("pragma journal_mode = wal")
        self.db.execute("pragma synchronous = full")
        self.db.executescript(SCHEMA)

    def write(self, messages):
        """All of it in one transaction. Returns the gateways of which events have come."""
        heard = set()
        self.db.execute("begin immediate")
        for key, payload in messages:
            # hazgate.v1.{enterprise}.{gateway}.{…}: ids have no dots; the name of an alarm, which comes last, may.
            _, _, enterprise, gateway, topic = key.split(".", 4)
            who = (enterprise, gateway)
            if topic == "alarm.event":
                heard.add(who)
                self.event(who, json.loads(payload), payload)
            elif topic.startswith("data."):
                said = json.loads(payload)
                self.db.execute(
                    "insert into reading (enterprise, gateway, device, seq, body) values (?, ?, ?, ?, ?)"
                    " on conflict do update set copies = copies + 1", (*who, said["device"], said["seq"], payload))
            elif payload and not self.is_overtaken(who, topic, payload):
                self.db.execute("insert or replace into state values (?, ?, ?, ?)", (*who, topic, payload))
            elif payload:
                continue
            else:
                self.db.execute("delete from state where enterprise = ? and gateway = ? and topic = ?", (*who, topic))
        self.db.execute("commit")
        return heard

    def is_overtaken(self, who, topic, payload):
        """Whether a later state of an alarm is known: a copy from a connection that was lost may come after it."""
        known = topic.startswith("alarm.current.") and self.db.execute(
            "select body from state where enterprise = ? and gateway = ? and topic = ?", (*who, topic)).fetchone()
        return known and json.loads(known[0])["seq"] > json.loads(payload)["seq"]

    def event(self, who, said, payload):
        known = self.db.execute(
            "select id from event where enterprise = ? and gateway = ? and seq = ?", (*who, said["seq"])).fetchone()
        if known is None:
            self.db.execute(
                "insert into event (enterprise, gateway, seq, id, body, consumer) values (?, ?, ?, ?, ?, ?)",
                (*who, said["seq"], said["id"], payload, self.name))
        elif known[0] == said["id"]:
            self.db.execute(
                "update event set copies = copies + 1 where enterprise = ? and gateway = ? and seq = ?", (*who, said["seq"]))
        else:
            # Two events of one number: two gateways have been given one name.
            self.db.execute("insert into conflict values (?, ?, ?, ?, ?)", (*who, said["seq"], said["id"], payload))

    def gap(self, who):
        """The first numbers that are missing, as (from, to); none if there are none."""
        first = self.db.execute(
            "select seq + 1 from event a where enterprise = ? and gateway = ? and not exists (select 1 from event b"
            " where b.enterprise = a.enterprise and b.gateway = a.gateway and b.seq = a.seq + 1) order by seq limit 1", who).fetchone()
        after = first and self.db.execute(
            "select min(seq) from event where enterprise = ? and gateway = ? and seq > ?", (*who, first[0])).fetchone()[0]
        return (first[0], after - 1) if after else None


class Gaps:
    """Which gateways have numbers missing, and since when that has been known."""

    def __init__(self, ledger):
        self.ledger, self.since = ledger, {}

    def heard(self, gateways):
        for who in gateways:
            self.since.setdefault(who, time.monotonic())

    def due(self):
        """What is to be asked for, as (enterprise, gateway, from, to)."""
        now = time.monotonic()
        for who in [who for who, since in self.since.items() if now - since > GAP_S]:
            del self.since[who]
            gap = self.ledger.gap(who)
            if gap:
                self.since[who] = now
                yield (*who, *gap)


class Consumer:
    def __init__(self, given, ledger):
        self.ledger, self.gaps = ledger, Gaps(ledger)
        mine, of = map(int, given.share.split("/"))
        self.own = [queue for n, queue in enumerate(QUEUES) if n % of == mine]
        password = given.password_file.read_text().strip() if given.password_file else os.environ["HAZGATE_CENTRE_PASSWORD"]
        context = ssl.create_default_context(cafile=given.ca)
        self.parameters = []
        for url in given.broker:
            at = urllib.parse.urlsplit(url)
            if at.scheme != "amqps":
                sys.exit(f"{url}: expected amqps://host:port")
            self.parameters.append(pika.ConnectionParameters(
                at.hostname, at.port or 5671, VHOST, pika.PlainCredentials(given.login, password), heartbeat=20,
                socket_timeout=5, blocked_connection_timeout=30, ssl_options=pika.SSLOptions(context, at.hostname)))
        self.is_stopped = False
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "is_stopped", True))

    def run(self):
        while not self.is_stopped:
            try:
                self.serve()
            except (pika.exceptions.AMQPError, OSError) as error:
                print(f"no connection: {error!r}", file=sys.stderr, flush=True)
                time.sleep(0.5)

    def serve(self):
        connection = pika.BlockingConnection(self.parameters)
        channel = connection.channel()
        channel.basic_qos(prefetch_count=PREFETCH)
        waiting = []

        def take(_channel, method, _properties, body):
            waiting.append((method.delivery_tag, method.routing_key, body.decode()))

        for queue in self.own:
            channel.basic_consume(queue, take)
        # Who comes first is the active one; the queues of others are taken up when nobody else has them.
        standby_at = time.monotonic() + STANDBY_S
        while not self.is_stopped:
            connection.process_data_events(time_limit=IDLE_S)
            if waiting:
                last = waiting[-1][0]
                self.gaps.heard(self.ledger.write([(key, payload) for _, key, payload in waiting]))
                waiting.clear()
                channel.basic_ack(last, multiple=True)
            for enterprise, gateway, first, last in self.gaps.due():
                order = {"v": 1, "id": f"resend-{first}-{last}", "cmd": "resend", "from": first, "to": last}
                channel.basic_publish(EXCHANGE, f"hazgate.v1.{enterprise}.{gateway}.cmd", json.dumps(order),
                                      pika.BasicProperties(delivery_mode=2))
            if standby_at and time.monotonic() > standby_at:
                standby_at = None
                for queue in QUEUES:
                    if queue not in self.own:
                        channel.basic_consume(queue, take)
        connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("broker", nargs="+", help="amqps://host:port; of several the first that answers")
    parser.add_argument("--login", required=True, help="user name")
    parser.add_argument("--password-file", type=pathlib.Path, help="else the variable HAZGATE_CENTRE_PASSWORD")
    parser.add_argument("--ca", help="the certificates that vouch for the broker")
    parser.add_argument("--ledger", required=True, help="the database")
    parser.add_argument("--share", default="0/1", help="which of how many consumers this is, from 0, as 0/3")
    given = parser.parse_args()
    Consumer(given, Ledger(given.ledger, given.share)).run()


if __name__ == "__main__":
    main()
