"""Something on a serial line that spoils answers: it stands between two lines, passes questions on as they are, and does to
answers what long cables, bad earths and cheap converters do."""

import collections
import os
import random
import select
import threading
import time

# Between two pieces of one answer; whoever sends them makes no longer pause.
GAP_S = 0.01
SEED = 20261122


class Disturbance(threading.Thread):
    """Between `gateway` and `devices`, the ends of two lines. `kinds` says what may become of answers; chance says in which
    order, and each kind's turn comes."""

    CLEAN = ("pass",)
    # Harmless or not: each is to be survived, and none may bring a wrong value.
    MIXED = ("pass",) * 12 + ("pause", "late_end", "before", "after", "later", "middle", "lost", "flipped")
    # No checksum can hold.
    SPOILT = ("middle", "lost", "flipped", "late_end")

    def __init__(self, gateway, devices, timeout_s):
        super().__init__(daemon=True)
        self.gateway, self.devices = (os.open(end, os.O_RDWR | os.O_NOCTTY) for end in (gateway, devices))
        self.timeout_s, self.random = timeout_s, random.Random(SEED)
        self.kinds, self.dealt, self.played = self.CLEAN, [], collections.Counter()
        self.over = threading.Event()
        self.questions = threading.Thread(target=self.pass_questions, daemon=True)

    def __enter__(self):
        self.start()
        self.questions.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in (self, self.questions):
            thread.join()
        os.close(self.gateway)
        os.close(self.devices)

    def pass_questions(self):
        while not self.over.is_set():
            os.write(self.devices, self.hear(self.gateway))

    def run(self):
        while not self.over.is_set():
            answer = self.hear(self.devices)
            if answer:
                self.play(self.next_kind(), answer)

    def next_kind(self):
        kinds = self.kinds
        if not self.dealt or not set(self.dealt) <= set(kinds):
            self.dealt = self.random.sample(kinds, len(kinds))
        return self.dealt.pop()

    @staticmethod
    def hear(end):
        """What comes until there is a gap; perhaps nothing."""
        heard = b""
        while select.select([end], [], [], GAP_S if heard else 0.1)[0]:
            heard += os.read(end, 512)
        return heard

    def noise(self):
        return self.random.randbytes(self.random.randint(1, 12))

    def play(self, kind, answer):
        at = self.random.randrange(1, len(answer) - 1)
        front, back = answer[:at], answer[at:]
        pieces = {
            "pass": lambda: [answer],
            "pause": lambda: [front, self.random.uniform(0.003, 0.06), back],
            "late_end": lambda: [front, self.timeout_s * self.random.uniform(1.1, 1.8), back],
            "before": lambda: [self.noise(), answer],
            "after": lambda: [answer, self.noise()],
            "later": lambda: [answer, self.random.uniform(0.02, 0.1), self.noise()],
            "middle": lambda: [front, self.noise(), back],
            "lost": lambda: [front, back[1:]],
            "flipped": lambda: [front, bytes([back[0] ^ 1 << self.random.randrange(8)]), back[1:]],
        }[kind]()
        for piece in pieces:
            if isinstance(piece, bytes):
                os.write(self.gateway, piece)
            else:
                time.sleep(piece)
        self.played[kind] += 1
