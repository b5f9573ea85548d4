"""The row about forwarding: objects that are stored already, to another AE."""

import dataclasses
import json
import math
import time
import urllib.request

from . import machine, process
from .measure import Cell, Check, Row, measured
from .servers import DCMTK, ORTHANC, OURS_NONE, RELEASE, free_port

OBJECTS = 10_000
ASSOCIATIONS = 4
FORWARD = RELEASE / "examples" / "forward"
SESSIONS, STORESCU, BY_ORTHANC = "ours, 4 associations", "TCP_NODELAY=1 storescu, 4 at once", "Orthanc, 4 threads"
RECEIVERS = {"to ourselves": OURS_NONE, "to Orthanc": ORTHANC, "to DCMTK": DCMTK.with_environment(TCP_NODELAY=1)}
# It reads and indexes what it forwards, so fewer are enough.
OBJECTS_OF_ORTHANC = 1_000


def images(bench, objects=OBJECTS):
    """A folder with four folders of CT images of 39 kB, each with a SOP Instance UID of its own."""
    folder = bench.scratch / f"forward-{objects}"
    if not folder.exists():
        original = bench.ct_files()[0].read_bytes()
        uid = b"1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.20000"
        share = math.ceil(objects / ASSOCIATIONS)
        for number in range(objects):
            part = folder / str(number // share)
            part.mkdir(parents=True, exist_ok=True)
            (part / f"{number:06}").write_bytes(original.replace(uid, uid[:-5] + b"%05d" % (30_000 + number)))
    return folder


def by_sessions(bench, running):
    """The kind `dicom` of the outbox, without a catalogue around it."""
    words = [FORWARD, f"127.0.0.1:{running.port}", images(bench), "--sessions", ASSOCIATIONS, "--quiet"]
    last = process.run([str(word) for word in words]).strip().splitlines()[-1]
    return OBJECTS / float(last.split(" done in ")[1].split(" s ")[0])


def by_storescu(bench, running):
    """DCMTK's sender: a process and an association for each share."""
    parts = sorted(images(bench).iterdir())
    words = ["storescu", "+sd", "-R", "127.0.0.1", str(running.port)]
    children = []
    begun = time.monotonic()
    with open("/dev/null", "wb") as log:
        try:
            for part in parts:
                child = process.start([*words, str(part)], log, bench.scratch, env={"TCP_NODELAY": "1"})
                children.append(child)
            if any([child.wait(timeout=600) for child in children]):
                raise process.Failed("storescu failed")
        finally:
            for child in children:
                process.stop(child)
    return OBJECTS / (time.monotonic() - begun)


def by_orthanc(bench, running):
    """Orthanc, which has them already, by its REST API."""
    http = free_port()
    config = {
        **ORTHANC.config, "HttpServerEnabled": True, "HttpPort": http, "AuthenticationEnabled": False,
        "ConcurrentJobs": ASSOCIATIONS, "DicomModalities": {"peer": ["PEER", "127.0.0.1", running.port]},
    }
    sender = dataclasses.replace(ORTHANC, config=config)
    with sender.running(bench.scratch) as orthanc:
        machine.settle(bench.scratch)
        words = ["storescu", "+sd", "+r", "-R", "127.0.0.1", str(orthanc.port), str(images(bench, OBJECTS_OF_ORTHANC))]
        process.run(words, env={"TCP_NODELAY": "1"})

        def ask(path, body=None):
            data = None if body is None else json.dumps(body).encode()
            with urllib.request.urlopen(f"http://127.0.0.1:{http}{path}", data, timeout=600) as answer:
                return json.load(answer)

        instances = ask("/instances")
        shares = [instances[at::ASSOCIATIONS] for at in range(ASSOCIATIONS)]
        begun = time.monotonic()
        jobs = [ask("/modalities/peer/store", {"Resources": share, "Asynchronous": True})["ID"] for share in shares]
        while True:
            states = [ask(f"/jobs/{job}")["State"] for job in jobs]
            if all(state == "Success" for state in states):
                return len(instances) / (time.monotonic() - begun)
            if "Failure" in states:
                raise process.Failed("Orthanc did not forward everything")
            time.sleep(0.05)


SENDERS = {SESSIONS: by_sessions, STORESCU: by_storescu, BY_ORTHANC: by_orthanc}


def forward_cells(bench):
    cells = []
    for group, server in RECEIVERS.items():
        for name, send in SENDERS.items():
            if name == BY_ORTHANC and group == "to DCMTK":
                continue

            def measure(server=server, send=send):
                images(bench)
                return measured(
                    bench, server, lambda running: {"objects_per_s": send(bench, running)},
                    bytes_to_write=OBJECTS * 40_000,
                )

            sender = {
                SESSIONS: f"forward 127.0.0.1:{{port}} {{folder}} --sessions {ASSOCIATIONS}",
                STORESCU: "TCP_NODELAY=1 storescu +sd -R 127.0.0.1 {port} {folder}",
                BY_ORTHANC: "POST /modalities/peer/store, 4 jobs",
            }[name]
            cells.append(Cell(group, name, measure, (server.command(), sender)))
    return cells


def forward_checks(results):
    rate = lambda group, name: (group, name, "objects_per_s")  # noqa: E731
    checks = [Check("forwarded to ourselves each second", results.median(*rate("to ourselves", SESSIONS)), 3_000,
                    at_least=True)]
    for group in RECEIVERS:
        ratio = results.ratio(rate(group, SESSIONS), rate(group, STORESCU))
        checks.append(Check(f"{group}: rate, times that of storescu without delay", ratio, 0.9, at_least=True))
    return checks


ROWS = (
    Row("forward", "Forwarding 10,000 CT images of 39 kB that are stored already, on four associations",
        "at least 3,000/s to ourselves, and 0.9 × the rate of storescu",
        (("objects_per_s", "objects/s", 0), ("cpu_s", "receiver's CPU s", 3)), forward_cells, forward_checks),
)
