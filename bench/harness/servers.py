"""The measured servers: ours, the peers, and the floor."""

import contextlib
import dataclasses
import json
import os
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path

from . import machine, process
from .machine import CARGO, ROOT, VENV

RELEASE = ROOT / "target" / "release"
LOADGEN = RELEASE / "loadgen"
FLOOR = RELEASE / "floor"
READY_SECONDS = 20


def without_paths(words):
    """Returns words of a command line as a report has them: without paths of this machine."""
    python = Path(sys.executable).name
    return words.replace(sys.executable, python).replace(f"{ROOT}/", "")


@dataclasses.dataclass(frozen=True)
class Server:
    """A server's command line, with the placeholders `{port}`, `{http}` (a second port) and `{dir}` (an empty folder)."""

    name: str
    argv: tuple
    environment: tuple = ()
    config: dict | None = None
    floor: bool = False
    settings: str | None = None  # our settings file, as `{settings}`, with the same placeholders

    def with_options(self, *options):
        """Returns the same server with more options, which also become part of its name."""
        words = [str(word) for word in options]
        argv = (self.argv[0], *words, *self.argv[1:])
        name = without_paths(" ".join((self.name, *words)))
        return dataclasses.replace(self, name=name, argv=argv)

    def with_settings(self, name, settings):
        """Returns the same server with a settings file, under this name."""
        argv = (self.argv[0], "--settings", "{settings}", *self.argv[1:])
        return dataclasses.replace(self, name=name, argv=argv, settings=settings)

    def with_environment(self, **variables):
        """Returns the same server with environment variables set."""
        words = [f"{key}={value}" for key, value in variables.items()]
        environment = tuple((key, str(value)) for key, value in variables.items())
        return dataclasses.replace(
            self, name=" ".join((*words, self.name)), environment=environment
        )

    def command(self):
        """The command line for the report, without paths of this machine."""
        variables = [f"{key}={value}" for key, value in self.environment]
        return without_paths(" ".join([*variables, Path(self.argv[0]).name, *map(str, self.argv[1:])]))

    def is_installed(self):
        """True if its program is installed."""
        return shutil.which(str(self.argv[0])) is not None

    @contextlib.contextmanager
    def running(self, scratch):
        """Runs the server with a new folder under `scratch`, whose files are truncated afterwards."""
        if not self.is_installed():
            raise process.Failed("not installed")
        home = Path(tempfile.mkdtemp(prefix="server-", dir=scratch))
        store = home / "store"
        store.mkdir()
        port, http = free_port(), free_port()
        values = {
            "port": port, "http": http, "dir": store, "config": home / "config.json",
            "settings": home / "storescp.toml",
        }
        if self.config is not None:
            text = json.dumps(self.config, indent=1)
            text = text.replace('"{port}"', str(port)).replace("{dir}", str(store))
            values["config"].write_text(text)
        if self.settings is not None:
            text = self.settings.replace("{dir}", str(store)).replace("{http}", str(http))
            values["settings"].write_text(text)
        argv = [str(word).format(**values) for word in self.argv]
        with open(home / "log", "wb") as log:
            child = process.start(argv, log, cwd=home, env=dict(self.environment))
        try:
            _wait_until_listening(child, port)
            yield Running(child.pid, port, http, store, values["settings"])
        finally:
            process.stop(child)
            machine.empty(home)


@dataclasses.dataclass(frozen=True)
class Running:
    """A running server that accepts connections."""

    pid: int
    port: int
    http: int  # the port of the control plane, if it was asked for
    store: Path
    settings: Path  # our settings file, if there is one

    def stored(self):
        """Returns the number of files below its folder."""
        return sum(len(files) for _, _, files in os.walk(self.store))


def free_port():
    """Returns a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_listening(child, port):
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise process.Failed(f"ended at once with {child.returncode}")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            time.sleep(0.2)
            return
        time.sleep(0.02)
    raise process.Failed("does not listen")


OURS = Server("ours", (RELEASE / "storescp", "-od", "{dir}", "{port}"))
OURS_FULL = OURS.with_options("--durability", "full")
OURS_ORDERED = OURS.with_options("--durability", "ordered")
OURS_NONE = OURS.with_options("--durability", "none")

DCMTK = Server("DCMTK", ("/usr/bin/storescp", "-od", "{dir}", "{port}"))
DICOM_RS = Server("dicom-rs", (CARGO / "dicom-storescp", "-o", "{dir}", "-p", "{port}"))
PYNETDICOM = Server(
    "pynetdicom", (VENV / "storescp", "-q", "-ba", "127.0.0.1", "-od", "{dir}", "{port}")
)
ORTHANC = Server(
    "Orthanc",
    ("Orthanc", "{config}"),
    config={
        "Name": "bench",
        "StorageDirectory": "{dir}",
        "IndexDirectory": "{dir}",
        "DicomPort": "{port}",
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowEcho": True,
        "DicomAlwaysAllowStore": True,
        "HttpServerEnabled": False,
        "RemoteAccessAllowed": False,
        "SaveJobs": False,
        "Plugins": [],
    },
)



_FLOOR = Server("floor", (FLOOR, "receive", "{port}", "{dir}"), floor=True)


def floor(object_bytes=None, sync=False, deflate=None):
    """Returns the bare loop: one file per connection, or one per object, optionally synced, or deflated at this
    level."""
    if object_bytes is None:
        return _FLOOR
    options, name = ("--object-bytes", str(object_bytes)), "floor, a file for each object"
    if sync:
        options, name = (*options, "--sync"), name + ", synced"
    if deflate is not None:
        options, name = (*options, "--deflate", str(deflate)), name + f", deflated at {deflate}"
    return dataclasses.replace(_FLOOR, name=name, argv=(*_FLOOR.argv, *options))
