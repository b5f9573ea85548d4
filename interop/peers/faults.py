"""Sends a file twice with pynetdicom, and prints what became of it: faults.py PORT SECONDS FILE

One line for the association (`rejected RESULT SOURCE REASON`, `aborted`, `no association` or `contexts N` for those
accepted), and one for each send: the status in four hexadecimal digits, `no status`, which is the last, or the error. In the end
`released`, or `aborted` if the association was lost. An answer is waited for that many seconds.
"""

import logging
import sys
import time
import warnings

import pydicom
from pynetdicom import AE, build_context, evt
from pynetdicom.pdu import A_ASSOCIATE_RJ

logging.disable()
warnings.simplefilter("ignore")
port, seconds, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
data_set = pydicom.dcmread(path)

ae = AE(ae_title="PYNETDICOM")
ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = seconds
context = build_context(data_set.SOPClassUID, data_set.file_meta.TransferSyntaxUID)
# If the rejection and the end of the connection come together, the toolkit sometimes notices the end first.
received = []
noted = [(evt.EVT_PDU_RECV, lambda event: received.append(event.pdu))]
association = ae.associate("127.0.0.1", port, contexts=[context], evt_handlers=noted)
rejection = next((pdu for pdu in received if isinstance(pdu, A_ASSOCIATE_RJ)), None)
if rejection:
    print("rejected", rejection.result, rejection.source, rejection.reason_diagnostic)
elif not association.is_established:
    print("aborted" if association.is_aborted else "no association")
else:
    print("contexts", len(association.accepted_contexts))

# The toolkit's own thread waits for requests of the peer, and sometimes takes a fast response to our request
# for one. A receiver of objects sends no requests, so that thread is given nothing.
take = association.dimse.get_msg
association.dimse.get_msg = lambda block=False: take(block=True) if block else (None, None)

for _ in range(2):
    if not association.is_established:
        break
    try:
        response = association.send_c_store(data_set)
        if "Status" not in response:
            print("no status")
            break
        print(f"{response.Status:04X}")
    except (ValueError, AttributeError, RuntimeError) as error:
        print(type(error).__name__)
else:
    if association.is_established:
        association.release()
# Another thread notices the end.
deadline = time.monotonic() + seconds
while association.is_established and time.monotonic() < deadline:
    time.sleep(0.01)
if rejection:
    print("lost")
    sys.exit()
print("released" if association.is_released else "aborted" if association.is_aborted else "lost")
