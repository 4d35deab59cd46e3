"""Bundles: resources with all their versions, names and reasons, in one file.

`format.py` says what the lines are, `export.py` writes them, `reading.py` verifies and reads
them, `taking.py` takes them into a store and `branches.py` a whole history as a branch. The
identity of everything is its digest; version names are local to a store.
"""

from agp.rspl.bundle.export import Exported, export_bundle
from agp.rspl.bundle.format import Alias, Bundle, Version
from agp.rspl.bundle.reading import read_bundle
from agp.rspl.bundle.taking import Imported, Renamed, import_bundle

__all__ = [
    "Alias",
    "Bundle",
    "Exported",
    "Imported",
    "Renamed",
    "Version",
    "export_bundle",
    "import_bundle",
    "read_bundle",
]
