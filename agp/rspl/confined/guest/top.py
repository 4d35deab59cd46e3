"""``agp`` as confined code sees it."""

# pyright: basic, reportMissingImports=false


def __getattr__(name):
    if name in ("AgentRun", "Answer", "Task"):
        import agp.runtime

        return getattr(agp.runtime, name)
    raise AttributeError(f"module 'agp' has no attribute {name!r} in the sandbox")
