"""Sends files with pynetdicom: store.py [--raw] [--max-pdu N] PORT FILE...

--raw sends the data set's bytes unchanged; otherwise pydicom decodes and re-encodes them. Prints one line for
each file: status (four hexadecimal digits, or "none") and path.
"""

import argparse
import logging
import sys
import warnings

import pydicom
from pynetdicom import AE, _config, build_context

parser = argparse.ArgumentParser()
parser.add_argument("--raw", action="store_true")
parser.add_argument("--max-pdu", type=int, default=16382)
parser.add_argument("port", type=int)
parser.add_argument("files", nargs="+")
options = parser.parse_args()

warnings.simplefilter("ignore")
logging.disable()
_config.STORE_SEND_CHUNKED_DATASET = options.raw

contexts = {}
for path in options.files:
    ds = pydicom.dcmread(path, specific_tags=["SOPClassUID"])
    key = (str(ds.SOPClassUID), str(ds.file_meta.TransferSyntaxUID))
    contexts.setdefault(key, build_context(*key))

ae = AE(ae_title="PYNETDICOM")
association = ae.associate(
    "127.0.0.1", options.port, contexts=list(contexts.values()), max_pdu=options.max_pdu
)
if not association.is_established:
    sys.exit("no association")

# The toolkit's own thread waits for requests of the peer, and sometimes takes a fast response to our request
# for one. A receiver of objects sends no requests, so that thread is given nothing.
take = association.dimse.get_msg
association.dimse.get_msg = lambda block=False: take(block=True) if block else (None, None)

failed = False
for path in options.files:
    try:
        source = path if options.raw else pydicom.dcmread(path)
        response = association.send_c_store(source)
        status = f"{response.Status:04X}" if "Status" in response else "none"
    except (ValueError, AttributeError, RuntimeError) as error:
        status = f"skipped ({type(error).__name__})"
    failed = failed or status != "0000"
    print(status, path, flush=True)
    if not association.is_established:
        sys.exit("association lost")
association.release()
sys.exit(1 if failed else 0)
