"""Rows that measure TLS, compared with a bare loop with OpenSSL and with other servers."""

import dataclasses

from . import process
from .measure import Cell, Check, Row, Sender, commands, measured
from .rows import (
    CPU_SIZES, DCMTK, GIB, MB, OURS_NONE, WARM_UP, floor_sender, idle_measurement, store,
)
from .servers import FLOOR, LOADGEN, Server

SUITE = "TLS_AES_128_GCM_SHA256"
TLS = ("--tls", SUITE)
OURS_TLS = "ours +tls --durability none +B"
DCMTK_TLS = "DCMTK +tls +B"
FLOOR_TLS = "floor, TLS"


def files(bench):
    """Returns a key and a certificate, which are generated once per run."""
    key, certificate = (bench.scratch / name for name in ("server.key", "server.pem"))
    if not key.exists():
        process.run([
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key),
            "-out", str(certificate), "-days", "30", "-subj", "/CN=bench", "-sha256",
        ])
    return key, certificate


def secured(bench, server, name):
    """Returns the server with TLS, without verification of peers."""
    words = ("+tls", *files(bench), "-ic", "+B")
    return dataclasses.replace(server, name=name, argv=(server.argv[0], *words, *server.argv[1:]))


def over_tls(sender):
    return Sender(*sender.argv, *TLS)


# CPU time per GiB


def cpu_cells(bench):
    floor = Server(
        FLOOR_TLS, (FLOOR, "receive", "{port}", "{dir}", "--tls", *files(bench)), floor=True
    )
    all_servers = (floor, secured(bench, OURS_NONE, OURS_TLS), secured(bench, DCMTK, DCMTK_TLS))
    cells = []
    for group, size in CPU_SIZES.items():
        for server in all_servers:
            objects = (400 if server.name == DCMTK_TLS else 1000) * MB // size
            total = objects * size
            sender = over_tls(floor_sender(1, total) if server.floor else store(objects, size))
            measure = cpu_measurement(bench, server, sender, total)
            rounds = 3 if server.name == DCMTK_TLS else None
            cells.append(Cell(group, server.name, measure, commands(server, sender), rounds))
    return cells


def cpu_measurement(bench, server, sender, total_bytes):
    warm_up = over_tls(floor_sender(1, 100) if server.floor else WARM_UP)

    def measure():
        figures = measured(bench, server, sender.run, warm_up.run, bytes_to_write=total_bytes)
        figures["cpu_s_per_gib"] = figures["cpu_s"] / (total_bytes / GIB)
        return figures

    return measure


def cpu_checks(results):
    checks = []
    for group in CPU_SIZES:
        ours = (group, OURS_TLS, "cpu_s_per_gib")
        for other, limit in ((FLOOR_TLS, 1.25), (DCMTK_TLS, 1)):
            ratio = results.ratio(ours, (group, other, "cpu_s_per_gib"))
            checks.append(Check(f"{group}: CPU time by that of {other}", ratio, limit))
    return checks


# Handshakes

HANDSHAKES = 1_000
S_SERVER = "openssl s_server"


def handshake_cells(bench):
    key, certificate = files(bench)
    bare = Server(
        S_SERVER,
        ("/usr/bin/openssl", "s_server", "-accept", "{port}", "-key", key, "-cert", certificate,
         "-www", "-quiet"),
    )
    sender = handshakes(HANDSHAKES)
    return [
        Cell(
            "TLS 1.3, RSA 2048", server.name,
            lambda server=server: measured(bench, server, sender.run, handshakes(20).run),
            commands(server, sender), rounds=3 if server.name == DCMTK_TLS else None,
        )
        for server in (bare, secured(bench, OURS_NONE, OURS_TLS), secured(bench, DCMTK, DCMTK_TLS))
    ]


def handshakes(connections):
    return Sender(LOADGEN, "handshakes", "127.0.0.1:{port}", "--connections", connections, *TLS)


def handshake_checks(results):
    group = "TLS 1.3, RSA 2048"
    rate = results.ratio(
        (group, OURS_TLS, "associations_per_s"), (group, S_SERVER, "associations_per_s")
    )
    return [Check("handshakes per second, by those of openssl s_server", rate, 1, at_least=True)]


# Idle associations

IDLE_ASSOCIATIONS = 5_000


def idle_cells(bench):
    server = secured(bench, OURS_NONE, OURS_TLS)
    cells = []
    for group, option in (("just opened", ()), ("after one C-ECHO each", ("--echo",))):
        sender = Sender(
            LOADGEN, "idle", "127.0.0.1:{port}", "--associations", IDLE_ASSOCIATIONS, *TLS, *option
        )
        measure = idle_measurement(bench, server, sender, IDLE_ASSOCIATIONS, TLS)
        cells.append(Cell(group, server.name, measure, commands(server, sender), rounds=2))
    return cells


def idle_checks(results):
    return [
        Check(f"{group}: KiB each", results.median(group, OURS_TLS, "rss_kib_each"), 160)
        for group in ("just opened", "after one C-ECHO each")
    ]


ROWS = (
    Row("tls-cpu", "Server CPU time for each GiB over TLS 1.3 with AES-128-GCM",
        "at most 1.25 × a bare loop that reads the same stream with OpenSSL into a file",
        (("cpu_s_per_gib", "CPU s/GiB", 3), ("mib_per_s", "MiB/s", 0)), cpu_cells, cpu_checks),
    Row("tls-handshakes", "TLS handshakes, one after another", "as many as openssl s_server",
        (("associations_per_s", "handshakes/s", 0), ("median_us", "median µs", 0),
         ("cpu_s", "server CPU s", 3)), handshake_cells, handshake_checks),
    Row("tls-idle", "Idle TLS associations", "at most 160 KiB each",
        (("open", "open", 0), ("rss_kib_each", "RSS KiB each", 1),
         ("pss_kib_each", "PSS KiB each", 1), ("system_kib_each", "both ends, kernel too, KiB", 1)),
        idle_cells, idle_checks),
)
