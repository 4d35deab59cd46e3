"""The audit log: who changed what, in a form that shows when it was changed itself.

Each entry is canonical JSON, chained to the one before by its hash and signed by its writer.
`entries.py` is the format, `log.py` appends and reads, `verify.py` judges rows from anywhere,
`checks.py` judges a store or files, `checkpoint.py` lets an outsider vouch for a log,
`archive.py` retires entries without loosening the chain. Only what is needed to write, prove and
retire entries may enter; what an entry means is the business of the room that appends it.
"""
