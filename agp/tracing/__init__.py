"""Traces: OpenTelemetry spans of everything that runs, kept in the store.

`names.py` holds every attribute name, `recorder.py` writes spans to the store in batches,
`reader.py` reads them back as traces. What is recorded is decided where it happens.
"""
