"""Lists every SOP class in pydicom's dictionary, one line each: UID and name."""

from pydicom._uid_dict import UID_dictionary

for uid, (name, kind, *_) in UID_dictionary.items():
    if "SOP Class" in kind:
        print(uid, name, sep="\t")
