#!/usr/bin/env python3
"""Takes the events of a webhook: verifies their signature, drops repeats, and prints a line for each.

    WEBHOOK_SECRET=whsec_... python3 webhook.py [PORT]

[[destination]]
name = "events"
kind = "webhook"
url = "http://127.0.0.1:8080/events"
secret = { file = "/etc/storescp/webhook.secret" }

Only the standard library is needed. An event is done once it was answered with 200: whatever is to be done with it has
to be safe by then.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LONGEST_BODY = 16 * 1024 * 1024
SECONDS_OF_CLOCKS = 300


def key_of(secret):
    """The bytes of a secret: base64 behind whsec_, or the text itself."""
    if secret.startswith("whsec_"):
        return base64.b64decode(secret.removeprefix("whsec_"))
    return secret.encode()


def is_signed(key, headers, body):
    """Whether somebody who has the key sent this, and not long ago."""
    identifier, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > SECONDS_OF_CLOCKS:
        return False
    signed = f"{identifier}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    # Several may be given, while a secret is being changed.
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(expected.encode(), one.encode()) for one in given)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    key = key_of(os.environ["WEBHOOK_SECRET"])
    # Of a program that must not act twice, this would be in a database, written with what was done.
    seen = set()

    def do_POST(self):
        length = self.headers.get("content-length", "")
        if not length.isdigit() or int(length) > LONGEST_BODY:
            self.close_connection = True
            return self.answer(413, "too long")
        body = self.rfile.read(int(length))
        if not is_signed(self.key, self.headers, body):
            return self.answer(401, "the signature is wrong")
        events = json.loads(body)
        for event in events if isinstance(events, list) else [events]:
            # The source tells receivers apart, and the id the events of one.
            name = (event["source"], event["id"])
            if name not in self.seen:
                print(event["type"], event["subject"], flush=True)
                self.seen.add(name)
        return self.answer(200, "")

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8080), Handler)
    print(f"http://127.0.0.1:{server.server_port}/events", flush=True)
    server.serve_forever()
