"""Sends bytes over TLS: tls_bytes.py PORT END < BYTES

Sends its standard input, waits for the first bytes of an answer, then ends the connection: END is "notify" to
send a close_notify, "cut" to end TCP without one, "reset" to reset it, or "wait" to wait for the peer to end
it. Prints the first byte of the answer, and for "wait" the first byte of each further piece received, and
whether there was a close_notify.
"""

import contextlib
import socket
import ssl
import struct
import sys

port, end = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
plain = socket.create_connection(("127.0.0.1", int(port)), timeout=30)
secure = context.wrap_socket(plain, suppress_ragged_eofs=False)
secure.sendall(sys.stdin.buffer.read())
print("answer", secure.recv(16_384)[:1].hex(), flush=True)
if end == "notify":
    with contextlib.suppress(ssl.SSLError, OSError):
        secure.unwrap()
elif end == "wait":
    try:
        while more := secure.recv(16_384):
            print("then", more[:1].hex())
        print("notified")
    except ssl.SSLEOFError:
        print("not notified")
elif end == "cut":
    secure.shutdown(socket.SHUT_RDWR)
elif end == "reset":
    secure.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    socket.socket(fileno=secure.detach()).close()
