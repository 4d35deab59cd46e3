"""GEPA and agp, both ways: its adapters as objectives here, and its search as an optimizer here.

GEPA is an optional package (``pip install gepa``); nothing of it is repeated here.
"""
