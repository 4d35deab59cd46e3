"""Retrieval on both databases: what is live is found, by what it is for, and nothing else is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text

from agp.errors import InputError, NotFoundError
from agp.rspl import search
from agp.rspl.entities import EntityType, Record
from agp.rspl.history import History, Reason
from agp.rspl.registry import Registry
from agp.rspl.search.documents import CONTENT_CHARS, document
from agp.rspl.search.words import misspellings, words_of
from agp.store.database import Database
from agp.store.tables import DocumentRow, EmbeddingRow
from tests.rspl.helpers import prompt, record


def put(history: History, *records: Record, branch: str = "main") -> None:
    """Make records live."""
    head = history.branches().get(branch)
    changes = {each.id: each for each in records}
    history.commit(branch, changes, Reason("test", "register", "put"), expected=head)


def found(database: Database, query: str, **options: Any) -> list[str]:
    """What a query finds, best first."""
    return [str(hit.resource) for hit in search.find(database, query, **options)]


def faults(database: Database) -> list[str]:
    """What is wrong with the index."""
    with database.write() as session:
        return search.check(session)


def indexed(database: Database) -> set[tuple[str, str]]:
    """What is indexed, by digest."""
    with database.read() as session:
        return set(session.execute(select(DocumentRow.digest, DocumentRow.words)))


WEATHER = prompt("weather_forecast", description="Tells tomorrow's weather for a city.")
CSV = record(EntityType.TOOL, "Reads a table from a comma-separated file.", "read_csv")
MAIL = record(EntityType.TOOL, "Sends a message to an address.", "send_mail")


@pytest.fixture
def three(history: History) -> Database:
    """A store with three resources."""
    put(history, WEATHER, CSV, MAIL)
    return history.database


def test_what_was_committed_is_found_at_once(three: Database) -> None:
    assert found(three, "weather in the city")[0] == "prompt/weather_forecast"
    assert found(three, "read a csv file")[0] == "tool/read_csv"
    [hit, *_] = search.find(three, "sending mail")
    assert hit.data() == {
        "resource": "tool/send_mail",
        "digest": MAIL.digest,
        "score": hit.score,
        "description": MAIL.description,
    }
    assert faults(three) == []


def test_replaced_and_unregistered_versions_are_not_found(history: History) -> None:
    put(history, WEATHER, CSV)
    put(history, prompt("weather_forecast", description="Predicts earthquakes."))
    assert found(history.database, "tomorrow city") == []
    assert found(history.database, "earthquake") == ["prompt/weather_forecast"]
    Registry(history).unregister(CSV.id)
    assert found(history.database, "csv") == []
    assert faults(history.database) == []


def test_a_branch_finds_what_it_has_live(history: History) -> None:
    put(history, WEATHER)
    history.create_branch("try", at=history.branches()["main"] or "")
    changed = prompt("weather_forecast", description="Predicts earthquakes.")
    put(history, changed, CSV, branch="try")
    database = history.database
    assert search.find(database, "forecast")[0].digest == WEATHER.digest
    assert search.find(database, "forecast", branch="try")[0].digest == changed.digest
    assert found(database, "csv") == []
    assert found(database, "csv", branch="try") == ["tool/read_csv"]
    assert found(database, "tomorrow", branch="try") == []
    with pytest.raises(NotFoundError):
        search.find(database, "csv", branch="nowhere")


def test_types_are_alternatives_and_tags_are_all_demanded(history: History) -> None:
    tagged = {"tags": ["net work", "Ä/1"]}
    put(
        history,
        prompt("fetch", description="Fetch a page.", metadata=tagged),
        prompt("fetch_all", description="Fetch pages.", metadata={"tags": ["net work"]}),
        record(EntityType.TOOL, "Fetch a page.", "fetch"),
        record(EntityType.AGENT, "Fetch a page.", "fetch"),
    )
    database = history.database
    assert found(database, "fetch", types=[EntityType.TOOL]) == ["tool/fetch"]
    both = found(database, "fetch", types=[EntityType.TOOL, EntityType.AGENT])
    assert sorted(both) == ["agent/fetch", "tool/fetch"]
    assert len(found(database, "fetch", tags=["net work"])) == 2
    assert found(database, "fetch", tags=["net work", "Ä/1"]) == ["prompt/fetch"]
    assert found(database, "fetch", tags=["net"]) == []
    assert len(found(database, "fetch", limit=2)) == 2


@pytest.mark.parametrize(
    "query",
    [
        "csv' OR 1=1 --",
        'csv" AND NEAR(',
        "csv:* & !x | (",
        "csv\x00file",
        "csv \ud800",
        "{csv} ^csv -csv +csv *",
        "🎉 csv 🎉",
        "csv " * 5_000,
        "csv " + "".join(f" w{n}" for n in range(3_000)),
        "CSV ﬁle ＣＳＶ",
        "\\'csv\\",
    ],
)
def test_any_text_is_a_query(three: Database, query: str) -> None:
    assert found(three, query)[0] == "tool/read_csv"


@pytest.mark.parametrize("query", ["", "  ", "🎉", "?!", "\x00", "\ud800", "_._"])
def test_a_query_without_a_word_is_refused(three: Database, query: str) -> None:
    with pytest.raises(InputError, match="no word"):
        search.find(three, query)


@pytest.mark.parametrize("limit", [0, -1, 101])
def test_the_limit_is_bounded(three: Database, limit: int) -> None:
    with pytest.raises(InputError, match="limit"):
        search.find(three, "csv", limit=limit)


@given(query=st.text(max_size=60))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_query_is_answered_or_refused(three: Database, query: str) -> None:
    try:
        assert len(search.find(three, query)) <= 3
    except InputError:
        assert not words_of(query.encode("utf-8", "ignore").decode(), stop=False)


def test_only_stop_words_still_find_a_name(history: History) -> None:
    put(history, prompt("who", description="Names a person."))
    assert found(history.database, "who is it") == ["prompt/who"]


def test_names_count_more_than_descriptions_and_these_more_than_content(history: History) -> None:
    put(
        history,
        prompt("a", system="Think about the harbour before you answer."),
        prompt("b", description="Something about a harbour."),
        prompt("harbour", description="Something."),
    )
    assert found(history.database, "harbour") == ["prompt/harbour", "prompt/b", "prompt/a"]


def test_more_of_what_was_asked_comes_first(history: History) -> None:
    put(
        history,
        prompt("one", description="Turns invoices into tables."),
        prompt("two", description="Turns photographs of invoices into tables of amounts."),
        prompt("three", description="Turns photographs into drawings."),
    )
    assert found(history.database, "amounts on photographed invoices")[0] == "prompt/two"


def test_a_word_counts_more_than_its_like_and_this_more_than_what_goes_with_it(
    history: History,
) -> None:
    put(
        history,
        prompt("a", description="Will patch it."),
        prompt("b", description="Will mend it."),
        prompt("c", description="Will fix it."),
        prompt("d", description="Will sing it."),
    )
    assert found(history.database, "fix") == ["prompt/c", "prompt/b", "prompt/a"]


def test_a_rare_word_is_found_among_many_documents_with_the_common_ones(history: History) -> None:
    many = [prompt(f"report{n}", description="Writes a monthly report.") for n in range(300)]
    put(history, *many, prompt("a", system="Monthly. Report. On zeppelins."))
    assert found(history.database, "write the monthly zeppelin report")[0] == "prompt/a"


def test_inflections_code_names_accents_and_misspellings_are_found(history: History) -> None:
    code = (
        'def parseInvoice(path: str) -> str:\n    """Read the crème section."""\n    return path\n'
    )
    tool = record(EntityType.TOOL, "Works on documents.", "it")
    files = {"tool.py": code}
    implementation = tool.implementation.model_copy(update={"files": files})
    put(history, tool.model_copy(update={"implementation": implementation}), WEATHER)
    put(history, prompt("glossar", description="東京タワーの高さを調べる"))
    for query in ("parsing invoices", "creme", "documentation", "docments", "documnets"):
        assert found(history.database, query)[0] == "tool/it", query
    assert found(history.database, "タワー") == ["prompt/glossar"]


def test_arguments_are_found_and_content_is_bounded(history: History) -> None:
    schema = {
        "type": "object",
        "properties": {"latitude": {"type": "number", "description": "north of the equator"}},
    }
    tool = record(EntityType.TOOL, "It.", "it").model_copy(update={"input_schema": schema})
    put(history, tool, prompt("long", system="filler " * CONTENT_CHARS + "lighthouse"))
    assert found(history.database, "latitude") == ["tool/it"]
    assert found(history.database, "equator") == ["tool/it"]
    assert found(history.database, "lighthouse") == []


def test_words_of_metadata_that_is_no_list_of_tags_do_not_matter(history: History) -> None:
    put(history, prompt("a", metadata={"tags": "x"}), prompt("b", metadata={"tags": [1, None]}))
    assert faults(history.database) == []


def test_a_rolled_back_commit_leaves_the_index_as_it_was(history: History) -> None:
    put(history, WEATHER, CSV)
    before = indexed(history.database)
    head = history.branches()["main"]
    with pytest.raises(RuntimeError), history.database.write() as session:
        reason = Reason("test", "update", "crashes")
        changes = {CSV.id: None, MAIL.id: MAIL}
        history.commit("main", changes, reason, expected=head, session=session)
        raise RuntimeError
    assert indexed(history.database) == before
    assert found(history.database, "csv") == ["tool/read_csv"]
    assert found(history.database, "mail") == []
    assert faults(history.database) == []


def test_a_store_that_was_never_indexed_is_indexed_when_it_is_first_needed(
    three: Database,
) -> None:
    with three.write() as session:
        session.execute(delete(DocumentRow))
    assert found(three, "csv") == ["tool/read_csv"]
    with three.write() as session:
        session.execute(delete(DocumentRow))
    history = History(three)
    put(history, prompt("new", description="New."))
    assert found(three, "csv") == ["tool/read_csv"]
    assert faults(three) == []


def test_check_names_what_is_missing_stale_and_wrong(three: Database) -> None:
    with three.write() as session:
        session.execute(delete(DocumentRow).where(DocumentRow.name == "read_csv"))
        session.execute(text("DELETE FROM refs WHERE name = 'send_mail'"))
        session.execute(text("UPDATE documents SET title = ' x ' WHERE type = 'prompt'"))
    assert {fault.split(" ", 2)[2] for fault in faults(three)} == {
        "is live, but not in the search index",
        "is in the search index, but not live",
        "is in the search index with other words",
    }
    assert search.rebuild(three) == 2
    assert faults(three) == []


def test_damage_of_the_inverted_index_is_seen_and_mended(three: Database) -> None:
    if three.dialect != "sqlite":
        pytest.skip("PostgreSQL generates the column itself")
    with three.write() as session:
        session.execute(text("INSERT INTO search(search) VALUES ('delete-all')"))
    assert any("damaged" in fault for fault in faults(three))
    search.rebuild(three)
    assert faults(three) == []
    assert found(three, "csv") == ["tool/read_csv"]


NAMES = ["alpha", "beta", "gamma"]
TEXTS = ["red fox", "blue whale", "green parrot"]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "drop", "branch", "leave"]),
        st.sampled_from(["main", "other"]),
        st.sampled_from(NAMES),
        st.sampled_from(TEXTS),
    ),
    max_size=12,
)


@given(steps=STEPS)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_rebuilding_gives_what_was_kept_commit_by_commit(
    history: History, steps: list[tuple[str, str, str, str]]
) -> None:
    for step, branch, name, words in steps:
        _step(history, step, branch, prompt(name, description=words))
    kept = indexed(history.database)
    assert faults(history.database) == []
    search.rebuild(history.database)
    assert indexed(history.database) == kept


def _step(history: History, step: str, branch: str, changed: Record) -> None:
    branches = history.branches()
    reason = Reason("test", step, step)
    if step == "put" and branch in ("main", *branches):
        put(history, changed, branch=branch)
    elif step == "drop" and branch in branches:
        head = branches[branch]
        if changed.id in history.view(branch):
            history.commit(branch, {changed.id: None}, reason, expected=head)
    elif step == "branch" and "other" not in branches and branches.get("main"):
        oldest = history.log("main")[-1]
        history.create_branch("other", at=oldest.id)
    elif step == "leave" and "other" in branches:
        history.delete_branch("other")


def test_equal_records_give_equal_documents_whatever_the_order_of_their_keys() -> None:
    one = prompt("it", description="It.")
    schema = {"properties": {"b": {"enum": ["x", "y"]}, "a": {"description": "z"}}}
    params = dict(reversed(one.params.items()))
    other = one.model_copy(update={"params": params, "input_schema": schema})
    schema = {"properties": dict(reversed(schema["properties"].items()))}
    assert document(other) == document(one.model_copy(update={"input_schema": schema}))


@pytest.mark.parametrize("typed", ["serch", "saerch", "seearch", "sevrch", "search"])
def test_one_typing_error_leaves_something_in_common(typed: str) -> None:
    assert set(misspellings("search")) & set(misspellings(typed))


class Meaning:
    """An embedder that knows two directions: animals, and all else."""

    model = "test/meaning"

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str]) -> Any:
        """As `search.Embedder`."""
        self.embedded += texts
        animal = [any(word in text for word in ("fox", "whale", "creature")) for text in texts]
        return np.array([[1, 0] if each else [0, 1] for each in animal], dtype=np.float32)


@pytest.fixture
def meaning() -> Meaning:
    """A new embedder."""
    return Meaning()


def test_embeddings_find_what_shares_no_word(history: History, meaning: Meaning) -> None:
    put(history, prompt("a", description="A fox."), prompt("b", description="A stone."), CSV)
    database = history.database
    assert found(database, "creature") == []
    alone = found(database, "creature", embedder=meaning, full_text=False, limit=1)
    assert alone == ["prompt/a"]
    assert found(database, "creature or stone", embedder=meaning)[0] in ("prompt/a", "prompt/b")
    types = [EntityType.TOOL]
    assert found(database, "creature", embedder=meaning, types=types) == ["tool/read_csv"]
    assert found(database, "creature", embedder=meaning, tags=["none"]) == []


def test_each_version_is_embedded_once_and_kept(history: History, meaning: Meaning) -> None:
    put(history, *(prompt(f"p{n}", description=f"Text {n}.") for n in range(20)))
    told: list[tuple[int, int]] = []
    progress = lambda done, total: told.append((done, total))  # noqa: E731
    search.find(history.database, "fox", embedder=meaning, progress=progress)
    assert told[-1] == (20, 20)
    search.find(history.database, "fox", embedder=meaning)
    assert len(meaning.embedded) == 20 + 2
    put(history, prompt("p1", description="A whale."))
    hits = search.find(history.database, "fox", embedder=meaning, full_text=False, limit=1)
    assert str(hits[0].resource) == "prompt/p1"
    with history.database.read() as session:
        assert len(session.scalars(select(EmbeddingRow.digest)).all()) == 21
