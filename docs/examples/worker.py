#!/usr/bin/env python3
"""A worker of storescp: reads events, one line of JSON each, and answers what became of them.

    [[destination]]
    name = "step"
    kind = "worker"
    command = ["python3", "/opt/worker.py", "/var/lib/step"]

It appends the size and the SOP Instance UID of each object to a list, once, however often it is told of it.
"""

import json
import os
import sys


def main(directory):
    done = Done(os.path.join(directory, "done"))
    for line in sys.stdin:  # ends when storescp does
        event = json.loads(line)
        answer(event["id"], lambda: step(event, done))


def step(event, done):
    """What is to be done with an event. Whatever it raises is tried again later."""
    if event["type"] != "storescp.object.stored" or event["id"] in done:
        return
    data = event["data"]
    # The file stays as it is until the event is answered; it is not to be written to.
    size = os.stat(data["path"]).st_size
    done.add(event["id"], f"{size} {data['sopInstanceUid']}")


def answer(identifier, work):
    try:
        work()
        said = {"ack": identifier}
    except ValueError as error:  # waiting does not help: an operator is to look
        said = {"park": identifier, "reason": str(error)}
    except Exception as error:
        said = {"retry": identifier, "after": 10, "reason": f"{type(error).__name__}: {error}"}
    print(json.dumps(said), flush=True)  # not in a buffer: storescp waits for it


class Done:
    """What was done, on disk: an event may come again, e.g. after a power loss."""

    def __init__(self, path):
        self.file = open(path, "a+", encoding="utf-8")
        self.file.seek(0)
        self.known = {line.split(" ", 1)[0] for line in self.file}

    def __contains__(self, identifier):
        return identifier in self.known

    def add(self, identifier, text):
        self.file.write(f"{identifier} {text}\n")
        self.file.flush()
        os.fsync(self.file.fileno())
        self.known.add(identifier)


if __name__ == "__main__":
    main(sys.argv[1])
