"""Which paths and hosts a call names, and whether they are inside what may be reached.

What nothing may reach, whatever the rules say: the policy, the settings and the store; and what
no tool may write: the project's folders of resources.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path, PurePosixPath

from agp.permissions.decisions import ActionRequest, Decision
from agp.permissions.hosts import hosts_of, is_url, normal_host, urls_in
from agp.permissions.patterns import fits
from agp.permissions.policy import FILE, Policy
from agp.permissions.values import Leaf, fold, normal_path, path_spellings


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FOLDER = ".agp"
_FILES = (FILE, "agp.toml")
_RESOURCES = ("agents", "tools", "environments", "memory", "prompts", "benchmarks")
_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_PATHS = _set(
    "path paths file files filename filenames filepath dir dirs directory directories folder "
    "folders cwd root src dst dest destination"
)
_URLS = _set(
    "url urls uri uris link href host hosts hostname domain server endpoint address origin"
)
_COMMANDS = _set("command cmd args argv arguments shell script")
_ONLY_READ = _set(
    "read get list open load search find stat head tail cat show view grep glob count describe "
    "summary summarize parse check inspect info tree exists"
)
_WRITES = _set(
    "write append create save put make mkdir move rename copy delete remove replace edit update "
    "set upload insert truncate touch"
)
_SHAPED = re.compile(
    r"~[\w.+-]*(?:[\\/]|$)|/|\.{1,2}[\\/]|[A-Za-z]:[\\/]|\\\\|file:"  # by how it begins
    r"|\$(?:[A-Za-z_]\w*|\{[^}]*\}|\([^)]*\))(?:[\\/]|$)|(?:.*[\\/])?\.\.(?:[\\/]|$)"
)
_PATH_PART = re.compile(r"\S{1,300}")
_PARTS, _FEW = 3, 8
_ROOTED = re.compile(r"[\\/]{2}")
_ELSEWHERE = re.compile(r"~|.*\$[A-Za-z_{(]")


@dataclass(frozen=True)
class Ground:
    """Where a project stands: its folder, and further paths that are never touched (the store)."""

    folder: Path = Path("/nonexistent")
    guarded: tuple[str, ...] = ()

    def inside(self, path: str) -> str:
        """A path as seen from the project's folder, where it is in it; ``~`` filled in."""
        path = os.path.expanduser(path)  # of a user whom nobody knows it stays as it is
        folder = self.folder.as_posix().rstrip("/")
        if path == folder:
            return "."
        return path.removeprefix(folder + "/") if path.startswith(folder + "/") else path

    def code(self, text: str) -> str:
        """The folder of resources that a path leads into: what lies there counts as a person's."""
        for path in path_spellings(text):
            first, _, rest = fold(self.inside(path)).partition("/")
            if first in _RESOURCES and rest:
                return f"{first}/"
        return ""

    def protected(self, text: str) -> str:
        """What a value names that nothing may touch; empty for nothing.

        By name, wherever it lies: a file may be reached through another folder.
        """
        for path in path_spellings(text):
            parts = [part.rstrip(". ") for part in PurePosixPath(fold(path)).parts]
            if _FOLDER in parts:
                return f"{_FOLDER}/"
            if parts and parts[-1] in _FILES:
                return parts[-1]
            seen = fold(self.inside(os.path.expandvars(path)))
            for each in self.guarded:
                own = fold(self.inside(each))
                if seen == own or seen.startswith((own + "/", own + "-")):  # a store's WAL too
                    return each
        return ""


