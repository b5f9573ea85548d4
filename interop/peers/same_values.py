"""Compares pairs of files, each a source and the file stored from it, element by element.

Group lengths and padding may be added or removed. A VR may have become UN or OB, and the value bytes.
"""

import sys

import pydicom
from pydicom import config
from pydicom.uid import ExplicitVRBigEndian


def elements(ds, path=()):
    for element in ds:
        if element.tag.element == 0 or element.tag == 0xFFFCFFFC:
            continue
        here = (*path, element.tag)
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield (*here, number), len(element.value), "SQ"
                yield from elements(item, (*here, number))
        else:
            yield here, element.value, element.VR


def same(ours, theirs):
    (value, vr), (source, source_vr) = ours, theirs
    if vr in ("UN", "OB", "OW") and vr != source_vr:
        return True
    if isinstance(value, bytes) or isinstance(source, bytes):
        return len(value) == len(source)
    return value == source


def compare(source_path, path):
    source, stored = pydicom.dcmread(source_path), pydicom.dcmread(path, force=True)
    if stored.file_meta.get("TransferSyntaxUID") == ExplicitVRBigEndian:
        # Values of UN stay little endian (PS3.5 section 6.2.2): pydicom must not guess at them.
        config.replace_un_with_known_vr = False
    expected = {path: (value, vr) for path, value, vr in elements(source)}
    found = {path: (value, vr) for path, value, vr in elements(stored)}
    assert expected.keys() == found.keys(), (path, expected.keys() ^ found.keys())
    for at, theirs in expected.items():
        assert same(found[at], theirs), (path, at, found[at], theirs)
    if "PixelData" not in source:
        return
    if source.file_meta.TransferSyntaxUID.is_encapsulated:
        assert stored.PixelData == source.PixelData, path
    else:
        if "TransferSyntaxUID" not in stored.file_meta:
            stored.file_meta = source.file_meta
        assert (stored.pixel_array == source.pixel_array).all(), path


arguments = sys.argv[1:]
for pair in zip(arguments[::2], arguments[1::2]):
    compare(*pair)
