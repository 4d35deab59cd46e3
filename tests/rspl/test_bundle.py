"""Bundles: what goes out comes in with the same digests, and nothing else comes in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from sqlalchemy import delete, func, select

from agp.canonical import canonical_json, digest
from agp.errors import InputError, NotFoundError, ResourceError
from agp.rspl.bundle import export_bundle, import_bundle, read_bundle
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.history import History
from agp.rspl.registry import Registry
from agp.rspl.upkeep.fsck import check
from agp.store.tables import AliasRow, AuditRow, CommitRow, ObjectRow

from .growing import STEPS, Step, fresh, grow
from .helpers import BINDINGS, prompt, record

PROMPT = prompt().id
AGENT = ResourceId(EntityType.AGENT, "it")
Lines = list[dict[str, Any]]


@pytest.fixture
def other() -> Iterator[History]:
    """Another store, in a file."""
    with fresh() as history:
        yield history


def _state(history: History) -> list[Any]:
    counted = (ObjectRow, CommitRow, AuditRow)
    with history.database.read() as session:
        counts = [session.scalar(select(func.count()).select_from(each)) for each in counted]
    return [*counts, history.branches()]


def _objects(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if '"kind":"object"' in line]


def _grown(history: History) -> Registry:
    registry = Registry(history, author="maker")
    registry.register(prompt())
    registry.register(record(EntityType.AGENT, "agent"))
    registry.update(prompt(system="Second — 数学 \u2028 “quoted”\n."))
    registry.update(prompt(system="Third"))
    registry.restore(PROMPT, "1.0.1")
    history.names.move_alias(PROMPT, "production", history.resolve(PROMPT, "1.0.0"), author="me")
    return registry


@given(steps=STEPS)
@settings(max_examples=12, deadline=None)
def test_a_round_trip_keeps_every_digest(steps: list[Step]) -> None:
    with fresh() as source, fresh() as target:
        grow(source, steps)
        folder = source.database.file
        assert folder
        first, second = folder.with_name("first"), folder.with_name("second")
        export_bundle(source, first)
        done = import_bundle(target, first)
        assert done.renamed == []
        for rid in read_bundle(first).resources:
            assert target.versions(rid) == source.versions(rid)
            for semver, version in target.versions(rid):
                assert target.load(version) == source.load(version)
                if rid.type is not EntityType.PROMPT:
                    continue
                Registry(target).restore(rid, semver)
                assert target.view().refs[rid] == version
        assert check(target.database) == []
        export_bundle(target, second)
        assert _objects(second) == _objects(first)


@given(steps=STEPS)
@settings(max_examples=12, deadline=None)
def test_a_whole_history_travels_with_its_ids(steps: list[Step]) -> None:
    with fresh() as source, fresh() as target:
        grow(source, steps)
        assert source.database.file
        path = source.database.file.with_name("bundle")
        export_bundle(source, path)
        import_bundle(target, path, as_branch="theirs")
        ours, theirs = source.log(), target.log("theirs")
        assert [c.id for c in theirs] == [c.id for c in ours]
        assert target.view("theirs").refs == source.view().refs
        before = _state(target)
        import_bundle(target, path, as_branch="theirs")
        assert _state(target) == before
        Registry(source).register(prompt("newer"))
        export_bundle(source, path)
        assert import_bundle(target, path, as_branch="theirs").commits == 1
        assert target.view("theirs").digest == source.view().digest
        assert check(target.database) == []


def test_between_databases_and_back(history: History, other: History, tmp_path: Path) -> None:
    _grown(history)
    there, back = tmp_path / "there", tmp_path / "back"
    export_bundle(history, there)
    done = import_bundle(other, there, author="importer")
    assert done.commit is not None
    assert (done.commit.author, done.commit.operator) == ("importer", "import")
    assert done.commit.evidence["bundle"] == read_bundle(there).digest
    assert done.commit.evidence["commits"] == [c.id for c in reversed(history.log())]
    assert other.view().digest == history.view().digest
    assert other.names.aliases(PROMPT) == history.names.aliases(PROMPT)
    before = _state(history)
    export_bundle(other, back)
    assert import_bundle(history, back).commit is None
    assert _state(history) == before


def test_importing_twice_changes_nothing(history: History, other: History, tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    _grown(history)
    export_bundle(history, path)
    first = import_bundle(other, path)
    assert (first.objects, first.versions, first.aliases) == (4, 4, 1)
    before = _state(other)
    again = import_bundle(other, path)
    assert (again.objects, again.versions, again.aliases, again.commit) == (0, 0, 0, None)
    assert _state(other) == before


def test_names_are_local_and_digests_are_not(
    history: History, other: History, tmp_path: Path
) -> None:
    path = tmp_path / "bundle"
    _grown(history)
    export_bundle(history, path)
    mine = Registry(other)
    mine.register(prompt(system="mine"))
    mine.update(prompt(system="Third"))
    done = import_bundle(other, path, activate=False)
    names = {e.there: e.here for e in done.renamed if e.resource == PROMPT}
    assert names == {"1.0.0": "1.0.2", "1.0.1": "1.0.3", "1.0.2": "1.0.1"}
    assert other.versions(AGENT) == history.versions(AGENT)
    assert other.view().record(PROMPT).params["system"] == "Third"
    assert check(other.database) == []


def test_a_part_takes_what_it_needs_or_is_refused(
    history: History, other: History, tmp_path: Path
) -> None:
    path = tmp_path / "bundle"
    _grown(history)
    export_bundle(history, path, resources=[AGENT])
    before = _state(other)
    with pytest.raises(ResourceError, match="prompt/it, which does not exist"):
        import_bundle(other, path)
    assert _state(other) == before
    assert import_bundle(other, path, activate=False).versions == 1
    export_bundle(history, path, resources=[AGENT, PROMPT])
    assert import_bundle(other, path).commit is not None
    with pytest.raises(NotFoundError, match="tool/it"):
        export_bundle(history, path, resources=[ResourceId(EntityType.TOOL, "it")])
    with pytest.raises(NotFoundError, match="nowhere"):
        export_bundle(history, path, branch="nowhere")


def test_a_part_or_a_stranger_is_no_branch(
    history: History, other: History, tmp_path: Path
) -> None:
    path = tmp_path / "bundle"
    _grown(history)
    Registry(other).register(prompt(system="unrelated"))
    export_bundle(history, path, resources=[AGENT])
    with pytest.raises(InputError, match="only a part"):
        import_bundle(other, path, as_branch="theirs")
    export_bundle(history, path)
    before = _state(other)
    with pytest.raises(InputError, match="does not build on"):
        import_bundle(other, path, as_branch="main")
    assert _state(other) == before
    import_bundle(other, path, as_branch="theirs")
    assert other.view("theirs").digest == history.view().digest
    assert check(other.database) == []


def test_a_dry_run_tells_and_writes_nothing(
    history: History, other: History, tmp_path: Path
) -> None:
    path = tmp_path / "bundle"
    _grown(history)
    export_bundle(history, path)
    before = _state(other)
    would = import_bundle(other, path, dry_run=True)
    assert _state(other) == before
    done = import_bundle(other, path)
    assert (would.objects, would.versions) == (done.objects, done.versions) == (4, 4)


def test_a_bundle_is_one_moment(
    history: History, other: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agp.rspl.bundle import export

    path, read_versions = tmp_path / "bundle", export._versions
    registry = _grown(history)
    before = history.view().digest

    def while_somebody_commits(*given: Any) -> Any:
        registry.update(prompt(system="meanwhile"))
        return read_versions(*given)

    monkeypatch.setattr(export, "_versions", while_somebody_commits)
    export_bundle(history, path)
    import_bundle(other, path, as_branch="theirs")
    assert other.view("theirs").digest == before != history.view().digest


def test_names_that_come_with_a_bundle_are_audited(
    history: History, other: History, tmp_path: Path
) -> None:
    path = tmp_path / "bundle"
    _grown(history)
    export_bundle(history, path)
    import_bundle(other, path, activate=False)
    assert check(other.database) == []
    with other.database.write() as session:
        session.execute(delete(AliasRow))
    assert [each.where for each in check(other.database)] == ["alias prompt/it production"]


# -- what is live must work --------------------------------------------------------------------


def _write(lines: Lines, path: Path) -> None:
    """Write lines with the checksum that is right for them: a forger knows how."""
    body = b"".join(canonical_json(line) + b"\n" for line in lines)
    end = {"kind": "end", "sha256": hashlib.sha256(body).hexdigest()}
    path.write_bytes(body + canonical_json(end) + b"\n")


def _as_bundle(records: list[Record], path: Path) -> None:
    """Records as one commit, written by somebody who knows the format and checks nothing."""
    changes = [[str(each.id), None, each.digest] for each in sorted(records, key=lambda r: r.id)]
    commit = {"branch": "main", "parents": [None], "author": "x", "operator": "register"}
    commit |= {"message": "m", "evidence": {}, "objective": None, "changes": changes}
    commit |= {"created_at": "2026-01-01T00:00:00.000000+00:00"}
    name = digest(commit)
    lines: Lines = [{"kind": "header", "format": "agp-bundle/1", "branch": "main", "head": name}]
    for each in sorted(records, key=lambda r: r.digest):
        lines.append({"kind": "object", "digest": each.digest, "record": each.body()})
    for resource, _, after in changes:
        version = {"number": 0, "version": "1.0.0", "digest": after, "live": True}
        lines.append({"kind": "version", "resource": resource, **version})
    _write([*lines, {"kind": "commit", "id": name, **commit}], path)


def _bound(name: str, **params: Any) -> Record:
    agent = record(EntityType.AGENT, "an agent", name=name)
    return agent.model_copy(update={"params": {**BINDINGS, **params}})


NOT_LIVE: dict[str, tuple[list[Record], str]] = {
    "a circle": (
        [prompt(), _bound("one", agents=["two"]), _bound("two", agents=["one"])],
        "circle",
    ),
    "a binding to nothing": ([_bound("one")], "prompt/it, which does not exist"),
    "code that cannot be loaded": (
        [
            record(EntityType.TOOL, "t").model_copy(
                update={
                    "implementation": {"kind": "source", "entry": "tool.py:it", "files": {}},
                }
            )
        ],
        "tool",
    ),
}


@pytest.mark.parametrize("case", NOT_LIVE)
@pytest.mark.parametrize("as_branch", [None, "theirs", "main"])
def test_what_would_be_live_must_work(
    history: History, tmp_path: Path, case: str, as_branch: str | None
) -> None:
    records, words = NOT_LIVE[case]
    path = tmp_path / "bundle"
    _as_bundle(records, path)
    before = _state(history)
    with pytest.raises(ResourceError, match=words):
        import_bundle(history, path, as_branch=as_branch)
    assert _state(history) == before


# -- faults --------------------------------------------------------------------------------


def _at(lines: Lines, kind: str) -> int:
    return next(n for n, line in enumerate(lines) if line["kind"] == kind)


def _change_record(lines: Lines) -> None:
    lines[_at(lines, "object")]["record"]["description"] = "evil"


def _swap(lines: Lines) -> None:
    lines[1], lines[2] = lines[2], lines[1]


def _double(lines: Lines) -> None:
    lines.insert(2, lines[1])


def _change_commit(lines: Lines) -> None:
    lines[_at(lines, "commit")]["message"] = "evil"


def _rename(lines: Lines) -> None:
    lines[_at(lines, "version")]["version"] = "9.9.9"


def _two_live(lines: Lines) -> None:
    for line in lines:
        if line["kind"] == "version":
            line["live"] = True


def _drop_object(lines: Lines) -> None:
    del lines[_at(lines, "object")]


def _drop_version(lines: Lines) -> None:
    del lines[_at(lines, "version")]


def _extra_field(lines: Lines) -> None:
    lines[_at(lines, "alias")]["note"] = ""


def _foreign_kind(lines: Lines) -> None:
    lines.insert(1, {"kind": "novelty"})


def _wrong_types(lines: Lines) -> None:
    lines[_at(lines, "version")]["number"] = "0"


def _odd_name(lines: Lines) -> None:
    lines[_at(lines, "alias")]["alias"] = "../x"


def _huge_number(lines: Lines) -> None:
    last = [line for line in lines if line["kind"] == "version"][-1]
    last["number"], last["version"] = 2**53 - 1, f"1.0.{2**53 - 1}"


def _agent(params: Any) -> Callable[[Lines], None]:
    """An agent whose parameters are not an agent's."""

    def fault(lines: Lines) -> None:
        content = {**record(EntityType.AGENT, "evil", name="evil").body(), "params": params}
        named = digest(content)
        objects = [line for line in lines if line["kind"] == "object"]
        new = {"kind": "object", "digest": named, "record": content}
        lines[1 : 1 + len(objects)] = sorted([*objects, new], key=lambda each: each["digest"])

    return fault


