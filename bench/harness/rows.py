"""Rows of the benchmark: what is measured, and the targets."""

import contextlib
import json
import subprocess
import time

from . import machine, process, servers
from .measure import Cell, Check, Row, Sender, commands, measured
from .servers import CARGO, DCMTK, DICOM_RS, LOADGEN, ORTHANC, OURS_FULL, OURS_NONE, OURS_ORDERED, PYNETDICOM

MB = 10**6
KIB = 2**10
GIB = 2**30

DCMTK_BIT = DCMTK.with_options("+B")
DCMTK_FORK = DCMTK.with_options("--fork")
DCMTK_NODELAY = DCMTK_BIT.with_environment(TCP_NODELAY=1)
DICOM_RS_ASYNC = DICOM_RS.with_options("-n")
OURS_BIT_FULL = OURS_FULL.with_options("+B")
OURS_BIT_NONE = OURS_NONE.with_options("+B")
PEERS = (DCMTK, DCMTK_BIT, DCMTK_FORK, DICOM_RS, DICOM_RS_ASYNC, PYNETDICOM, ORTHANC)
SLOW = (PYNETDICOM, ORTHANC)


def store(objects, object_bytes, associations=1):
    """A loadgen that stores generated objects."""
    return Sender(
        LOADGEN, "store", "127.0.0.1:{port}", "--objects", objects, "--object-bytes", object_bytes,
        "--associations", associations,
    )


WARM_UP = store(objects=3, object_bytes=39_000)


# 100 CT by unmodified senders

CT_SENDERS = {
    "storescu": Sender("/usr/bin/storescu", "127.0.0.1", "{port}", "{files}"),
    "dcmsend": Sender("/usr/bin/dcmsend", "127.0.0.1", "{port}", "{files}"),
    "dicom-storescu": Sender(CARGO / "dicom-storescu", "127.0.0.1:{port}", "{files}"),
}


def ct_cells(bench):
    return [
        Cell(
            group, server.name, ct_measurement(bench, server, sender),
            commands(server, sender), rounds=3 if server in PEERS else None,
        )
        for group, sender in CT_SENDERS.items()
        for server in (OURS_FULL, OURS_NONE, *PEERS)
    ]


def ct_measurement(bench, server, sender):
    def measure():
        first, *files = bench.ct_files()

        def prepare(running):
            sender.run(running, [first])

        def send(running):
            before = running.stored()
            begun = time.monotonic()
            sender.run(running, files, timeout=120)
            wall = time.monotonic() - begun
            if running.stored() - before < len(files):
                raise process.Failed(f"stored {running.stored() - before} of {len(files)}")
            return {"wall_s": wall}

        return measured(bench, server, send, prepare)

    return measure


def ct_checks(results):
    return [
        Check(f"{group}, {server.name}: seconds", results.median(group, server.name, "wall_s"), limit)
        for group in CT_SENDERS
        for server, limit in ((OURS_FULL, 0.4), (OURS_NONE, 0.25))
    ]


# CPU time per GiB

CPU_SIZES = {"200 MB": 200 * MB, "512 KiB": 512 * KIB}
OURS_FOR_CPU = (OURS_BIT_NONE, OURS_BIT_FULL, OURS_NONE)


def cpu_cells(bench):
    cells = []
    for group, size in CPU_SIZES.items():
        floors = (servers.floor(), servers.floor(size), servers.floor(size, sync=True))
        for server in (*floors, *OURS_FOR_CPU, *PEERS):
            objects = (400 if server in PEERS else 1000) * MB // size
            sender = store(objects, size)
            if server.floor:
                whole = server == floors[0]
                sender = floor_sender(1, objects * size) if whole else floor_sender(objects, size)
            measure = cpu_measurement(bench, server, sender, objects * size)
            rounds = 2 if server in SLOW else 3 if server in PEERS else None
            cells.append(Cell(group, server.name, measure, commands(server, sender), rounds))
    return cells


def floor_sender(objects, object_bytes):
    return Sender(
        servers.FLOOR, "send", "{port}", "--objects", objects, "--object-bytes", object_bytes
    )


