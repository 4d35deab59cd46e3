"""Environments: the world an agent acts in (a workspace of files, a judge, a browser)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from agp.errors import ResourceError
from agp.rspl.entities import EntityType, JsonObject, Record
from agp.rspl.kinds.stateful import StatefulKind, with_params


class EnvironmentKind(StatefulKind):
    """An `ENVIRONMENT.md` and an `environment.py` that defines `class Environment`."""

    type = EntityType.ENVIRONMENT
    folder = "environments"
    manifest = "ENVIRONMENT.md"
    code_file = "environment.py"
    entry = "Environment"

    def started(self, record: Record, files: Mapping[str, str]) -> Record:
        """With the task's files beside its own, if its class takes ``files``."""
        if not files or "files" not in (self._shape(record).parameters or ()):
            return record
        own: object = record.params.get("files") or {}
        if not isinstance(own, dict):
            raise ResourceError(
                f"{record.id}: field 'params.files' must map file names to texts.",
                hint="Leave it out for an environment that starts without files.",
            )
        return with_params(record, {**record.params, "files": {**cast(JsonObject, own), **files}})
