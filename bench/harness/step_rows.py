"""Rows about what follows each object: a step in Python as a command and as a worker, and what a journal costs."""

import sys
import time

from . import process
from .event_rows import ASSOCIATIONS
from .measure import Cell, Check, Row, commands, measured
from .rows import KIB, OURS_FULL, OURS_NONE, WARM_UP, store
from .servers import DCMTK, ROOT

STEP = f"{ROOT}/bench/harness/step.py"
# A file of its own for each run would have to be in the command line.
DONE = "/tmp/storescp-bench-steps"
STEPS = {"worker": 4_000, "command": 400}
WORKER = (
    'deliver = ["step"]\n[catalog]\nurl = "sqlite"\nquiet = "1 h"\n'
    '[[destination]]\nname = "step"\nkind = "worker"\nwindow = 64\nconcurrency = 1\n'
    f'command = ["{sys.executable}", "{STEP}", "{DONE}"]\n'
)
COMMAND = ("-xcr", f"{sys.executable} {STEP} {DONE} #p/#f")
GROUP = "39 kB, 1 association"


def step_cells(bench):
    variants = (
        (OURS_FULL.with_settings("a worker", WORKER), STEPS["worker"]),
        (OURS_FULL.with_options(*COMMAND), STEPS["command"]),
        (DCMTK.with_options(*COMMAND), STEPS["command"]),
    )
    cells = []
    for server, objects in variants:
        sender = store(objects, 39_000, 1)

        def measure(server=server, sender=sender, objects=objects):
            def send(running):
                open(DONE, "w").close()
                begun = time.monotonic()
                sender.run(running)
                wait_for_steps(objects)
                return {"steps_per_s": objects / (time.monotonic() - begun)}

            figures = measured(bench, server, send, bytes_to_write=objects * 40_000)
            return {**figures, "steps_per_cpu_s": objects / figures["cpu_s"]}

        cells.append(Cell(GROUP, server.name, measure, commands(server, sender)))
    return cells


def wait_for_steps(objects):
    deadline = time.monotonic() + 120
    while (done := sum(1 for _ in open(DONE))) < objects:
        if time.monotonic() > deadline:
            raise process.Failed(f"only {done} of {objects} steps are done")
        time.sleep(0.02)


def step_checks(results):
    worker = (GROUP, "a worker", "steps_per_cpu_s")
    return [
        Check(f"objects for each CPU second with a worker, times those with {what}",
              results.ratio(worker, (GROUP, server.name, "steps_per_cpu_s")), 10, at_least=True)
        for what, server in (("a command", OURS_FULL.with_options(*COMMAND)),
                             ("DCMTK's command", DCMTK.with_options(*COMMAND)))
    ]


# What the journal of commands costs

OBJECTS = {(OURS_FULL, 1): 800, (OURS_FULL, ASSOCIATIONS): 3_200, (OURS_NONE, 1): 3_200, (OURS_NONE, ASSOCIATIONS): 9_600}
TRUE = ("-xcr", "true")
WITH, WITHOUT = "with a journal", "without"


def journal_cells(bench):
    cells = []
    for (plain, associations), objects in OBJECTS.items():
        sender = store(objects, 39_000, associations)
        variants = {WITH: plain.with_options(*TRUE), WITHOUT: plain.with_options(*TRUE, "--exec-journal", "off")}
        for name, server in variants.items():
            def measure(server=server, sender=sender):
                return measured(bench, server, sender.run, WARM_UP.run, bytes_to_write=400 * 2**20)

            cells.append(Cell(where(plain, associations), name, measure, commands(server, sender)))
    return cells


def where(server, associations):
    return f"{server.name}, {associations} association{'s' if associations > 1 else ''}"


def journal_checks(results):
    rates = [
        (where(*case), results.ratio((where(*case), WITH, "objects_per_s"), (where(*case), WITHOUT, "objects_per_s")))
        for case in OBJECTS
    ]
    return [Check(f"{name}: rate with a journal, times that without", rate, 0.6, at_least=True) for name, rate in rates]


ROWS = (
    Row("worker", "A step in Python after each object: a process for each, or one worker",
        "a worker at least 10 × the objects for each CPU second",
        (("steps_per_s", "steps/s", 0), ("steps_per_cpu_s", "steps/CPU s", 0), ("cpu_s", "CPU s", 3)),
        step_cells, step_checks),
    Row("journal", "A command after each object of 39 kB, with a journal of commands and without", "",
        (("objects_per_s", "objects/s", 0), ("median_us", "median µs", 0), ("p99_us", "p99 µs", 0),
         ("cpu_s", "server CPU s", 3)), journal_cells, journal_checks),
)
