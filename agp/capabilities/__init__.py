"""What a resource could do, read from its record without executing anything.

A capability is a short label: ``import:os``, ``exec``, ``network``, ``file:write``,
``host:example.org``, ``path:/etc/passwd``, ``env:HOME``, ``secret:API_KEY``, ``tool:python``,
``dynamic:eval``. A person is asked about a change that adds one; the sandbox, not this room, is
what holds code back. Text that is put together at run time is not understood: what could do that
is a capability itself (``dynamic:…``), and source that does not parse is ``unparsable``.

`records.py` knows where a record holds what, `python.py` reads Python with the tables of
`rules.py`, `shell.py` reads scripts, `texts.py` any text, `limits.py` what was loosened. Only
pure analysis may enter: nothing here imports, builds or runs a resource.
"""

from agp.capabilities.limits import loosened
from agp.capabilities.records import capabilities_of
from agp.rspl.entities import Record

__all__ = ["added", "capabilities_of", "loosened"]


def added(before: Record | None, after: Record) -> list[str]:
    """What ``after`` can do that ``before`` could not, sorted; with limits that were loosened.

    ``before`` is None for a new resource, which adds all that it can do.
    """
    if before is None:
        return sorted(capabilities_of(after))
    return sorted((capabilities_of(after) - capabilities_of(before)) | loosened(before, after))
