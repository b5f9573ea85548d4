"""Rows about the catalogue and the outbox: what they cost reception, and how much they take."""

import contextlib
import dataclasses
import json
import sys
import time
from pathlib import Path

from . import postgresql, process
from .measure import Cell, Check, Row, commands, measured
from .rows import KIB, OURS_FULL, OURS_NONE, WARM_UP, store
from .servers import ORTHANC, RELEASE, ROOT

CATALOG = '[catalog]\nurl = "sqlite"\nquiet = "1 h"\n'
WORKER = (
    'deliver = ["worker"]\n' + CATALOG + '[[destination]]\nname = "worker"\nkind = "worker"\nwindow = 256\n'
    f'command = ["{sys.executable}", "{ROOT}/bench/harness/worker.py"]\n'
)
# Nobody listens there, so only the receiver's side is measured.
WAITING = (
    'deliver = ["away"]\n' + CATALOG + '[[destination]]\nname = "away"\nkind = "webhook"\n'
    'url = "http://127.0.0.1:9/"\n'
)
WITHOUT, CATALOGUED, OWED, DELIVERED = "without", "catalogue", "one destination, away", "one destination, a worker"


# What they cost

SIZES = {"39 kB": 39_000, "512 KiB": 512 * KIB}
OBJECTS = {"39 kB": {1: 1_600, 32: 6_400}, "512 KiB": {1: 960, 32: 1_920}}
BYTES = 400 * 2**20


def owed_cells(bench):
    variants = {
        WITHOUT: OURS_FULL,
        CATALOGUED: OURS_FULL.with_settings(CATALOGUED, CATALOG),
        OWED: OURS_FULL.with_settings(OWED, WAITING),
        DELIVERED: OURS_FULL.with_settings(DELIVERED, WORKER),
    }
    cells = []
    for size, object_bytes in SIZES.items():
        for associations, objects in OBJECTS[size].items():
            sender = store(objects, object_bytes, associations)
            for name, server in variants.items():
                def measure(server=server, sender=sender, objects=objects):
                    figures = measured(bench, server, sender.run, WARM_UP.run, bytes_to_write=BYTES)
                    return {**figures, "cpu_us_each": figures["cpu_s"] / objects * 1e6}

                cells.append(Cell(where(size, associations), name, measure, commands(server, sender)))
    return cells


def where(size, associations):
    return f"{size}, {associations} association{'s' if associations > 1 else ''}"


def owed_checks(results):
    checks = []
    for size in SIZES:
        for name in (CATALOGUED, OWED, DELIVERED):
            one = where(size, 1)
            checks.append(Check(f"{one}: time with {name}, times that without",
                                results.ratio((one, name, "wall_s"), (one, WITHOUT, "wall_s")), 1.10))
            many = where(size, 32)
            checks.append(Check(f"{many}: rate with {name}, times that without",
                                results.ratio((many, name, "objects_per_s"), (many, WITHOUT, "objects_per_s")),
                                0.85, at_least=True))
    return checks


# How many objects are taken in

TAKEN_IN = 20_000
TAKEN_BY_ORTHANC = 2_000
ASSOCIATIONS = 8
GROUP = "39 kB, 8 associations"


SQLITE, POSTGRESQL, ORTHANC_POSTGRESQL = "SQLite", "PostgreSQL", "Orthanc with PostgreSQL"
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancPostgreSQLIndex.so")


def taken_cells(bench):
    sqlite = OURS_NONE.with_settings(SQLITE, CATALOG)
    cells = [taken_cell(bench, sqlite, TAKEN_IN), taken_cell(bench, ORTHANC, TAKEN_BY_ORTHANC, 2)]
    if postgresql.programs() is None:
        return cells
    cells.append(taken_cell(bench, OURS_NONE.with_settings(POSTGRESQL, CATALOG), TAKEN_IN, server_at=in_postgresql))
    if PLUGIN.exists():
        orthanc = dataclasses.replace(ORTHANC, name=ORTHANC_POSTGRESQL)
        cells.append(taken_cell(bench, orthanc, TAKEN_BY_ORTHANC, 2, orthanc_in_postgresql))
    return cells


