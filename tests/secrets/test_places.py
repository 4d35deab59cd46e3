"""Secrets of every format, planted in every place, and not a byte of one in what is written."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status, StatusCode

from agp.audit import log as audit
from agp.errors import SecretError
from agp.evaluation.types import Benchmark, DataRequest, Sample, Score
from agp.models.call_cache import StoreCallCache
from agp.models.types import Completion, ModelRequest
from agp.rspl.history import History
from agp.rspl.lock import write_lock
from agp.rspl.registry import Registry
from agp.runs.journal import Journal
from agp.runtime.types import Task
from agp.secrets import remember
from agp.store.database import Database
from agp.tracing.recorder import provider_for
from tests.conftest import MakeProject
from tests.rspl.helpers import prompt
from tests.runtime.sessions import agent, call
from tests.secrets.planted import Planted, planted, readable
from tests.support.echo import is_operator, is_reflect


def written(folder: Path) -> dict[Path, bytes]:
    """Every file under a folder, byte by byte."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def leaks(folder: Path, secrets: Sequence[Planted]) -> list[str]:
    files = written(folder)
    assert files
    return [
        f"{path.name}: {secret.kind}"
        for path, data in files.items()
        for secret in secrets
        if readable(data, secret)
    ]


def test_the_search_of_these_tests_finds_what_is_planted(tmp_path: Path) -> None:
    secrets = planted(2)
    place = sqlite3.connect(tmp_path / "plain.db")
    place.execute("create table t (x)")
    place.executemany("insert into t values (?)", [(json.dumps(each.text),) for each in secrets])
    place.commit()
    found = leaks(tmp_path, secrets)
    assert len([each for each in found if each.startswith("plain.db:")]) == len(secrets)


