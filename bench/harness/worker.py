"""A worker of the outbox that acknowledges each event at once, or after `sys.argv[1]` seconds."""

import json
import sys
import time

pause = float(sys.argv[1]) if len(sys.argv) > 1 else 0
for line in sys.stdin:
    if pause:
        time.sleep(pause)
    print(json.dumps({"ack": json.loads(line)["id"]}), flush=True)
