"""The row that measures how much a command after each object slows down receiving."""

from .measure import Cell, Check, Row, commands, measured
from .rows import KIB, OURS_FULL, OURS_NONE, WARM_UP, store

ASSOCIATIONS = 32
OBJECTS = {OURS_FULL: 3_200, OURS_NONE: 16_000}
COMMAND = ("-xcr", "true")


def event_cells(bench):
    cells = []
    for plain, objects in OBJECTS.items():
        sender = store(objects, 4 * KIB, ASSOCIATIONS)
        for server in (plain, plain.with_options(*COMMAND)):
            cells.append(
                Cell(
                    plain.name, server.name,
                    lambda server=server, sender=sender: measured(
                        bench, server, sender.run, WARM_UP.run
                    ),
                    commands(server, sender),
                )
            )
    return cells


def event_checks(results):
    checks = []
    for plain in OBJECTS:
        commanded = (plain.name, plain.with_options(*COMMAND).name, "objects_per_s")
        ratio = results.ratio(commanded, (plain.name, plain.name, "objects_per_s"))
        checks.append(Check(f"{plain.name}: rate with a command, times the rate without", ratio, 0.8,
                            at_least=True))
    return checks


ROWS = (
    Row("events", "A command after each object of 4 KiB, 32 associations at once",
        "at least 0.8 × the rate without",
        (("objects_per_s", "objects/s", 0), ("median_us", "median µs", 0), ("p99_us", "p99 µs", 0),
         ("cpu_s", "server CPU s", 3)), event_cells, event_checks),
)
