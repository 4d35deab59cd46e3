"""Environments: the world an agent acts in (a workspace of files, a judge, a browser)."""

from agp.rspl.entities import EntityType
from agp.rspl.kinds.base import Kind, Part, Record


class EnvironmentKind(Kind):
    """An `ENVIRONMENT.md` and an `environment.py` that defines `class Environment`."""

    type = EntityType.ENVIRONMENT
    folder = "environments"
    manifest = "ENVIRONMENT.md"
    code_file = "environment.py"
    entry = "Environment"

    def parts(self, record: Record) -> list[Part]:
        """Its configuration, beside what every record has."""
        return [*super().parts(record), Part("params", "json", f"configuration of {record.id}")]
