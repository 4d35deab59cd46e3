"""What confined code meets in the sandbox: read as text, laid beside it, never imported here.

Standard library only. `main.py` runs the record's code; the others stand for modules of agp.
"""
