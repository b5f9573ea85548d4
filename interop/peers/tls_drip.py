"""Sends a TLS record that is never completed: tls_drip.py PORT

After the handshake, sends one byte every 100 ms. Prints the number of seconds until the peer closes the
connection.
"""

import socket
import ssl
import sys
import time

context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
secure = context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))))
begun = time.monotonic()
plain = socket.socket(fileno=secure.detach())
plain.settimeout(0.1)
record = b"\x17\x03\x03\x40\x00" + bytes(16_000)
for byte in record:
    try:
        plain.sendall(bytes([byte]))
        while plain.recv(4096):
            pass
        break
    except TimeoutError:
        pass
    except OSError:
        break
print(f"{time.monotonic() - begun:.1f}")
