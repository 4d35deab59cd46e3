"""What a person may call things: resources with versions, commits, runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agp.errors import NotFoundError

if TYPE_CHECKING:
    from agp.project import Project
    from agp.rspl.commits import Commit
    from agp.rspl.entities import Record, ResourceId
    from agp.rspl.history import History
    from agp.rspl.view import View

_COMMIT = re.compile(r"[0-9a-f]{6,64}")
_RUN = re.compile(r"[a-z]+-\d{8}-\d{6}-[0-9a-f]+")


@dataclass(frozen=True)
class Version:
    """A resource as it is, or was."""

    rid: ResourceId
    record: Record
    name: str
    live: bool

    @property
    def title(self) -> str:
        """``type/name@version``."""
        return f"{self.rid}@{self.name}"


def is_run(text: str) -> bool:
    """Whether ``text`` looks like the id of a run."""
    return bool(_RUN.fullmatch(text))


def find_commit(project: Project, text: str) -> Commit | None:
    """The commit that ``text`` means; None where it reads like the name of something else."""
    if text in project.history.names.tags() or text in project.history.branches():
        return project.history.find_commit(text)
    if not _COMMIT.fullmatch(text):
        return None
    try:
        return project.history.find_commit(text)
    except NotFoundError:
        if re.search("[0-9]", text):
            raise
        return None


def find_resource(project: Project, text: str) -> ResourceId:
    """The resource that ``text`` means, active or not any more. Raises NotFoundError."""
    return find_in(project.history, project.registry.view(), text)


def find_in(history: History, view: View, text: str) -> ResourceId:
    """The resource of a view, or of the history behind it, that ``text`` means."""
    from agp.rspl.entities import ResourceId

    try:
        return view.find(text)
    except NotFoundError:
        if "/" in text:
            rid = ResourceId.parse(text)
            if history.versions(rid):
                return rid
        raise


def find_version(project: Project, text: str) -> Version:
    """What ``RESOURCE`` (the live version) or ``RESOURCE@VERSION`` means. Raises NotFoundError."""
    name, at, wanted = text.partition("@")
    rid = find_resource(project, name)
    live = project.registry.view().refs.get(rid)
    if at:
        found = project.history.resolve(rid, wanted)
    elif live is not None:
        found = live
    else:
        versions = [semver for semver, _ in project.history.versions(rid)]
        raise NotFoundError(
            "active resource",
            str(rid),
            hint=f"It was taken out; its versions are {', '.join(versions)}: {rid}@{versions[-1]}",
        )
    return version_of(project, rid, found)


def version_of(project: Project, rid: ResourceId, found: str) -> Version:
    """The version with a digest."""
    record = project.history.load(found)
    name = project.history.version_of(found) or found[:12]
    return Version(rid, record, name, project.registry.view().refs.get(rid) == found)
