"""Keeping a store sound.

`fsck.py` derives everything again and compares (with `columns.py`: types, `bodies.py`: versions,
`links.py`: pointers, `replay.py`: names against the audit log, `numbers.py`: version names),
`gc.py` removes what nothing reaches.
"""
