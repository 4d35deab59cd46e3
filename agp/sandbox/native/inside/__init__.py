"""What runs inside the confined process: standard library only, nothing of the rest of agp.

These modules are imported by a bare interpreter (``-I -S``) that must not see this project or its
packages. They make the confinement, then run code that is not trusted.
"""
