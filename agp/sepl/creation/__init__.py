"""Making resources that were missing: what a new one is, how it is asked for, how it is tried.

`records.py` turns a described resource into records, `trials.py` runs what no person wrote
confined before any sample is spent on it, `tools.py` and `agents.py` ask a model for new ones.
What may enter: nothing that needs a view changed or a sample run.
"""
