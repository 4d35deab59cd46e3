"""Memory: state that outlives a task. Its content is part of the record, so it is versioned."""

from agp.rspl.entities import EntityType
from agp.rspl.kinds.stateful import StatefulKind


class MemoryKind(StatefulKind):
    """A `MEMORY.md` and a `memory.py` that defines `class Memory`."""

    type = EntityType.MEMORY
    folder = "memory"
    manifest = "MEMORY.md"
    code_file = "memory.py"
    entry = "Memory"
