"""What the gateways' disks say must have been told, against what the centre's database holds."""

import collections
import sqlite3


class Kept:
    """What one gateway keeps, read from its database by other means than its own."""

    def __init__(self, directory):
        db = sqlite3.connect(f"file:{directory}/data/hazgate.db?mode=ro", uri=True)
        self.events = db.execute("select seq, id from journal order by seq").fetchall()
        acknowledged, = db.execute("select telemetry from cursor where forwarder = 'centre'").fetchone()
        owed = db.execute("select after, upto from gap where forwarder = 'centre'").fetchall()
        rows = db.execute(
            "select telemetry.id, name.text, telemetry.seq from telemetry join name on name.id = device where telemetry.id <= ?", (acknowledged,))
        self.rows = {(device, seq) for id, device, seq in rows if not any(after < id <= upto for after, upto in owed)}
        db.close()


class Verdict:
    def __init__(self, fleet, ledger):
        self.wrong = []
        self.db = sqlite3.connect(ledger)
        self.events = self.copies = self.rows = self.row_copies = 0
        self.shares = collections.Counter()
        for directory in fleet:
            self.judge(directory.name, Kept(directory))
        conflicts, = self.db.execute("select count(*) from conflict").fetchone()
        if conflicts:
            self.wrong.append(f"{conflicts} events have the number of another and another id")

    def judge(self, name, kept):
        # In the order in which they were first written down.
        told = self.db.execute("select seq, id, consumer, copies from event where gateway = ? order by rowid", (name,)).fetchall()
        numbers = [seq for seq, *_ in told]
        if [seq for seq, _ in kept.events] != list(range(1, len(kept.events) + 1)):
            self.wrong.append(f"{name}: its journal has a gap")
        missing = dict(kept.events).items() - {seq: id for seq, id, *_ in told}.items()
        if missing:
            self.wrong.append(f"{name}: {len(missing)} of {len(kept.events)} events lost, first {min(missing)}")
        if len(told) > len(kept.events):
            self.wrong.append(f"{name}: {len(told) - len(kept.events)} events that it does not keep")
        if numbers != sorted(numbers):
            late = next((a, b) for a, b in zip(numbers, numbers[1:]) if a > b)
            self.wrong.append(f"{name}: out of order: {late[1]} came after {late[0]}")
        had = self.db.execute("select device, seq, copies from reading where gateway = ?", (name,)).fetchall()
        lost = kept.rows - {(device, seq) for device, seq, _ in had}
        if lost:
            self.wrong.append(f"{name}: {len(lost)} of {len(kept.rows)} acknowledged rows lost, first {min(lost)}")
        self.events += len(kept.events)
        self.rows += len(kept.rows)
        self.copies += sum(copies - 1 for *_, copies in told)
        self.row_copies += sum(copies - 1 for *_, copies in had)
        self.shares.update(consumer for _, _, consumer, _ in told)
