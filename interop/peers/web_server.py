"""An HTTP server that takes events, and fails, hangs, drips and lies when it is told to.

    web_server.py PORT MODE_FILE RECEIVED_FILE

What it does with each request stands in MODE_FILE at that moment. What it answers with success, it has appended to
RECEIVED_FILE before, a line of JSON for each event.
"""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOCK = threading.Lock()
SUCCESS = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ANSWERS = {
    "fail": b"HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\nbusy",
    "wait": b"HTTP/1.1 503 No\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
    "garbage": b"\x00\x01 this is no HTTP\r\n\r\n",
    "headers": b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: x\r\n" % n for n in range(10_000)) + b"\r\n",
    "close": b"",
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(sys.argv[2], encoding="utf-8") as file:
            mode = file.read().strip()
        self.close_connection = mode != "take"
        if mode in ANSWERS:
            self.wfile.write(ANSWERS[mode])
        elif mode == "hang":
            time.sleep(5)
        elif mode == "drip":
            for byte in b"HTTP/1.1 200 OK\r\nX: " + 50 * b"x":
                self.wfile.write(bytes([byte]))
                time.sleep(0.1)
        else:
            self.take(body)
            # The length is not that of the body.
            lie = b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\nok"
            self.wfile.write(lie if mode == "lie" else SUCCESS)

    def take(self, body):
        events = json.loads(body)
        lines = [json.dumps(event) + "\n" for event in (events if isinstance(events, list) else [events])]
        with LOCK, open(sys.argv[3], "a", encoding="utf-8") as file:
            file.write("".join(lines))

    def log_message(self, *_):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True


if __name__ == "__main__":
    ThreadingHTTPServer.request_queue_size = 64
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
