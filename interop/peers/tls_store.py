"""Sends a file with pynetdicom over TLS: tls_store.py VERSION KEY CERTIFICATE CA PORT FILE

VERSION is the only TLS version offered, in the notation of Python's ssl module. Prints the status and the path.
"""

import logging
import ssl
import sys

import pydicom
from pynetdicom import AE, build_context

version, key, certificate, authority, port, path = sys.argv[1:]
logging.disable()

context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.load_verify_locations(authority)
context.load_cert_chain(certificate, key)
context.minimum_version = context.maximum_version = ssl.TLSVersion[version]

ds = pydicom.dcmread(path)
contexts = [build_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)]
association = AE().associate("127.0.0.1", int(port), contexts=contexts, tls_args=(context, None))
if not association.is_established:
    sys.exit("no association")
print(f"{association.send_c_store(ds).Status:04X}", path)
association.release()
