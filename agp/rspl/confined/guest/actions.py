"""``agp.rspl.kinds.actions`` as confined code sees it."""

# pyright: basic, reportMissingImports=false


class Changed:
    """What an action returns that changes its resource's state."""

    def __init__(self, result, params):
        self.result, self.params = result, params
