"""The row that measures what the control plane costs reception, idle and read all the time."""

import contextlib
import http.client
import threading
import time

from . import process
from .measure import Cell, Check, Row, commands, measured
from .rows import KIB, OURS_NONE, WARM_UP, store

SCRAPE_SECONDS = 0.1
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
OBJECT_BYTES = 4 * KIB
# Objects by the number of associations.
OBJECTS = {1: 20_000, 32: 40_000}

OURS_HTTP = OURS_NONE.with_options("--http", "127.0.0.1:{http}")
WITHOUT, IDLE, SCRAPED = "without --http", "--http", "--http, read every 100 ms"
VARIANTS = {WITHOUT: (OURS_NONE, False), IDLE: (OURS_HTTP, False), SCRAPED: (OURS_HTTP, True)}


def control_cells(bench):
    cells = []
    for associations, objects in OBJECTS.items():
        sender = store(objects, OBJECT_BYTES, associations)
        for name, (server, scraped) in VARIANTS.items():
            cells.append(
                Cell(group(associations), name, measurement(bench, server, sender, objects, scraped),
                     commands(server, sender))
            )
    return cells


def group(associations):
    return f"{associations} association{'s' if associations > 1 else ''}"


def measurement(bench, server, sender, objects, scraped):
    def measure():
        def send(running):
            with scraping(running) if scraped else contextlib.nullcontext([]) as scrapes:
                figures = sender.run(running)
            return {**figures, "scrapes": len(scrapes)}

        figures = measured(bench, server, send, WARM_UP.run)
        if scraped and figures["scrapes"] < figures["wall_s"] / SCRAPE_SECONDS / 2:
            raise process.Failed(f"only {figures['scrapes']} scrapes in {figures['wall_s']:.1f} s")
        return {**figures, "cpu_us_per_object": figures["cpu_s"] / objects * 1e6}

    return measure


@contextlib.contextmanager
def scraping(running):
    """Reads /metrics every 100 ms on one connection, as Prometheus does, and gives the list of the answers' lengths."""
    lengths, failures, stop = [], [], threading.Event()

    def scrape():
        client = http.client.HTTPConnection("127.0.0.1", running.http, timeout=10)
        due = time.monotonic()
        try:
            while not stop.wait(max(0, due - time.monotonic())):
                due += SCRAPE_SECONDS
                client.request("GET", "/metrics", headers={"Accept": OPEN_METRICS})
                answer = client.getresponse()
                text = answer.read()
                if answer.status != 200 or not text.endswith(b"# EOF\n"):
                    raise process.Failed(f"/metrics answered {answer.status}")
                lengths.append(len(text))
        except (OSError, http.client.HTTPException, process.Failed) as error:
            failures.append(error)
        finally:
            client.close()

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield lengths
    finally:
        stop.set()
        thread.join()
    if failures:
        raise process.Failed(f"scraper: {failures[0]}")


def control_checks(results):
    checks = []
    for associations in OBJECTS:
        where = group(associations)
        def ratio(one, other, metric):
            return results.ratio((where, one, metric), (where, other, metric))
        checks += [
            Check(f"{where}: rate while read, times the rate with --http alone",
                  ratio(SCRAPED, IDLE, "objects_per_s"), 0.97, at_least=True),
            Check(f"{where}: 99th percentile while read, times that with --http alone",
                  ratio(SCRAPED, IDLE, "p99_us"), 1.1),
            Check(f"{where}: CPU time of an object with --http, times that without",
                  ratio(IDLE, WITHOUT, "cpu_us_per_object"), 1.03),
            Check(f"{where}: rate with --http, times the rate without",
                  ratio(IDLE, WITHOUT, "objects_per_s"), 0.97, at_least=True),
        ]
    return checks


ROWS = (
    Row("scraped", "Objects of 4 KiB while /metrics is read every 100 ms, with --http alone, and without it",
        "reading metrics costs no rate, and --http at most 3 % of CPU time",
        (("objects_per_s", "objects/s", 0), ("median_us", "median µs", 0), ("p99_us", "p99 µs", 0),
         ("cpu_us_per_object", "server CPU µs/object", 1), ("scrapes", "scrapes", 0)),
        control_cells, control_checks),
)
