"""The one store of truth: a database that every room keeps its records in.

`tables.py` is the schema, `database.py` opens a store and runs transactions, `migrations/` moves
an older store forward. What the rows mean is the business of the rooms that write them.
"""