def _astray(lines: Lines) -> None:
    """A commit that makes a version of one resource live as another, its id derived anew."""
    line = next(each for each in lines if each["kind"] == "commit" and len(each["changes"]) == 1)
    other = next(e for e in lines if e["kind"] == "version" and e["resource"] == str(AGENT))
    line["changes"][0][2] = other["digest"]
    line["id"] = digest({k: v for k, v in line.items() if k not in ("kind", "id")})


def _other_format(lines: Lines) -> None:
    lines[0]["format"] = "agp-bundle/9"


FAULTS: dict[Callable[[Lines], None], str] = {
    _change_record: "line 2: the content of .* does not match its digest",
    _swap: "line 3: it is out of order",
    _double: "line 3: it is out of order",
    _change_commit: "does not match its id",
    _rename: "9.9.9 is not the name",
    _two_live: "two live",
    _drop_object: "holds no version",
    _drop_version: "has no version name",
    _extra_field: "other fields",
    _foreign_kind: "line 2: a line of kind 'novelty'",
    _wrong_types: "line 6",
    _odd_name: "'../x'",
    _huge_number: "line .*numbers were left out",
    _agent({}): "line .*not a proper object line",
    _agent({"prompt": "it", "tools": None}): "line .*not a proper object line",
    _agent({**BINDINGS, "tools": ["../x"]}): "line .*'../x' is not a resource name",
    _astray: "line .*holds no version .* of prompt/it",
    _other_format: "line 1: .*agp-bundle/9",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.__name__)
