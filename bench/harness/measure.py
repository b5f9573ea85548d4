"""Measures one cell of a row, and collects the results of all cells."""

import dataclasses
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from . import machine, process
from .servers import Server


@dataclasses.dataclass(frozen=True)
class Cell:
    """One thing that is measured in each round, usually a server with a sender."""

    group: str
    name: str
    measure: Callable[[], dict]
    commands: tuple = ()
    rounds: int | None = None  # maximum number of rounds, for slow cells


@dataclasses.dataclass(frozen=True)
class Check:
    """A target for a figure."""

    claim: str
    value: float | None
    limit: float
    at_least: bool = False

    def holds(self):
        """True if the target was reached; None if the figure could not be measured."""
        if self.value is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the table of targets."""

    key: str
    title: str
    target: str
    columns: tuple  # (metric, heading, digits after the point)
    cells: Callable  # Bench -> list of Cell
    checks: Callable  # Results -> list of Check


class Results:
    """The results of one row: for each cell, the values of each metric."""

    def __init__(self):
        self.values = {}
        self.errors = {}

    def add(self, cell, figures):
        """Adds one round's figures."""
        metrics = self.values.setdefault((cell.group, cell.name), {})
        for metric, value in figures.items():
            metrics.setdefault(metric, []).append(value)

    def median(self, group, name, metric):
        """The median over the rounds, or None."""
        values = self.values.get((group, name), {}).get(metric)
        return statistics.median(values) if values else None

    def ratio(self, one, other):
        """Quotient of two medians, each given as (group, name, metric)."""
        top, bottom = self.median(*one), self.median(*other)
        return top / bottom if top is not None and bottom else None


def measured(bench, server, send, prepare=None, **settle):
    """Runs `server` with an empty folder, warms it up with `prepare`, and measures it during `send`.

    Both functions are called with the running server; `send` may return further figures. `settle` is passed to
    `machine.settle`.
    """
    with server.running(bench.scratch) as running:
        if prepare:
            prepare(running)
        machine.settle(bench.scratch, **settle)
        before = process.cpu_seconds(running.pid)
        begun = time.monotonic()
        figures = send(running) or {}
        wall = time.monotonic() - begun
        time.sleep(0.05)  # include the work that the server does after its last answer
        cpu = process.cpu_seconds(running.pid) - before
        figures = {"wall_s": wall, **figures, "cpu_s": cpu}
        figures["peak_bytes"] = process.memory(running.pid)["peak_rss"]
        return figures


class Sender:
    """A client's command line, with the placeholders `{port}` and `{files}` (one word per file)."""

    def __init__(self, *argv):
        self.argv = argv

    def command(self):
        """The command line for the report."""
        return " ".join([Path(self.argv[0]).name, *map(str, self.argv[1:])])

    def words(self, running, files=()):
        """The command line for `running`."""
        words = []
        for word in map(str, self.argv):
            words.extend(map(str, files) if word == "{files}" else [word.format(port=running.port)])
        return words

    def run(self, running, files=(), timeout=600):
        """Runs it to its end, and returns the figures in its last line, if that is JSON."""
        lines = process.run(self.words(running, files), timeout=timeout).strip().splitlines()
        return json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}


def commands(server: Server, sender: Sender):
    """Both command lines, for the report."""
    return (server.command(), sender.command())
