"""Starts and stops processes, and measures their CPU time and memory."""

import os
import resource
import signal
import subprocess
import time
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A command that failed, hung or could not be started."""


def raise_descriptor_limit():
    """Raises the limit of open descriptors to the maximum, for this process and its children."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run(argv, timeout=600, env=None):
    """Runs a command to its end and returns its stdout."""
    environment = {**os.environ, **(env or {})}
    try:
        done = subprocess.run(
            argv, timeout=timeout, env=environment, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"{Path(argv[0]).name}: {type(error).__name__}") from error
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise Failed(f"{Path(argv[0]).name} exited with {done.returncode}: {last[:200]}")
    return done.stdout


def start(argv, log, cwd, env=None):
    """Starts a server in a new process group, so that its children can be killed with it."""
    return subprocess.Popen(
        argv, cwd=cwd, env={**os.environ, **(env or {})}, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=log, stderr=log,
    )


def stop(process):
    """Ends a process made by `start`, with SIGTERM first, and kills the rest of its group."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def tree(pid):
    """Returns `pid` and all its living descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = _stat(int(entry))
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry))
    pids = [pid]
    for parent in pids:
        pids.extend(children.get(parent, []))
    return pids


def cpu_seconds(pid):
    """User and system time of a process, its living descendants and all children it reaped.

    The process's own time is read from its CPU clock, which counts nanoseconds, whereas /proc/PID/stat counts
    ticks of 10 ms. Only the time of reaped children comes from /proc/PID/stat (cutime and cstime).
    """
    total = 0.0
    for each in tree(pid):
        fields = _stat(each)
        if not fields:
            continue
        reaped = (int(fields[13]) + int(fields[14])) / TICKS_PER_SECOND
        try:
            total += time.clock_gettime(_process_clock(each)) + reaped
        except OSError:
            pass  # exited since it was listed
    return total


def memory(pid):
    """Memory of a process and its descendants in bytes: `rss`, `pss` (shared pages divided), `peak_rss`."""
    sums = {"rss": 0, "pss": 0, "peak_rss": 0}
    for each in tree(pid):
        status = _key_values(f"/proc/{each}/status")
        sums["rss"] += status.get("VmRSS", 0)
        sums["peak_rss"] += status.get("VmHWM", 0)
        sums["pss"] += _key_values(f"/proc/{each}/smaps_rollup").get("Pss", 0)
    return sums


def _process_clock(pid):
    """The clock ID of another process's CPU time, as clock_getcpuclockid(3) makes it."""
    return (~pid << 3) | 2


def _stat(pid):
    """The fields of /proc/PID/stat from `state` on (proc(5) counts them from 3), or None."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _key_values(path):
    """The `Name: 12 kB` lines of a file in /proc, in bytes."""
    values = {}
    try:
        for line in Path(path).read_text().splitlines():
            words = line.split()
            if len(words) == 3 and words[2] == "kB":
                values[words[0].rstrip(":")] = int(words[1]) * 1024
    except OSError:
        pass  # the process has exited
    return values
