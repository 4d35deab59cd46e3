"""Layer 2, self-evolution: how resources change.

Variables lifted from resources, typed operators over (View, Message), optimizers composed of
them, and the gate that every change to a live branch passes. All mutation goes through RSPL.
"""