def test_a_forged_bundle_is_refused_by_line(
    other: History, tmp_path: Path, fault: Callable[[Lines], None]
) -> None:
    path = tmp_path / "bundle"
    with fresh() as source:
        _grown(source)
        export_bundle(source, path)
    lines = [json.loads(line) for line in path.read_bytes().splitlines()][:-1]
    fault(lines)
    _write(lines, path)
    before = _state(other)
    with pytest.raises(InputError, match=FAULTS[fault]) as caught:
        import_bundle(other, path)
    assert "line " in caught.value.message
    assert _state(other) == before


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[:-1], "cut off"),
        (lambda data: data[: len(data) // 2], "cut off"),
        (lambda data: b"".join(data.splitlines(keepends=True)[:-1]), "cut off"),
        (lambda data: data.replace(b'"live":true', b'"live":NaN'), "line .* JSON|canonical"),
        (lambda data: data.replace(b"Third", b"Thirf"), "does not match"),
        (lambda data: data.replace(b'"maker"', b'"other"'), "does not match"),
        (lambda data: data + data, "line"),
        (lambda data: data.replace(b"\n", b"\r\n"), "line 1"),
        (lambda data: b"\xff\xfe" + data, "line 1"),
        (lambda data: b"", "format"),
        (lambda data: b"[]\n", "line 1"),
        (lambda data: b"PK\x03\x04" + bytes(100), "line 1"),
    ],
)
def test_a_damaged_file_is_refused(
    other: History, tmp_path: Path, damage: Callable[[bytes], bytes], words: str
) -> None:
    path = tmp_path / "bundle"
    with fresh() as source:
        _grown(source)
        export_bundle(source, path)
    path.write_bytes(damage(path.read_bytes()))
    before = _state(other)
    with pytest.raises(InputError, match=words):
        import_bundle(other, path)
    assert _state(other) == before


def test_a_file_that_is_not_there(other: History, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        import_bundle(other, tmp_path / "nothing")
    Registry(other).register(prompt())
    with pytest.raises(InputError, match="cannot be written"):
        export_bundle(other, tmp_path / "nowhere" / "bundle")
