"""A server of PostgreSQL of the benchmark's own."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from . import process
from .servers import free_port

USER = "nobody"  # as root, PostgreSQL does not start
NAME = "bench"  # of its user and of its database
PARENT = "/var/tmp"


def programs():
    """Returns the folder of PostgreSQL's programs, the newest; None if it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda it: int(it.parts[-3]))
    return found[-1].parent if found else None


@contextlib.contextmanager
def cluster():
    """Runs a server with an empty database on the disk, as it is set up by default, and yields its port."""
    found = programs()
    if found is None:
        raise process.Failed("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="bench-postgresql-", dir=PARENT))
    port = free_port()
    words = [*as_user(), found / "postgres", "-D", folder / "data", "-p", port, "-c", "listen_addresses=127.0.0.1",
             "-c", "unix_socket_directories="]
    try:
        shutil.chown(folder, *owner())
        run([*as_user(), found / "initdb", "-D", folder / "data", "-A", "trust", "-U", NAME, "--no-sync"], folder)
        with open(folder / "log", "wb") as log:
            server = subprocess.Popen(list(map(str, words)), cwd=folder, stdout=log, stderr=log)
        try:
            create_database(found, port, folder)
            yield port
        finally:
            server.terminate()
            server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def url(port):
    """Returns the address of the database for the receiver's settings."""
    return f"postgres://{NAME}@127.0.0.1:{port}/{NAME}"


def create_database(found, port, folder):
    deadline = time.monotonic() + 30
    words = [*as_user(), found / "createdb", "-h", "127.0.0.1", "-p", port, "-U", NAME, NAME]
    while True:
        try:
            return run(words, folder)
        except process.Failed:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def run(words, folder):
    done = subprocess.run(list(map(str, words)), cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise process.Failed(done.stderr.strip())


def as_user():
    return ["runuser", "-u", USER, "--"] if os.geteuid() == 0 else []


def owner():
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    entry = pwd.getpwnam(USER)
    return entry.pw_uid, entry.pw_gid
