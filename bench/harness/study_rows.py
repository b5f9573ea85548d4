"""The row that measures what an object costs while many studies are open."""

from .measure import Cell, Check, Row, Sender, commands, measured
from .rows import DCMTK, KIB, LOADGEN, OURS_NONE, WARM_UP

ASSOCIATIONS = 32
OPEN = (0, 10_000, 100_000)
OBJECTS = {ASSOCIATIONS: 64_000, 1: 8_000}
# Nothing happens at the end of a study, so each stays open until its time is over.
SORTING = ("-su", "study", "--eostudy-timeout", "3600")
OURS = OURS_NONE.with_options(*SORTING)
# Serves one association at a time, and knows of one study.
DCMTK_SORTING = DCMTK.with_options(*SORTING).with_environment(TCP_NODELAY=1)
LEAST_RATE = 25_000


def sender(objects, object_bytes, associations, studies):
    """A loadgen whose objects are of so many studies in turn."""
    return Sender(
        LOADGEN, "store", "127.0.0.1:{port}", "--objects", objects, "--object-bytes", object_bytes,
        "--associations", associations, "--studies", studies,
    )


def study_cells(bench):
    cells = []
    for number in OPEN:
        for server, associations in ((OURS, ASSOCIATIONS), (OURS, 1), (DCMTK_SORTING, 1)):
            # Each association sends one study.
            send = sender(OBJECTS[associations], 4 * KIB, associations, associations)
            cells.append(
                Cell(
                    group(number), name(server, associations),
                    study_measurement(bench, server, send, number, associations),
                    commands(server, send), rounds=1 if server == DCMTK_SORTING else 3,
                )
            )
    return cells


def study_measurement(bench, server, send, number, associations):
    def prepare(running):
        WARM_UP.run(running)
        if number:
            sender(number, KIB, associations, number).run(running)

    def measure():
        figures = measured(bench, server, send.run, prepare)
        figures["cpu_us_each"] = figures["cpu_s"] / OBJECTS[associations] * 1e6
        return figures

    return measure


def study_checks(results):
    ours = name(OURS, ASSOCIATIONS)
    some, many = ((group(number), ours) for number in OPEN[1:])
    # With none open, all objects go into the same few folders, which is less work.
    return [
        Check(f"{OPEN[-1]:,} open, {ours}: objects/s", results.median(*many, "objects_per_s"), LEAST_RATE,
              at_least=True),
        Check(f"{OPEN[-1]:,} open, {ours}: CPU time of an object, by that with {OPEN[1]:,} open",
              results.ratio((*many, "cpu_us_each"), (*some, "cpu_us_each")), 1.2),
    ]


def group(number):
    """The cells with so many open studies."""
    return f"{number:,} open studies"


def name(server, associations):
    """A cell of a group."""
    return f"{server.name}, associations: {associations}"


ROWS = (
    Row("studies", "Objects of 4 KiB into a directory for each study, while others are open",
        f"at least {LEAST_RATE:,}/s with {OPEN[-1]:,} open studies and {ASSOCIATIONS} associations",
        (("objects_per_s", "objects/s", 0), ("cpu_us_each", "server CPU µs/object", 1),
         ("median_us", "median µs", 0), ("p99_us", "p99 µs", 0), ("peak_bytes", "peak RSS bytes", 0)),
        study_cells, study_checks),
)