class Collected(SpanExporter):
    """Stands for an exporter that a user added."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return SpanExportResult.SUCCESS


def test_spans_for_the_store_and_for_any_other_exporter(tmp_path: Path) -> None:
    secrets, others = planted(3), Collected()
    database = Database(tmp_path / "store.db")
    provider = provider_for(database)
    provider.add_span_processor(SimpleSpanProcessor(others))
    tracer = provider.get_tracer("test")
    for secret in secrets:
        with tracer.start_as_current_span(f"call {secret.text}"[:2000]) as span:
            span.set_attribute("text", secret.text)
            span.set_attribute("json", json.dumps({"said": [secret.text]}))
            span.set_attribute("many", ["first", secret.text])
            span.set_attribute(f"key {secret.text}", 1)
            span.add_event("said", {"text": secret.text})
            span.record_exception(ValueError(f"bad: {secret.text}"))
            span.set_status(Status(StatusCode.ERROR, secret.text))
    provider.shutdown()
    database.close()
    assert leaks(tmp_path, secrets) == []
    told = "".join(span.to_json() for span in others.spans).encode()
    assert len(others.spans) == len(secrets)
    assert not [secret.kind for secret in secrets if readable(told, secret)]


async def test_journals_audit_entries_and_replies(tmp_path: Path) -> None:
    secrets = planted(4)
    database = Database(tmp_path / "store.db")
    journal = Journal.start(database, "bench", {"benchmark": "x"})
    cache = StoreCallCache(database)
    journal.along(cache.flush)
    for number, secret in enumerate(secrets):
        payload = {"text": secret.text, "deep": [{"a": json.dumps(secret.text)}]}
        kept = journal.append(f"step/{number}", "step", payload)
        assert not readable(json.dumps(kept).encode(), secret)
        await journal.finish(f"other/{number}", "step", payload)
        cache.put_call(f"{number:064}", "m", {"text": secret.text})
        assert await cache.get_call(f"{number:064}") is None
        with database.write() as session:
            database.one_at_a_time(session)
            audit.append(session, "note", f"user {secret.text}"[:200], payload)
    again = Journal.reopen(database, journal.run)
    assert again.steps == journal.steps
    database.close()
    assert leaks(tmp_path, secrets) == []


def test_a_run_is_not_configured_with_a_secret(tmp_path: Path) -> None:
    database = Database(tmp_path / "store.db")
    for secret in planted(5):
        with pytest.raises(SecretError, match="configuration") as refused:
            Journal.start(database, "bench", {"models": {"solver": {"api_base": secret.text}}})
        assert not readable(str(refused.value).encode(), secret)
    database.close()


class Leaky(Benchmark):
    """Samples, answers and verdicts that hold secrets, one each."""

    name = "leaky"
    description = "Says secrets"
    agent = "solver"

    def __init__(self, secrets: Sequence[Planted]) -> None:
        self.secrets = secrets

    def load(self, request: DataRequest) -> list[Sample]:
        return [
            Sample(id=f"leaky/{n}", task=Task(input=f"Number {n}: {each.text}"), target=each.text)
            for n, each in enumerate(self.secrets)
        ]

    async def score(self, sample: Sample, text: str) -> Score:
        number = int(sample.id.partition("/")[2])
        if number % 7 == 3:
            raise ValueError(f"cannot judge {sample.target}")
        return Score(value=float(number % 2), answer=text, feedback=f"expected {sample.target}")


def test_whole_runs_with_secrets_in_samples_replies_verdicts_and_proposals(
    make_project: MakeProject, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = planted(6)
    asked: list[str] = []

    def script(request: ModelRequest) -> str:
        if is_reflect(request):
            asked.append(json.dumps(request.messages))
            return json.dumps({"causes": [f"It lacks {secrets[0].text}."]})
        if is_operator(request):
            asked.append(json.dumps(request.messages))
            change = (request.reply_schema or {})["properties"]["change"]
            offered = change["enum"] if "enum" in change else [change["const"]]
            return json.dumps({"change": offered[-1], "text": f"Use {secrets[1].text} always."})
        return f"I was told: {request.messages[-1]['content']}"

    project = make_project(script)
    report = project.evolve(Leaky(secrets), rounds=1, candidates=1)
    project.bench(Leaky(secrets))
    project.close()
    print(report.model_dump_json())
    assert asked
    assert not [each.kind for each in secrets if readable("".join(asked).encode(), each)]
    shown = capsys.readouterr().out.encode()
    assert not [each.kind for each in secrets if readable(shown, each)]
    assert leaks(tmp_path, secrets) == []


TOOL = '''
def leaky(kind: str) -> str:
    """Gives away what it should not."""
    import os
    if kind == "error":
        raise ValueError("failed with " + os.environ["PLANTED_SERVICE_TOKEN"])
    return "it is " + os.environ["PLANTED_SERVICE_TOKEN"]
'''


def test_a_tool_tells_a_model_nothing_that_the_process_knows(
    make_project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = next(each for each in planted(7) if each.kind == "cohere")
    monkeypatch.setenv("PLANTED_SERVICE_TOKEN", secret.value)
    folder = tmp_path / "project"
    (folder / "tools" / "leaky").mkdir(parents=True)
    (folder / "tools" / "leaky" / "tool.py").write_text(TOOL)
    (folder / "tools" / "leaky" / "TOOL.md").write_text("---\ndescription: leaks\n---\n")
    seen: list[ModelRequest] = []

    def script(request: ModelRequest) -> Completion:
        seen.append(request)
        kinds = [None, "result", "error"]
        if len(seen) < 3:
            return call("leaky", kind=kinds[len(seen)])
        return Completion(text="done")

    agent_project = make_project(script, permissions="auto", ask=lambda _: True)
    rid = agent(agent_project, "user", "tools: [leaky]")
    agent_project.registry.init(agent_project.roots)
    answer = agent_project.run(rid.name, "Go.")
    agent_project.close()
    assert answer.text == "done"
    told = json.dumps([request.messages for request in seen])
    assert told.count("[secret:PLANTED_SERVICE_TOKEN]") >= 2
    assert not readable(told.encode(), secret)
    assert leaks(tmp_path / "project" / ".agp", [secret]) == []


def test_what_would_last_is_refused_everywhere(tmp_path: Path) -> None:
    secrets = planted(8)
    database = Database(tmp_path / "store.db")
    history = History(database)
    registry = Registry(history)
    clean = registry.register(prompt("clean"))
    assert clean is not None
    for secret in secrets:
        text = f"first line\n{secret.text}"
        attempts = {
            "body": lambda t=text: registry.register(prompt("other", system=t)),
            "metadata": lambda t=text: registry.register(prompt("other", metadata={"note": t})),
            "update": lambda t=text: registry.update(prompt("clean", description=t)),
            "variables": lambda t=text: registry.set_variables(
                "prompt/clean", {"params/system": t}
            ),
            "message": lambda t=text: registry.update(prompt("clean", "Other."), message=t),
            "evidence": lambda t=text: registry.commit(
                {}, operator="x", message="m", evidence={"why": t}, merged=clean.id
            ),
            "candidate": lambda t=text: history.keep([prompt("other", system=t)]),
            "tag": lambda t=text: history.names.create_tag(
                "release", clean.id, author="me", message=t
            ),
        }
        for place, attempt in attempts.items():
            with pytest.raises(SecretError) as refused:
                attempt()
            assert not readable(str(refused.value).encode(), secret), place
            assert "env:NAME" in (refused.value.hint or "")
    assert "field params/system, line 2: jwt" in _refusal(registry, secrets, "jwt")
    database.close()
    assert leaks(tmp_path, secrets) == []


def _refusal(registry: Registry, secrets: Sequence[Planted], kind: str) -> str:
    secret = next(each for each in secrets if each.kind == kind)
    with pytest.raises(SecretError) as refused:
        registry.register(prompt("other", system=f"a\n{secret.text}"))
    return str(refused.value)


def test_names_are_refused_too(tmp_path: Path) -> None:
    history = History(Database(tmp_path / "store.db"))
    commit = Registry(history).register(prompt("clean"))
    assert commit is not None
    name = next(each for each in planted(9) if each.kind == "digitalocean").text
    with pytest.raises(SecretError):
        history.create_branch(name, at=commit.id)
    with pytest.raises(SecretError):
        history.names.create_tag(name, commit.id, author="me")
    with pytest.raises(SecretError):
        Registry(history).move_alias("prompt/clean", name, "1.0.0")
    history.database.close()


def test_a_file_with_a_secret_is_left_out_with_what_uses_it(
    make_project: MakeProject, tmp_path: Path
) -> None:
    secret = next(each for each in planted(10) if each.kind == "anthropic")
    for name, text in (("open", secret.text), ("fine", "Be brief.")):
        (tmp_path / "project" / "prompts" / name).mkdir(parents=True)
        file = tmp_path / "project" / "prompts" / name / "PROMPT.md"
        file.write_text(f"---\ndescription: {name}\n---\nOne.\n{text}\n")
    project = make_project(["x"])
    (left_out, why), *others = project.registry.unavailable.items()
    assert (str(left_out), others) == ("prompt/open", [])
    assert "field params/system, line 2: anthropic-key" in why
    assert str(left_out) not in map(str, project.registry.list())
    assert "prompt/fine" in map(str, project.registry.list())
    project.close()
    assert leaks(tmp_path / "project" / ".agp", [secret]) == []


def test_exports_of_an_older_store_are_refused(tmp_path: Path) -> None:
    database = Database(tmp_path / "store.db")
    history = History(database)
    registry = Registry(history)
    value = "plain-looking-Value-" + "7k"
    registry.register(prompt("old", system=f"Use {value}."))  # nobody knew that it was one
    remember(value, "OLD")
    out = tmp_path / "out"
    out.mkdir()
    for export in (
        lambda: registry.save_to_json(out / "all.jsonl"),
        lambda: write_lock(registry.view(), out / "lock.json", history),
    ):
        with pytest.raises(SecretError):
            export()
    assert list(out.iterdir()) == []
    database.close()


def test_log_lines_and_their_tracebacks(
    make_project: MakeProject, caplog: pytest.LogCaptureFixture
) -> None:
    make_project(["x"])
    secrets = planted(11)
    log = logging.getLogger("agp.somewhere")
    for secret in secrets:
        try:
            raise ValueError(secret.text)
        except ValueError:
            log.exception("It failed: %s", secret.text)
        log.warning({"text": secret.text})
    assert len(caplog.records) == 2 * len(secrets)
    assert not [each.kind for each in secrets if readable(caplog.text.encode(), each)]


def test_other_programs_log_as_they_do(
    make_project: MakeProject, caplog: pytest.LogCaptureFixture
) -> None:
    make_project(["x"])
    logging.getLogger("other").warning("it is %s", {"password": "abc123def"})
    assert "abc123def" in caplog.text
