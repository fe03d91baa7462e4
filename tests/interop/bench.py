"""What every part of the test needs: steps that are told, waiting for what must come, free ports, certificates, and the ends of
serial lines."""

import contextlib
import os
import socket
import subprocess
import time

PATIENCE_S = 30
passed = 0


def step(text):
    """Tells what held."""
    global passed
    passed += 1
    print(f"ok {passed} - {text}", flush=True)


def wait_for(what, condition, patience=PATIENCE_S):
    """Waits until `condition` gives something true, and gives that."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise SystemExit(f"not within {patience} s: {what}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listening(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
        return True
    except OSError:
        return False


def certificates(folder, authority, *names):
    """An authority `<authority>.pem`, and for each name a `<name>.pem` of its with the `<name>.key`."""

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    ca = ["-keyout", f"{authority}.key", "-out", f"{authority}.pem", "-subj", f"/CN={authority}", "-days", "2"]
    openssl("req", "-x509", *new_key, *ca)
    for name in names:
        openssl("req", *new_key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "ext").write_text(f"subjectAltName=DNS:{name}\nbasicConstraints=CA:FALSE\n")
        openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key",
            "-CAcreateserial", "-out", f"{name}.pem", "-days", "2", "-extfile", "ext",
        )


@contextlib.contextmanager
def serial_line(folder, name):
    """A serial line: the paths of its two ends, joined by socat. Both are held open here, for a pseudo terminal that its last
    user closes hangs up."""
    ends = [folder / f"{name}-{end}" for end in ("near", "far")]
    with open(folder / f"{name}.log", "wb") as log:
        line = subprocess.Popen(["socat", *(f"PTY,link={end},raw,echo=0" for end in ends)], stderr=log)
    with contextlib.ExitStack() as undo:
        undo.callback(line.wait)
        undo.callback(line.kill)
        wait_for(f"the ends of the line {name}", lambda: all(end.exists() for end in ends))
        for end in ends:
            undo.callback(os.close, os.open(end, os.O_RDWR | os.O_NOCTTY))
        yield ends