def out_of_scope(
    policy: Policy, request: ActionRequest, found: Sequence[Leaf], ground: Ground
) -> Decision | None:
    """The denial of a call that names what is protected or outside a scope; None if none is."""
    for leaf in found:
        if name := ground.protected(leaf.text):
            reason = f"{name} belongs to agp: no agent may touch it"
            return Decision("deny", "built in: protected files", reason)
    files, hosts = policy.files, policy.network.hosts
    reads, writes = _access(request)
    paths = [leaf for leaf in found if _is_path(leaf)]
    if writes and request.reaches_disk:
        for path in _could_be_paths(found):
            if name := ground.code(path):
                reason = f"{name} holds this project's resources: only a person writes there"
                return Decision("deny", "built in: resource folders", reason)
    if files.read is not None or files.write is not None:
        for path in paths:
            if reads and (no := file_denied(policy, ground, path.text, write=False)):
                return no
            if writes and (no := file_denied(policy, ground, path.text, write=True)):
                return no
    if hosts is not None:
        urls = [*request.urls, *(leaf.text for leaf in found if _is_address(leaf))]
        for leaf in found:
            urls += urls_in(leaf.text) if _said(leaf, _COMMANDS) else []
        for host in (host for url in urls for host in hosts_of(url)):
            if no := host_denied(policy, host):
                return no
    return None


def _could_be_paths(found: Sequence[Leaf]) -> Iterator[str]:
    """Each value that could be a path, and what a call may put together of up to three of them."""
    parts = list(dict.fromkeys(t for leaf in found if _PATH_PART.fullmatch(t := leaf.text.strip())))
    for size in range(1, _PARTS + 1):
        for chosen in permutations(parts[:_FEW], size):
            yield "/".join(chosen)
    yield from parts[_FEW:]


def file_denied(policy: Policy, ground: Ground, path: str, *, write: bool) -> Decision | None:
    """The denial of reading or writing a path; None where the scope holds every reading of it."""
    if name := ground.protected(path):
        return Decision("deny", "built in: protected files", f"{name} belongs to agp")
    globs = policy.files.write if write else policy.files.read
    if globs is None:
        return None
    rule = f"[files] {'write' if write else 'read'}"
    spelled = [ground.inside(each) for each in path_spellings(path)]
    if spelled and all(_in(globs, each, ground) for each in spelled):
        return None
    verb = "written" if write else "read"
    return Decision("deny", rule, f"{path[:200]!r} is outside the files that may be {verb}")


def host_denied(policy: Policy, host: str) -> Decision | None:
    """The denial of reaching a host; None where the scope holds it."""
    globs = policy.network.hosts
    name = normal_host(host)
    if globs is None or (name and any(fits(_host_glob(glob), name) for glob in globs)):
        return None
    said = f"{name!r} is not among the hosts that may be reached" if name else "the URL is unclear"
    return Decision("deny", "[network] hosts", said)


def _host_glob(glob: str) -> str:
    return glob.strip().lower() if set("*?[") & set(glob) else normal_host(glob)


def _in(globs: Iterable[str], path: str, ground: Ground) -> bool:
    if _ELSEWHERE.match(path):  # where it leads is for the tool's shell to say
        return False
    for glob in globs:
        own = ground.inside(normal_path(glob) or glob)
        if own in ("*", "**") and not (path.startswith("/") or path.split("/")[0] == ".."):
            return True
        if own not in ("*", "**") and (fits(own, path) or path == re.sub(r"/\*\*?$", "", own)):
            return path.split("/")[0] != ".." or own.startswith("..")
    return False


def _access(request: ActionRequest) -> tuple[bool, bool]:
    """Whether a call reads, and whether it writes, by its name: an unclear one counts as both."""
    words = _words(request.action) | _words(request.resource.partition("/")[2])
    if words & _WRITES:
        return bool(words & _ONLY_READ), True
    return True, not words & _ONLY_READ


def _is_path(leaf: Leaf) -> bool:
    if is_url(leaf.text) and not _ROOTED.match(leaf.text.strip()):
        return False  # //host/x and \\host\x can be both
    return bool(_SHAPED.match(leaf.text.strip())) or (
        _said(leaf, _PATHS) and leaf.text.strip() not in ("", "null", "[]", "{}")
    )


def _is_address(leaf: Leaf) -> bool:
    return is_url(leaf.text) or (_said(leaf, _URLS) and leaf.text.strip() not in ("", "null"))


def _said(leaf: Leaf, words: frozenset[str]) -> bool:
    """Whether the name nearest to a value is one of these."""
    return bool(_words(leaf.names[-1]) & words)


def _words(name: str) -> set[str]:
    return {word.lower() for word in _WORDS.findall(name)}
