"""A device that dials in: a DTU that says its registration and its heartbeats and passes frames on to a pymodbus server behind it, dials
again while its earlier connection still stands, and hangs up; and a stranger at its door."""

import contextlib
import socket
import threading
import time

import bench
import modbus_south
from bench import step, wait_for
from modbus_south import Gateway, Unit, all_fresh, device
from pymodbus import FramerType
from pymodbus.server import ModbusTcpServer

REGISTRATION = b"DTU-0001\r\n"
HEARTBEAT = b"\xfe"
HEARTBEAT_EVERY_S = 0.02


class Dtu:
    """Dials the gateway for the units at `server`; passes whole pieces on, with heartbeats between them."""

    def __init__(self, gateway, server):
        self.up = socket.create_connection(("127.0.0.1", gateway))
        self.down = socket.create_connection(("127.0.0.1", server))
        for line in (self.up, self.down):
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.speaking, self.over = threading.Lock(), threading.Event()
        # Both arrive in pieces, as they do over a mobile network.
        self.up.sendall(REGISTRATION[:4])
        self.up.sendall(REGISTRATION[4:])
        for work in (self.ask, self.answer, self.beat):
            threading.Thread(target=self.until_over, args=(work,), daemon=True).start()

    def until_over(self, work):
        with contextlib.suppress(OSError):
            while not self.over.is_set() and work():
                pass
        self.over.set()

    def ask(self):
        question = self.up.recv(4096)
        self.down.sendall(question)
        return question

    def answer(self):
        answer = self.down.recv(4096)
        self.say(answer)
        return answer

    def beat(self):
        self.say(HEARTBEAT)
        return not self.over.wait(HEARTBEAT_EVERY_S)

    def say(self, piece):
        with self.speaking:
            self.up.sendall(piece)

    def hang_up(self):
        self.over.set()
        for line in (self.up, self.down):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()


def dials_in(hazgate, folder, broker, servers):
    units = {"first": Unit(1), "second": Unit(2)}
    server_port, port = bench.free_port(), bench.free_port()
    server = servers.serve(
        ModbusTcpServer, [unit.device for unit in units.values()], framer=FramerType.RTU, address=("127.0.0.1", server_port)
    )
    reach = (
        f'protocol = "modbus-rtu-over-tcp"\nlisten = "127.0.0.1:{port}"\n'
        'registration = "DTU-0001\\r\\n"\nheartbeat = "hex:FE"\nunit = {unit}\n'
    )
    devices = [device(name, reach.replace("{unit}", str(unit.number)), **Unit.POINTS) for name, unit in units.items()]
    with Gateway(hazgate, folder, broker, "dial-in", *devices) as gateway:
        for name in units:
            wait_for(f"the absence of {name}", lambda: gateway.is_down(name, *Unit.POINTS))
        assert "it has not dialled in" in gateway.device("first")["error"]["en"], gateway.device("first")
        dtu = Dtu(port, server_port)
        all_fresh(gateway, units)
        step("a device that has not dialled in is down with that reason; units of pymodbus behind a DTU that dials in are read")
        a_stranger_calls(gateway, port)
        spoken = {name: len(gateway.states[name]) for name in units}
        again = Dtu(port, server_port)
        wait_for("the end of the earlier connection", dtu.over.is_set)
        all_fresh(gateway, units)
        for name, count in spoken.items():
            assert "down" not in gateway.states[name][count:], gateway.states[name]
        step("a DTU that dials again takes the place of its earlier connection; a stranger is named in the log and disturbs nobody")
        again.hang_up()
        for name in units:
            wait_for(f"the fall of {name}", lambda: gateway.is_down(name, *Unit.POINTS))
        begun = time.monotonic()
        dtu = Dtu(port, server_port)
        all_fresh(gateway, units)
        for name, unit in units.items():
            wait_for(f"{name} up", lambda: gateway.device(name)["state"] == "up")
            unit.judge(gateway.data[name])
        step(f"a DTU that hung up is down, and read again {time.monotonic() - begun:.1f} s after it dials; no wrong value, no old one")
        dtu.hang_up()
    servers.end(server)


def a_stranger_calls(gateway, port):
    with socket.create_connection(("127.0.0.1", port), bench.PATIENCE_S) as stranger:
        stranger.sendall(b"DTU-0009")
        assert stranger.recv(1) == b"", "a stranger is answered"
    wait_for("the stranger's name", lambda: "said=DTU-0009" in gateway.log.read_text())


def run(hazgate, folder):
    """The one part of this file."""
    modbus_south.run(hazgate, folder, (dials_in,))
