"""A centre on loopback: three RabbitMQ nodes and HAProxy in front of them, with the files of deploy/centre as they are shipped; only host names,
ports and the paths of certificates are put in place of theirs."""

import json
import os
import pathlib
import re
import secrets
import signal
import subprocess

from bench import certificates, free_port, listening, wait_for

PROJECT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = PROJECT / "deploy/centre"
PROGRAMS = pathlib.Path("/usr/lib/rabbitmq/bin")
NODES = 3
# From its start to a node that serves: three of them start at once on two cores.
START_S = 180


class Node:
    """One RabbitMQ node in the foreground."""

    def __init__(self, folder, number, shared):
        self.name = f"centre{number}@localhost"
        self.folder = folder / f"centre{number}"
        self.mqtt, self.amqp, self.distribution = free_port(), free_port(), free_port()
        (self.folder / "conf.d").mkdir(parents=True)
        (self.folder / "log").mkdir()
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text(shared["cookie"])
        cookie.chmod(0o400)
        tls = shared["tls"]
        (self.folder / "conf.d/90-here.conf").write_text(
            f"listeners.ssl.default = 127.0.0.1:{self.amqp}\n"
            f"mqtt.listeners.ssl.default = 127.0.0.1:{self.mqtt}\n"
            f"ssl_options.cacertfile = {tls}/authority.pem\nssl_options.certfile = {tls}/localhost.pem\n"
            f"ssl_options.keyfile = {tls}/localhost.key\nload_definitions = {DEPLOY}/hazgate-base.json\n"
            + "".join(f"cluster_formation.classic_config.nodes.{n} = centre{n}@localhost\n" for n in range(1, NODES + 1))
            # Three nodes share one machine here.
            + "vm_memory_high_watermark.absolute = 2GB\ndisk_free_limit.absolute = 200MB\nlog.file.level = info\n"
        )
        (self.folder / "enabled_plugins").write_text((DEPLOY / "enabled_plugins").read_text())
        self.environment = {
            "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.folder),
            "RABBITMQ_NODENAME": self.name, "RABBITMQ_DIST_PORT": str(self.distribution),
            "RABBITMQ_MNESIA_DIR": str(self.folder / "mnesia"), "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(DEPLOY / "rabbitmq.conf"), "RABBITMQ_CONFIG_FILES": str(self.folder / "conf.d"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.folder / "generated"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"), "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_PID_FILE": str(self.folder / "pid"), "RABBITMQ_FEATURE_FLAGS_FILE": str(self.folder / "flags"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none",
            "RABBITMQ_CTL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(shared["epmd"]),
        }
        self.process = None

    def start(self):
        log = open(self.folder / "log/out", "ab")
        self.process = subprocess.Popen(
            [PROGRAMS / "rabbitmq-server"], env=self.environment, cwd=self.folder, stdout=log, stderr=log, start_new_session=True)

    def await_serving(self):
        wait_for(f"{self.name} serves", self.is_serving, START_S)

    def is_serving(self):
        if self.process.poll() is not None:
            raise SystemExit(f"{self.name} ended:\n{(self.folder / 'log/out').read_text()[-3000:]}")
        return listening(self.mqtt) and listening(self.amqp)

    def kill(self):
        """`kill -9`, of the node and of what it started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def ctl(self, *words, program="rabbitmqctl"):
        run = subprocess.run([PROGRAMS / program, "-q", "-n", self.name, *words], env=self.environment, cwd=self.folder,
                             capture_output=True, text=True)
        if run.returncode != 0:
            raise SystemExit(f"{program} {' '.join(map(str, words))}: {run.stdout}{run.stderr}")
        return run.stdout

    def resident_mb(self):
        status = pathlib.Path(f"/proc/{self.beam()}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) // 1024

    def beam(self):
        """The process that is the node; what was started is a script around it."""
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if "beam.smp" in (folder / "comm").read_text() and os.getpgid(int(folder.name)) == self.process.pid:
                    return int(folder.name)
            except OSError:
                continue
        raise SystemExit(f"{self.name} has no process")


class Cluster:
    """The nodes and the one address in front of them."""

    def __init__(self, folder):
        self.folder, self.epmd_port = folder, free_port()
        self.tls = folder / "tls"
        self.tls.mkdir()
        certificates(self.tls, "authority", "localhost")
        shared = {"cookie": secrets.token_hex(16), "tls": self.tls, "epmd": self.epmd_port}
        self.nodes = [Node(folder, number, shared) for number in range(1, NODES + 1)]
        self.mqtt, self.amqp = free_port(), free_port()
        self.helpers = []

    def start(self):
        epmd = subprocess.Popen(["epmd", "-address", "127.0.0.1", "-port", str(self.epmd_port)],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.helpers.append(epmd)
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.await_serving()
        wait_for("three nodes are one cluster", lambda: len(self.running(self.nodes[0])) == NODES, START_S)
        self.nodes[0].ctl("import_definitions", DEPLOY / "topology.json")
        self.start_proxy()

    def start_proxy(self):
        text = (DEPLOY / "haproxy.cfg").read_text()
        for port, kind in ((8883, "mqtt"), (5671, "amqp")):
            text = text.replace(f"bind :{port}", f"bind 127.0.0.1:{getattr(self, kind)}")
            for n, node in enumerate(self.nodes, 1):
                text = text.replace(f"centre{n}:{port}", f"127.0.0.1:{getattr(node, kind)}")
        text = text.replace("maxconn 20000", "maxconn 4000")
        path = self.folder / "haproxy.cfg"
        path.write_text(text)
        log = open(self.folder / "haproxy.log", "ab")
        self.helpers.append(subprocess.Popen(["haproxy", "-db", "-f", path], stdout=log, stderr=log))
        wait_for("haproxy listens", lambda: listening(self.mqtt) and listening(self.amqp))

    def running(self, node):
        return json.loads(node.ctl("cluster_status", "--formatter", "json"))["running_nodes"]

    def import_logins(self, *words):
        """Makes logins with the tool that is shipped."""
        made = subprocess.run([DEPLOY / "logins.py", *words, "--logins", self.folder / "logins"], check=True, capture_output=True)
        path = self.folder / "users.json"
        path.write_bytes(made.stdout)
        self.nodes[0].ctl("import_definitions", path)

    def password(self, user_name):
        lines = (line.split() for line in (self.folder / "logins").read_text().splitlines())
        return next(password for _, user, password in lines if user == user_name)

    def queues(self, node):
        rows = json.loads(node.ctl("list_queues", "-p", "hazgate", "name", "leader", "messages", "members", "--formatter", "json"))
        return {row["name"]: row for row in rows}

    def stop(self):
        for node in self.nodes:
            if node.process and node.process.poll() is None:
                node.kill()
        for helper in self.helpers:
            helper.kill()
            helper.wait()
