"""Rows that measure how much misbehaving peers slow down a well-behaved sender."""

import contextlib
import time

from .measure import Cell, Check, Row, Sender, commands, measured
from .rows import WARM_UP, holding, store
from .servers import OURS_FULL, OURS_NONE, RELEASE

CROWD = Sender(RELEASE / "crowd", "127.0.0.1:{port}")
SERVERS = (OURS_FULL, OURS_NONE)


def crowd_cells(bench):
    sender = store(2_000, 39_000)
    cells = []
    for server in SERVERS:
        used = (*commands(server, sender), CROWD.command())
        for name, beside in (("alone", None), ("in a crowd", CROWD)):
            measure = crowd_measurement(bench, server, sender, beside)
            cells.append(Cell("39 kB", f"{server.name}, {name}", measure, used))
    return cells


def crowd_measurement(bench, server, sender, crowd):
    def measure():
        def send(running):
            with holding(crowd, running) if crowd else contextlib.nullcontext({"open": 0}) as held:
                time.sleep(2)  # until the idle connections have been handled
                return {**sender.run(running), "open": held["open"]}

        return measured(bench, server, send, WARM_UP.run)

    return measure


def crowd_checks(results):
    return [
        Check(
            f"{server.name}: 99th percentile of the answers, times what it is alone",
            results.ratio(
                ("39 kB", f"{server.name}, in a crowd", "p99_us"),
                ("39 kB", f"{server.name}, alone", "p99_us"),
            ),
            2,
        )
        for server in SERVERS
    ]


ROWS = (
    Row("crowd", "A sender among 10,000 idle and 720 slow, deaf and silent peers, and resets",
        "99th percentile of its answers at most 2 × what it is alone",
        (("median_us", "median µs", 0), ("p99_us", "p99 µs", 0), ("open", "open", 0)),
        crowd_cells, crowd_checks),
)