def cpu_measurement(bench, server, sender, total_bytes):
    def measure():
        warm_up = floor_sender(1, 100) if server.floor else WARM_UP
        figures = measured(
            bench, server, sender.run, warm_up.run, bytes_to_write=total_bytes
        )
        figures["cpu_s_per_gib"] = figures["cpu_s"] / (total_bytes / GIB)
        return figures

    return measure


def cpu_checks(results):
    """Compares a server that syncs with a floor that syncs too."""
    checks = []
    for group, size in CPU_SIZES.items():
        for server, base in (
            (OURS_BIT_NONE, servers.floor()),
            (OURS_BIT_FULL, servers.floor(size, sync=True)),
        ):
            ratio = results.ratio(
                (group, server.name, "cpu_s_per_gib"), (group, base.name, "cpu_s_per_gib")
            )
            checks.append(Check(f"{group}, {server.name}: CPU time by that of the {base.name}", ratio, 1.2))
    return checks


# Small objects

SMALL_OBJECTS = 5_000


def small_cells(bench):
    sender = store(SMALL_OBJECTS, 4 * KIB)
    slow_sender = store(SMALL_OBJECTS // 20, 4 * KIB)
    floor, floor_used = servers.floor(4 * KIB), floor_sender(SMALL_OBJECTS, 4 * KIB)
    cells = []
    for server in (OURS_NONE, OURS_BIT_NONE, floor, OURS_FULL, DCMTK_NODELAY, *PEERS):
        used = sender if server in (OURS_NONE, OURS_BIT_NONE) else slow_sender
        warm_up = WARM_UP
        if server.floor:
            used, warm_up = floor_used, floor_sender(3, 4 * KIB)
        cells.append(
            Cell(
                "4 KiB", server.name,
                lambda server=server, used=used, warm_up=warm_up: measured(
                    bench, server, used.run, warm_up.run
                ),
                commands(server, used), rounds=3 if server in PEERS else None,
            )
        )
    return cells


def small_checks(results):
    return [
        Check(f"{server.name}: median µs", results.median("4 KiB", server.name, "median_us"), 100)
        for server in (OURS_NONE, OURS_BIT_NONE)
    ]


# Memory of one object

PEAK_SIZES = {"2 GB": 2000 * MB, "200 MB": 200 * MB}


def peak_cells(bench):
    cells = []
    for group, size in PEAK_SIZES.items():
        ours = (OURS_BIT_NONE, OURS_NONE, OURS_FULL)
        peers = (DCMTK_BIT,) if size > 1000 * MB else tuple(p for p in PEERS if p != DCMTK_FORK)
        sender = store(1, size)
        for server in (*ours, *peers):
            cells.append(
                Cell(
                    group, server.name,
                    lambda server=server, sender=sender: measured(bench, server, sender.run),
                    commands(server, sender), rounds=1 if server in PEERS else 2,
                )
            )
    return cells


def peak_checks(results):
    return [
        Check(f"2 GB, {name}: peak MiB", mib(results.median("2 GB", name, "peak_bytes")), 16)
        for name in (OURS_BIT_NONE.name, OURS_NONE.name, OURS_FULL.name)
    ]


def mib(size):
    return None if size is None else size / 2**20


# Idle associations

IDLE_ASSOCIATIONS = 10_000
IDLE_FORKED = 1_000


def idle_cells(bench):
    cells = []
    for server, number in ((OURS_FULL, IDLE_ASSOCIATIONS), (DCMTK_FORK, IDLE_FORKED)):
        for group, option in (("just opened", ()), ("after one C-ECHO each", ("--echo",))):
            sender = Sender(LOADGEN, "idle", "127.0.0.1:{port}", "--associations", number, *option)
            cells.append(
                Cell(
                    group, server.name, idle_measurement(bench, server, sender, number),
                    commands(server, sender), rounds=1 if server in PEERS else 2,
                )
            )
    return cells


def idle_measurement(bench, server, sender, number, tls=()):
    """`tls`: options that make our own senders use TLS."""
    warm_up = Sender(*WARM_UP.argv, *tls)

    def measure():
        with server.running(bench.scratch) as running:
            Sender(*echo(1).argv, *tls).run(running)
            before = process.memory(running.pid)
            available = machine.available_bytes()
            with holding(sender, running):
                time.sleep(1)
                after = process.memory(running.pid)
                taken = available - machine.available_bytes()
                warm_up.run(running, timeout=60)  # check that the server still works
        return {
            "open": number,
            "rss_kib_each": (after["rss"] - before["rss"]) / KIB / number,
            "pss_kib_each": (after["pss"] - before["pss"]) / KIB / number,
            "system_kib_each": taken / KIB / number,
        }

    return measure


@contextlib.contextmanager
def holding(sender, running):
    """Keeps the connections of `sender` open until the end of the block."""
    child = subprocess.Popen(
        sender.words(running), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )
    try:
        line = child.stdout.readline()
        if not line:
            raise process.Failed("not all connections could be opened")
        yield json.loads(line)
    finally:
        child.stdin.close()
        try:
            child.wait(timeout=60)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def idle_checks(results):
    checks = []
    for group in ("just opened", "after one C-ECHO each"):
        each = results.median(group, OURS_FULL.name, "rss_kib_each")
        number = results.median(group, OURS_FULL.name, "open")
        checks.append(Check(f"{group}: KiB each", each, 100))
        checks.append(Check(f"{group}: open at once", number, IDLE_ASSOCIATIONS, at_least=True))
    return checks


# A sender beside idle connections

IDLE_CONNECTIONS = 2_000


def beside_cells(bench):
    idle = Sender(LOADGEN, "tcp-idle", "127.0.0.1:{port}", "--connections", IDLE_CONNECTIONS)
    senders = {"loadgen": store(100, 39_000), "storescu": CT_SENDERS["storescu"]}
    cells = []
    for group, sender in senders.items():
        for server in (OURS_FULL, OURS_NONE, DCMTK, DCMTK_FORK):
            used = (*commands(server, sender), idle.command())
            rounds = 1 if server in PEERS else None
            for name, beside in (("alone", None), ("beside", idle)):
                measure = beside_measurement(bench, server, sender, beside)
                cells.append(Cell(group, f"{server.name}, {name}", measure, used, rounds))
    return cells


def beside_measurement(bench, server, sender, idle):
    def measure():
        first, *files = bench.ct_files()

        def send(running):
            with holding(idle, running) if idle else contextlib.nullcontext({"open": 0}) as held:
                time.sleep(2)  # until they count as idle: accepted, and silent for more than a second
                begun = time.monotonic()
                sender.run(running, files, timeout=20 if server in PEERS else 600)
                return {"wall_s": time.monotonic() - begun, "open": held["open"]}

        return measured(bench, server, send, lambda running: sender.run(running, [first]))

    return measure


def beside_checks(results):
    return [
        Check(
            f"{group}, {server.name}: times its time alone",
            results.ratio(
                (group, f"{server.name}, beside", "wall_s"),
                (group, f"{server.name}, alone", "wall_s"),
            ),
            1.5,
        )
        for group in ("loadgen", "storescu")
        for server in (OURS_FULL, OURS_NONE)
    ]


# Associations with one echo


def echo(associations):
    return Sender(LOADGEN, "echo", "127.0.0.1:{port}", "--associations", associations)


def echo_cells(bench):
    cells = []
    for server in (OURS_FULL, *PEERS):
        sender = echo(50 if server in SLOW else 2_000)
        cells.append(
            Cell(
                "one after another", server.name,
                lambda server=server, sender=sender: measured(bench, server, sender.run, echo(20).run),
                commands(server, sender), rounds=3 if server in PEERS else None,
            )
        )
    return cells


def echo_checks(results):
    rate = results.median("one after another", OURS_FULL.name, "associations_per_s")
    return [Check("associations with one C-ECHO per second", rate, 3_000, at_least=True)]


# Durable storing

DURABLE_SIZES = {"39 kB": 39_000, "512 KiB": 512 * KIB}
DURABLE_OBJECTS = {"39 kB": {1: 1_600, 32: 6_400}, "512 KiB": {1: 960, 32: 1_920}}
DURABLE_BYTES = 400 * 2**20


def durable_cells(bench):
    cells = []
    for group, size in DURABLE_SIZES.items():
        for at_once, objects in DURABLE_OBJECTS[group].items():
            loop = Sender(servers.FLOOR, "sync", "{dir}", "--objects", objects, "--object-bytes",
                          size, "--threads", at_once)
            cells.append(Cell(group, f"bare loop, at once: {at_once}",
                              loop_measurement(bench, loop), (loop.command(),)))
            sender = store(objects, size, at_once)
            for server in (OURS_FULL, OURS_ORDERED):
                cells.append(
                    Cell(
                        group, f"{server.name}, associations: {at_once}",
                        lambda server=server, sender=sender: measured(
                            bench, server, sender.run, WARM_UP.run, bytes_to_write=DURABLE_BYTES),
                        commands(server, sender),
                    )
                )
    return cells


def loop_measurement(bench, loop):
    def measure():
        with bench.folder() as folder:
            machine.settle(bench.scratch, DURABLE_BYTES)
            words = [str(word).format(dir=folder) for word in loop.argv]
            return json.loads(process.run(words).strip().splitlines()[-1])

    return measure


def durable_checks(results):
    checks = []
    for group in DURABLE_SIZES:
        ours = {n: (group, f"{OURS_FULL.name}, associations: {n}", "objects_per_s") for n in (1, 32)}
        ordered = {n: (group, f"{OURS_ORDERED.name}, associations: {n}", "objects_per_s") for n in (1, 32)}
        bare = {n: (group, f"bare loop, at once: {n}", "objects_per_s") for n in (1, 32)}
        slower = results.ratio(bare[1], ours[1])
        checks.append(Check(f"{group}: one association, times the bare loop", slower, 1.2))
        many = results.ratio(ours[32], ours[1])
        checks.append(Check(f"{group}: 32 associations, times one", many, 4, at_least=True))
        # The maximum of the disk and the cores: if this is less than 4, the factor above cannot reach 4.
        slower = results.ratio(bare[32], ours[32])
        checks.append(Check(f"{group}: 32 associations, times 32 bare loops", slower, 1.2))
        checks += [
            Check(f"{group}: ordered, times full, associations: {n}", results.ratio(ordered[n], ours[n]),
                  1, at_least=True)
            for n in (1, 32)
        ]
    return checks


TIME = (("wall_s", "seconds", 3), ("cpu_s", "server CPU s", 3))

ROWS = (
    Row("ct", "100 CT of 39 kB by unmodified senders",
        "0.4 s each with full durability, 0.25 s with none", TIME, ct_cells, ct_checks),
    Row("cpu", "Server CPU time for each GiB", "at most 1.2 × the floor, `+B`",
        (("cpu_s_per_gib", "CPU s/GiB", 3), ("mib_per_s", "MiB/s", 0)), cpu_cells, cpu_checks),
    Row("small", "Objects of 4 KiB on one association, no durability",
        "median under 100 µs",
        (("median_us", "median µs", 0), ("p99_us", "p99 µs", 0), ("objects_per_s", "objects/s", 0)),
        small_cells, small_checks),
    Row("peak", "Peak memory while one object comes in", "under 16 MiB for 2 GB",
        (("peak_bytes", "peak RSS bytes", 0), ("mib_per_s", "MiB/s", 0)), peak_cells, peak_checks),
    Row("idle", "Idle associations", "10,000 open at once, at most 100 KiB each",
        (("open", "open", 0), ("rss_kib_each", "RSS KiB each", 1),
         ("pss_kib_each", "PSS KiB each", 1), ("system_kib_each", "both ends, kernel too, KiB", 1)),
        idle_cells, idle_checks),
    Row("beside", "100 objects beside 2,000 idle TCP connections",
        "at most 1.5 × as long as alone", (*TIME, ("open", "idle connections", 0)), beside_cells, beside_checks),
    Row("echo", "Associations with one C-ECHO, one after another", "at least 3,000/s",
        (("associations_per_s", "associations/s", 0), ("median_us", "median µs", 0),
         ("cpu_s", "server CPU s", 3)), echo_cells, echo_checks),
    Row("durable", "Storing with full durability, and with `ordered`",
        "one association: at most 1.2 × a bare write+fsync+rename+fsync-folder loop; "
        "32 associations: at least 4 × one; `ordered` at least as fast as full",
        (("objects_per_s", "objects/s", 1), ("median_us", "median µs", 0), ("p99_us", "p99 µs", 0)),
        durable_cells, durable_checks),
)
