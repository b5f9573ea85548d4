"""Rows that measure re-encoded data sets: the cost of the output options."""

from . import servers
from .measure import Cell, Check, Row, Sender, commands, measured
from .rows import (
    CPU_SIZES, DCMTK, DCMTK_BIT, GIB, MB, OURS_NONE, WARM_UP, cpu_measurement, floor_sender, mib, store,
)
from .servers import LOADGEN

# Maximum CPU time of each option, as a multiple of the floor's.
CONVERSIONS = {"": 1.3, "+te": 1.6, "+tb": 1.6, "+ti": 1.6}


def converting(server, option):
    return server.with_options(option) if option else server


def convert_cells(bench):
    cells = []
    for group, size in CPU_SIZES.items():
        servers_here = [servers.floor()]
        for option in CONVERSIONS:
            servers_here += [converting(OURS_NONE, option), converting(DCMTK, option)]
        for server in servers_here:
            ours = server.name.startswith("ours")
            objects = (1000 if ours or server.floor else 400) * MB // size
            sender = floor_sender(1, objects * size) if server.floor else store(objects, size)
            measure = cpu_measurement(bench, server, sender, objects * size)
            rounds = None if ours or server.floor else 3
            cells.append(Cell(group, server.name, measure, commands(server, sender), rounds))
    return cells


def convert_checks(results):
    checks = []
    for group in CPU_SIZES:
        base = (group, servers.floor().name, "cpu_s_per_gib")
        for option, limit in CONVERSIONS.items():
            name = converting(OURS_NONE, option).name
            ratio = results.ratio((group, name, "cpu_s_per_gib"), base)
            checks.append(Check(f"{group}, {name}: CPU time by the floor's", ratio, limit))
    return checks


# Deflated output

DEFLATE_BYTES = 50 * MB
DEFLATE_LEVELS = (6, 1)


def deflate_cells(bench):
    cells = []
    for level in DEFLATE_LEVELS:
        floor = servers.floor(DEFLATE_BYTES, deflate=level)
        ours = OURS_NONE.with_options("+td", "+cl", level)
        dcmtk = DCMTK.with_options("+td", "+cl", level)
        noise = ("--filler", "noise")
        for server in (floor, ours, dcmtk):
            bare = floor_sender(2, DEFLATE_BYTES) if server.floor else store(2, DEFLATE_BYTES)
            sender = Sender(*bare.argv, *noise)
            measure = cpu_measurement(bench, server, sender, 2 * DEFLATE_BYTES)
            used = commands(server, sender)
            cells.append(Cell(f"level {level}", server.name, measure, used, rounds=3))
    return cells


def deflate_checks(results):
    checks = []
    for level in DEFLATE_LEVELS:
        group = f"level {level}"
        ours = OURS_NONE.with_options("+td", "+cl", level).name
        base = servers.floor(DEFLATE_BYTES, deflate=level).name
        ratio = results.ratio((group, ours, "cpu_s_per_gib"), (group, base, "cpu_s_per_gib"))
        checks.append(Check(f"{group}: CPU time by that of flate2 alone", ratio, 1.1))
    return checks


# Objects with much metadata

FRAMES = 8_571  # of 35 elements each
METADATA = Sender(LOADGEN, "store", "127.0.0.1:{port}", "--objects", 5, "--frames", FRAMES)
METADATA_OPTIONS = ("", "+te", "+ti", "+tb", "-e", "+g")


def metadata_cells(bench):
    cells = []
    for option in METADATA_OPTIONS:
        for server in (converting(OURS_NONE, option), converting(DCMTK, option)):
            cells.append(
                Cell(
                    option or "default", server.name,
                    lambda server=server: measured(bench, server, METADATA.run, WARM_UP.run),
                    commands(server, METADATA), rounds=3,
                )
            )
    return cells


# Objects with many fragments

FRAGMENTS = Sender(
    LOADGEN, "store", "127.0.0.1:{port}", "--objects", 5, "--fragments", 2_000, "--object-bytes", 20 * MB,
)


def fragment_cells(bench):
    return [
        Cell(
            "2,000 fragments", server.name,
            lambda server=server: measured(bench, server, FRAGMENTS.run, WARM_UP.run),
            commands(server, FRAGMENTS), rounds=3,
        )
        for server in (converting(OURS_NONE, "+xa"), converting(DCMTK, "+xa"))
    ]


def fragment_checks(results):
    ours, dcmtk = ("2,000 fragments", converting(OURS_NONE, "+xa").name), converting(DCMTK, "+xa").name
    rate = results.ratio((*ours, "objects_per_s"), (ours[0], dcmtk, "objects_per_s"))
    return [Check("rate, by DCMTK's", rate, 1, at_least=True)]


def metadata_checks(results):
    checks = []
    for option in METADATA_OPTIONS:
        group = option or "default"
        ours = (group, converting(OURS_NONE, option).name, "objects_per_s")
        dcmtk = (group, converting(DCMTK, option).name, "objects_per_s")
        rate = results.ratio(ours, dcmtk)
        checks.append(Check(f"{group}: rate, by DCMTK's", rate, 5, at_least=True))
    return checks


# Memory with every option

BULK = {"2 GB": store(1, 2000 * MB), "20 MB of metadata": METADATA}
PEAK_OPTIONS = ("", "+te", "+tb", "+ti", "+td", "-e", "+g", "-g", "+u", "-u", "+uc", "+p 512 128")


def option_peak_cells(bench):
    cells = []
    for group, sender in BULK.items():
        ours = [OURS_NONE.with_options(*option.split()) for option in PEAK_OPTIONS]
        for server in (*ours, *([DCMTK] if group != "2 GB" else [DCMTK_BIT])):
            cells.append(
                Cell(
                    group, server.name,
                    lambda server=server, sender=sender: measured(bench, server, sender.run),
                    commands(server, sender), rounds=1,
                )
            )
    return cells


def option_peak_checks(results):
    return [
        Check(f"{group}, {name}: peak MiB", mib(results.median(group, name, "peak_bytes")), 16)
        for group in BULK
        for name in (OURS_NONE.with_options(*option.split()).name for option in PEAK_OPTIONS)
    ]


CPU = (("cpu_s_per_gib", "CPU s/GiB", 3), ("mib_per_s", "MiB/s", 0))

ROWS = (
    Row("convert", "Server CPU time for each GiB, data set written anew",
        "default options at most 1.3 × the floor, `+tb` and `+ti` at most 1.6 ×", CPU,
        convert_cells, convert_checks),
    Row("deflate", "Server CPU time for each GiB, deflated output",
        "within 1.1 × of flate2 alone at the same level", CPU, deflate_cells, deflate_checks),
    Row("metadata", "20 MB of functional groups: 300,000 elements, nested, undefined lengths in, "
        "explicit out", "at least 5 × DCMTK's rate",
        (("objects_per_s", "objects/s", 2), ("median_us", "median µs", 0),
         ("cpu_s", "server CPU s", 3)), metadata_cells, metadata_checks),
    Row("fragments", "20 MB of JPEG 2000 in 2,000 fragments, written anew", "at least DCMTK's rate",
        (("objects_per_s", "objects/s", 2), ("median_us", "median µs", 0),
         ("cpu_s", "server CPU s", 3)), fragment_cells, fragment_checks),
    Row("memory", "Peak memory, any object, any output option", "under 16 MiB",
        (("peak_bytes", "peak RSS bytes", 0), ("seconds", "seconds", 2)),
        option_peak_cells, option_peak_checks),
)
