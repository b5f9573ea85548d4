"""Reads every element of the files given; fails if a value cannot be read."""

import sys

import pydicom

for path in sys.argv[1:]:
    ds = pydicom.dcmread(path)
    assert ds.file_meta.TransferSyntaxUID, path
    for element in ds.iterall():
        element.value
