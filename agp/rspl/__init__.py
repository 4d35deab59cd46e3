"""Layer 1, the resource substrate: what evolves.

Prompts, agents, tools, environments and memory as versioned records in one store, and the one
generic registry that manages all five. Nothing here knows of optimisation, models or runs.
"""
