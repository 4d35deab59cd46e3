"""Dossiers: complete, the same every time, true to the store, and signed so that it shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from agp.audit import log as audit
from agp.audit.checkpoint import sign_checkpoint
from agp.audit.keys import load_private, make_pair, vouched_for
from agp.audit.verify import verify
from agp.dossier import (
    Dossier,
    as_html,
    as_markdown,
    check_dossier,
    make_dossier,
    read_dossier,
    sign_dossier,
)
from agp.errors import InputError, NotFoundError
from agp.models.types import ModelRequest
from agp.project import Project
from agp.rspl.entities import ResourceId
from tests.conftest import MakeProject
from tests.support.echo import Echo, causes, is_operator, is_reflect, number_in, rewrite, system_of

GOOD = "Always say the number."
PROMPT = ResourceId.parse("prompt/solver")


def _script(request: ModelRequest) -> str:
    if is_reflect(request):
        return causes()
    if is_operator(request):
        return rewrite(request, GOOD)
    number = number_in(request)
    return str(number) if GOOD in system_of(request) or number % 3 == 0 else "no idea"


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    project = make_project(_script)
    project.evolve(Echo(60))
    return project


def _made(project: Project) -> Dossier:
    return make_dossier(project.history, "solver", envelope="deny everything")


def _signed(project: Project, tmp_path: Path) -> Dossier:
    make_pair(tmp_path / "auditor.key")
    key = load_private(tmp_path / "auditor.key")
    with project.database.read() as session:
        verdict = verify(audit.rows(session), vouched=vouched_for())
    return sign_dossier(_made(project), sign_checkpoint(verdict, key), key)


def test_it_tells_what_the_store_knows(project: Project) -> None:
    text = as_markdown(_made(project))
    commit = project.history.log()[0]
    assert commit.id[:12] in text
    assert "n = 30, difference" in text
    assert "p = " in text
    assert "deny everything" in text
    for record in ("agent/solver", "prompt/solver"):
        digest = project.registry.get_info(record).digest
        assert digest[:12] in text
    assert "Annex IV(2)(d) and Article 10" in text
    assert "verified: every entry" in text


def test_it_never_claims_compliance(project: Project) -> None:
    text = as_markdown(_made(project)).lower()
    assert "complian" not in text
    assert "complies" not in text
    assert text.count("evidence that helps with") >= len(_made(project).sections)


def test_the_same_store_gives_the_same_document(project: Project) -> None:
    first, second = _made(project), _made(project)
    assert first == second
    assert first.digest == second.digest
    project.registry.set_variables(PROMPT, {"params/system": "Changed."})
    assert _made(project).digest != first.digest


def test_limits_are_named(project: Project) -> None:
    project.registry.set_variables(PROMPT, {"params/system": "Never measured."})
    text = as_markdown(_made(project))
    assert "has not been measured" in text


def test_a_refused_promotion_is_in_it(make_project: MakeProject) -> None:
    def luck(request: ModelRequest) -> str:  # better on what the search sees, not on the holdout
        if is_reflect(request):
            return causes()
        if is_operator(request):
            return rewrite(request, GOOD)
        number = number_in(request)
        return str(number) if number % 2 == 0 or (GOOD in system_of(request) and number < 6) else ""

    project = make_project(luck)
    project.evolve(Echo(60))
    made = _made(project)
    history = next(each for each in made.sections if each.title == "Change history")
    assert "Proposals assessed in its runs: " in history.model_dump_json()


def test_a_signed_one_can_be_checked(project: Project, tmp_path: Path) -> None:
    made = _signed(project, tmp_path)
    file = tmp_path / "solver.json"
    file.write_text(made.model_dump_json())
    check_dossier(read_dossier(file), public_key=load_private(tmp_path / "auditor.key").public)


def test_any_change_to_a_signed_one_shows(project: Project, tmp_path: Path) -> None:
    whole = _signed(project, tmp_path).model_dump(mode="json")
    forged = []
    for field in ("agent", "commit", "closure", "at"):
        forged.append({**whole, field: whole[field] + "0"})
    body = json.loads(json.dumps(whole))
    body["sections"][4]["blocks"].pop()
    forged.append(body)
    body = json.loads(json.dumps(whole))
    body["signature"]["checkpoint"]["seq"] += 1
    forged.append(body)
    for document in forged:
        with pytest.raises(InputError):
            check_dossier(Dossier.model_validate(document))


def test_another_key_or_none_is_not_taken(project: Project, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not signed"):
        check_dossier(_made(project))
    with pytest.raises(InputError, match="signed by"):
        check_dossier(_signed(project, tmp_path), public_key="0" * 64)


def test_a_log_that_went_on_is_not_signed(project: Project, tmp_path: Path) -> None:
    made = _made(project)
    project.registry.set_variables(PROMPT, {"params/system": "Meanwhile."})
    make_pair(tmp_path / "auditor.key")
    key = load_private(tmp_path / "auditor.key")
    with project.database.read() as session:
        verdict = verify(audit.rows(session), vouched=vouched_for())
    with pytest.raises(InputError, match="went on"):
        sign_dossier(made, sign_checkpoint(verdict, key), key)


def test_text_of_the_store_cannot_become_markup(make_project: MakeProject) -> None:
    project = make_project(_script)
    nasty = "<script>alert(1)</script> | [x](javascript:alert(1)) `tick` # not a heading"
    record = project.registry.get_info("agent/solver")
    changed = record.model_copy(update={"description": nasty})
    project.registry.update(changed, message=nasty)
    page = as_html(_made(project))
    assert "<script" not in page
    assert "href=" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; | [x](javascript:alert(1))" in page
    tokens = MarkdownIt("commonmark").enable("table").parse(as_markdown(_made(project)))
    rows = [t for t in tokens if t.type == "tr_open"]
    assert rows


def test_an_unknown_agent_is_told(project: Project) -> None:
    with pytest.raises(NotFoundError, match="solvr"):
        make_dossier(project.history, "solvr", envelope="")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "agp-dossier/2"}', "# Markdown"])
def test_what_is_no_dossier_is_told(tmp_path: Path, content: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(content)
    with pytest.raises(InputError, match="is no dossier"):
        read_dossier(file)
