"""Describes the machine and the versions measured, without host names or paths, and prepares its disk."""

import contextlib
import datetime
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = Path(os.environ.get("STORESCP_PEERS", Path.home() / ".cache" / "storescp-peers"))
VENV = PEERS / "venv" / "bin"
CARGO = PEERS / "cargo" / "bin"
IMAGE_BYTES = 8 * 2**30


def describe(scratch):
    """Returns the facts for the head of a report."""
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="minutes"),
        "commit": _commit(),
        "processor": _field("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_gib": round(int(_field("/proc/meminfo", "MemTotal").split()[0]) / 2**20, 1),
        "kernel": f"{os.uname().sysname} {os.uname().release}",
        "filesystem": _first_line(["findmnt", "-no", "FSTYPE", "-T", str(scratch)]),
        "load_at_start": os.getloadavg()[0],
        "rustc": _first_line(["rustc", "--version"], cwd=ROOT),
    }


def versions():
    """Returns the versions of the peers that are installed."""
    python = "import pydicom, pynetdicom; print(pynetdicom.__version__, 'with pydicom', " \
             "pydicom.__version__)"
    return {
        "DCMTK": _first_line(["/usr/bin/storescp", "--version"]).strip("$ "),
        "dicom-rs": _first_line([str(CARGO / "dicom-storescp"), "--version"]),
        "pynetdicom": _first_line([str(VENV / "python"), "-c", python]),
        "Orthanc": _first_line(["Orthanc", "--version"]),
    }


def settle(scratch, bytes_to_write=256 * 2**20):
    """Writes back all dirty pages, and makes page cache for `bytes_to_write` available.

    A hypervisor reclaims free pages and supplies them again when they are touched, at a cost that counts as CPU
    time of the process that touches them. Therefore they are touched in advance: a file of that size is written
    and deleted.
    """
    os.sync()
    path = Path(scratch) / "warm-up"
    piece = bytes(2**20)
    with open(path, "wb", buffering=0) as file:
        for _ in range(bytes_to_write // len(piece)):
            file.write(piece)
    path.unlink()


def empty(folder):
    """Truncates all files in a folder, but does not delete them until the run is over.

    ext4 does not reuse an inode for some minutes, and for each new file examines all inodes deleted recently:
    the next measurement would pay for thousands of deleted files.
    """
    for path, _, files in os.walk(folder):
        for name in files:
            os.truncate(os.path.join(path, name), 0)


@contextlib.contextmanager
def image(folder, kind):
    """Mounts a file system of `kind`, with the defaults of `mkfs`, in an image file in `folder`.

    The file is fully allocated, and accessed with direct I/O, so that nothing is cached twice.
    """
    file, mounted = Path(folder) / "image", Path(folder) / "mounted"
    mounted.mkdir()
    with open(file, "wb") as opened:
        os.posix_fallocate(opened.fileno(), 0, IMAGE_BYTES)
    subprocess.run([f"mkfs.{kind}", "-q", file], check=True)
    losetup = ["losetup", "--find", "--show", "--direct-io=on", file]
    device = subprocess.run(losetup, check=True, capture_output=True, text=True).stdout.strip()
    try:
        subprocess.run(["mount", device, mounted], check=True)
        try:
            yield mounted
        finally:
            subprocess.run(["umount", mounted], check=True)
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


def available_bytes():
    """Memory available in the whole system."""
    return int(_field("/proc/meminfo", "MemAvailable").split()[0]) * 1024


def _commit():
    commit = _first_line(["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT)
    return commit


def _field(path, name):
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def _first_line(argv, cwd=None):
    try:
        done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return "not installed"
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0].strip() if lines else "unknown"


