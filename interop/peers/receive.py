"""Receives objects with pynetdicom: receive.py [options] PORT FOLDER

Each object is written to FOLDER as received. --statuses has them answered with these statuses in turn, by the last
component of the SOP Instance UID; "abort", "close" and "hang" in their place end the association, close the connection,
or answer nothing.
"""

import argparse
import pathlib
import ssl
import time

from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AE, _config, evt
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import _STORAGE_CLASSES

parser = argparse.ArgumentParser()
parser.add_argument("--statuses", default="0000")
parser.add_argument("--syntaxes", help="UIDs of the transfer syntaxes that are accepted, with commas")
parser.add_argument("--files", action="store_true", help="write files, not only data sets")
parser.add_argument("--slow", type=float, default=0, help="seconds before each answer")
parser.add_argument("--title", help="the only called AE title that is accepted")
parser.add_argument("--tls", nargs=3, help="certificate, key, authority of clients")
parser.add_argument("port", type=int)
parser.add_argument("folder", type=pathlib.Path)
options = parser.parse_args()

# With it, any transfer syntax is accepted too.
_config.UNRESTRICTED_STORAGE_SERVICE = not options.syntaxes
statuses = options.statuses.split(",")
syntaxes = options.syntaxes.split(",") if options.syntaxes else list(AllTransferSyntaxes)


def store(event):
    instance = event.request.AffectedSOPInstanceUID
    status = statuses[int(instance.rsplit(".", 1)[1]) % len(statuses)]
    time.sleep(options.slow)
    if status == "abort":
        event.assoc.abort()
        return 0x0000
    if status == "close":
        event.assoc.dul.socket.close()
        return 0x0000
    if status == "hang":
        time.sleep(1000)
    target = options.folder / instance
    part = options.folder / (instance + ".part")
    part.write_bytes(event.encoded_dataset(include_meta=options.files))
    part.rename(target)
    return int(status, 16)


ae = AE(ae_title=options.title or "PYNETDICOM")
ae.supported_contexts = [build_context(uid, syntaxes) for uid in _STORAGE_CLASSES.values()]
ae.require_called_aet = options.title is not None
ae.maximum_associations = 100
context = None
if options.tls:
    certificate, key, authority = options.tls
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificate, key)
ae.start_server(
    ("127.0.0.1", options.port), block=True, evt_handlers=[(evt.EVT_C_STORE, store)], ssl_context=context
)
