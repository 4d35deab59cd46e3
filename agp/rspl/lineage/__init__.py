"""How versions and commits follow from one another: ancestry, differences, merges, blame, bisect.

`graph.py` walks the commits, `diff.py` compares, `merge.py` joins two branches (`merge_views.py`
and `three_way.py` do so without a store), `blame.py` and `bisect.py` find the commit to ask,
`influence.py` and `undoing.py` find and take back what goes back to a sample, a trace or a run.
"""
