"""Lists the SOP instances among the files in pydicom's package.

Prints one line for each: path, path below the data directory, transfer syntax, SOP class, SOP instance.
"""

import pathlib
import warnings

import pydicom
from pydicom.errors import InvalidDicomError

warnings.simplefilter("ignore")
root = pathlib.Path(pydicom.__file__).parent / "data"
for path in sorted(root.rglob("*")):
    if not path.is_file():
        continue
    try:
        ds = pydicom.dcmread(path, specific_tags=["SOPClassUID", "SOPInstanceUID"])
        syntax = ds.file_meta.TransferSyntaxUID
        fields = [syntax, ds.SOPClassUID, ds.SOPInstanceUID]
    except (InvalidDicomError, AttributeError):
        continue
    print(path, path.relative_to(root), *fields, sep="\t")
