"""Keeping a store sound.

`fsck.py` (with `links.py`) derives everything again and compares, `gc.py` removes what nothing
reaches.
"""
