"""Keeps an association open over TLS: tls_hold.py KEY CERTIFICATE CA PORT

Opens it, waits for a line on standard input, sends a C-ECHO, prints its status and releases.
"""

import logging
import ssl
import sys

from pynetdicom import AE

key, certificate, authority, port = sys.argv[1:]
logging.disable()

context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.load_verify_locations(authority)
context.load_cert_chain(certificate, key)

ae = AE()
ae.add_requested_context("1.2.840.10008.1.1")
association = ae.associate("127.0.0.1", int(port), tls_args=(context, None))
if not association.is_established:
    sys.exit("no association")
sys.stdin.readline()
print(f"{association.send_c_echo().Status:04X}")
association.release()