def taken_cell(bench, server, objects, rounds=None, server_at=None):
    """Where the catalogue is in PostgreSQL, `server_at` makes the server for a port."""
    sender = store(objects, 39_000, ASSOCIATIONS)

    def send(running):
        begun = time.monotonic()
        sender.run(running)
        if server.settings is not None:
            wait_until_taken_in(running, objects)
        return {"taken_per_s": objects / (time.monotonic() - begun)}

    def measure():
        with contextlib.ExitStack() as stack:
            chosen = server_at(server, stack.enter_context(postgresql.cluster())) if server_at else server
            return measured(bench, chosen, send, bytes_to_write=objects * 40_000)

    return Cell(GROUP, server.name, measure, commands(server, sender), rounds)


def in_postgresql(server, port):
    settings = CATALOG.replace('"sqlite"', f'"{postgresql.url(port)}"')
    return dataclasses.replace(server, settings=settings)


def orthanc_in_postgresql(server, port):
    name = postgresql.NAME
    database = {"EnableIndex": True, "EnableStorage": False, "Host": "127.0.0.1", "Port": port, "Database": name,
                "Username": name, "Password": name}
    return dataclasses.replace(
        server, config={**server.config, "Plugins": [str(PLUGIN)], "PostgreSQL": database}
    )


def wait_until_taken_in(running, objects):
    """Waits until the catalogue has that many instances."""
    deadline = time.monotonic() + 60
    while statistics(running)["objects"] < objects:
        if time.monotonic() > deadline:
            raise process.Failed("the catalogue does not catch up")
        time.sleep(0.02)


def statistics(running):
    words = [RELEASE / "storescp", "catalog", "stats", "--json", "--settings", running.settings, "-od", running.store]
    return json.loads(process.run(list(map(str, words))))


def taken_checks(results):
    def rate(name):
        return results.median(GROUP, name, "taken_per_s")

    def times(name, other):
        return results.ratio((GROUP, name, "taken_per_s"), (GROUP, other, "taken_per_s"))

    checks = []
    for name, orthanc in ((SQLITE, ORTHANC.name), (POSTGRESQL, ORTHANC_POSTGRESQL)):
        told = f"{name}: objects taken in each second, while receiving"
        checks.append(Check(told, rate(name), 5_000, at_least=True))
        checks.append(Check(f"{name}: times {orthanc}'s", times(name, orthanc), 1, at_least=True))
    return checks


# Idle

def idle_cells(bench):
    server = OURS_FULL.with_settings("catalogue open", CATALOG)

    def measure():
        with server.running(bench.scratch) as running:
            WARM_UP.run(running)
            time.sleep(3)
            memory = process.memory(running.pid)
            return {"rss_mib": memory["rss"] / 2**20, "peak_mib": memory["peak_rss"] / 2**20}

    return [Cell("idle", server.name, measure, (server.command(),))]


def idle_checks(results):
    return [Check("MiB in all, idle, catalogue open", results.median("idle", "catalogue open", "rss_mib"), 24)]


ROWS = (
    Row("owed", "Storing with full durability, with a catalogue and one destination, and without",
        "one association at most 1.10 × the time, 32 at least 0.85 × the rate",
        (("objects_per_s", "objects/s", 0), ("wall_s", "seconds", 3), ("median_us", "median µs", 0),
         ("p99_us", "p99 µs", 0), ("cpu_us_each", "server CPU µs/object", 1)), owed_cells, owed_checks),
    Row("taken", "Objects taken into the catalogue while they are received", "at least 5,000/s",
        (("taken_per_s", "objects/s", 0), ("cpu_s", "server CPU s", 3), ("peak_bytes", "peak RSS bytes", 0)),
        taken_cells, taken_checks),
    Row("catalog-idle", "Memory with a catalogue open and nothing to do", "at most 24 MiB",
        (("rss_mib", "RSS MiB", 1), ("peak_mib", "peak RSS MiB", 1)), idle_cells, idle_checks),
)
