"""The attack corpus: what code that a model wrote might try, and the proof that it fails.

`corpus/` holds the attacks on the sandbox as data, one small case each; `gate/` those on the gate
and on what surrounds it. A case says how the *host* recognises that it succeeded: a planted secret
that comes out, a planted file that changed, a signal that arrived. `runner.py` tries a case on a
backend; `naive.py` holds what people use instead of a sandbox, where each attack is shown to
succeed. `python -m tests.attacks.table` writes docs/attacks.md.

Every attack is bounded (256 processes, 1 GiB, 30 s) and talks to loopback only.
"""
