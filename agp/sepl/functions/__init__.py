"""Objectives that are functions: evolve texts against any metric, with the same search and gate.

Each text becomes a prompt resource, bound to an agent that exists to be scored by the function; so
history, journal, gate, budget and resume are those of every other run. Nothing here is an
optimizer, and nothing of an optimizer is repeated here.
"""
