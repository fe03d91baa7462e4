"""InfluxDB 1.6, which Debian has, behind a proxy that maps `/api/v2/write` to its `/write`: a database that rejects strictly, writes the rest of such
a write, and asks to be left alone."""

import http.server
import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from bench import free_port, listening, step, wait_for

SITE = """
version = 1
[site]
enterprise = "interop"
gateway = "gw1"
name = {{ zh = "互通试验", en = "Interoperability" }}
[clock]
sync = "ignored"
[console]
enabled = false
[[device]]
id = "plc"
name = {{ zh = "控制器", en = "Controller" }}
protocol = "modbus-tcp"
address = "127.0.0.1:{plc}"
poll = "200ms"
[[point]]
device = "plc"
signal = "level"
name = {{ zh = "液位", en = "Level" }}
unit = "m"
register = "holding:10"
limits = {{ h = -1.0 }}
[[forward]]
id = "db"
kind = "influx"
url = "http://127.0.0.1:{proxy}"
org = "interop"
bucket = "plant"
"""
CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:{http}"
log-enabled = false
[monitor]
store-enabled = false
"""


class Proxy(http.server.ThreadingHTTPServer):
    """Maps one path to the other; the first write is told to come again in two seconds."""

    def __init__(self, database):
        self.database, self.asked = database, []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(time.monotonic())
        if len(self.server.asked) == 1:
            self.send_response(429)
            self.send_header("Retry-After", "2")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        url = f"http://127.0.0.1:{self.server.database}/write?db={query['bucket']}&precision={query['precision']}"
        request = urllib.request.Request(url, body, {"Content-Encoding": self.headers["Content-Encoding"]})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                status, said = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, said = error.code, error.read()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        if status != 204:
            self.wfile.write(said)

    def log_message(self, *_):
        pass


class Influx:
    def __init__(self, folder):
        self.port = free_port()
        config = folder / "influx.conf"
        config.write_text(CONFIG.format(folder=folder / "influx", http=self.port, rpc=free_port()))
        log = open(folder / "influx.log", "wb")
        self.process = subprocess.Popen(["influxd", "-config", config], stdout=log, stderr=log)
        wait_for("InfluxDB listens", lambda: listening(self.port))

    def ask(self, query, method="GET"):
        words = urllib.parse.urlencode({"q": query, "db": "plant", "epoch": "ms"})
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/query?{words}", method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:
            result = json.load(answer)["results"][0]
        assert "error" not in result, result
        return result.get("series", [{}])[0].get("values", [])

    def write(self, lines):
        url = f"http://127.0.0.1:{self.port}/write?db=plant"
        urllib.request.urlopen(urllib.request.Request(url, lines.encode()), timeout=5).close()


def refused(hazgate, folder):
    told = subprocess.run([hazgate, "store", "list", folder / "site.toml", "--json"], capture_output=True, check=True)
    return json.loads(told.stdout)["destinations"][0]["refused"]


def run(hazgate, folder):
    influx = Influx(folder)
    proxy = Proxy(influx.port)
    (folder / "site.toml").write_text(SITE.format(plc=free_port(), proxy=proxy.server_port))
    log = open(folder / "hazgate.log", "ab")

    def start(command):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("INFLUX")}
        return subprocess.Popen([hazgate, command, folder / "site.toml"], env=environment, stdout=log, stderr=log)

    processes = [influx.process, start("simulate")]
    try:
        influx.ask("CREATE DATABASE plant", "POST")
        # What an alarm's limit is a number for, somebody has written a text into.
        influx.write('alarm,by=hand limit="high"')
        processes.append(start("run"))
        levels = wait_for("readings in the database", lambda: influx.ask('SELECT value FROM "reading" WHERE point = \'plc.level\''))
        assert levels
        assert proxy.asked[1] - proxy.asked[0] >= 1.9, "it came back too early"
        step("InfluxDB 1.6 behind a proxy: readings arrive, and a Retry-After is heeded")
        rejected = wait_for("the alarm set aside", lambda: (refused(hazgate, folder) or {}).get("first") and refused(hazgate, folder))
        assert "field type conflict" in rejected["why"], rejected
        later = f'SELECT id, seq FROM "alarm" WHERE alarm = \'gateway.forward.db\''
        behind = wait_for("the destination's own alarm", lambda: influx.ask(later))
        assert max(row[2] for row in behind) > rejected["first"], (behind, rejected)
        step("an event that it rejects is set aside and told, and those behind it arrive")
        processes[-1].send_signal(signal.SIGTERM)
        assert processes[-1].wait(timeout=10) == 0
        influx.ask('DROP MEASUREMENT "alarm"', "POST")
        processes.append(start("run"))
        wait_for("nothing set aside any more", lambda: refused(hazgate, folder)["count"] == 0)
        seqs = [row[1] for row in influx.ask('SELECT seq FROM "alarm" WHERE alarm = \'plc.level\'')]
        assert rejected["first"] in seqs, (rejected, seqs)
        step("once the database is mended the event is sent again by itself")
    except BaseException:
        print((folder / "hazgate.log").read_text()[-4000:])
        raise
    finally:
        for process in processes:
            process.kill()
