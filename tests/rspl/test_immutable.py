"""Records are values: nothing that anyone holds can change what is stored, live or compared."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.errors import InputError
from agp.frozen import freeze, thaw
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.history import History
from agp.rspl.registry import Registry
from tests.rspl.helpers import prompt

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(JSON)
def test_freezing_keeps_the_value_and_copies_are_plain(value: Any) -> None:
    frozen = freeze(value)
    assert frozen == value
    assert json.dumps(frozen) == json.dumps(value)
    for plain in (thaw(frozen), copy.deepcopy(frozen), pickle.loads(pickle.dumps(frozen))):
        assert plain == value
        assert type(plain) is type(value)


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.params.update(system="x"),
        lambda r: r.params.__setitem__("system", "x"),
        lambda r: r.params.pop("system"),
        lambda r: r.params["demonstrations"].append({}),
        lambda r: r.params["demonstrations"][0].clear(),
        lambda r: r.metadata.setdefault("a", 1),
        lambda r: setattr(r, "name", "x"),
    ],
)
def test_a_record_refuses_every_change(change: Any) -> None:
    shown = {"input": "a", "output": "b"}
    record = prompt(params={"system": "", "template": "", "demonstrations": [shown]})
    before = record.digest
    with pytest.raises((TypeError, ValueError)):
        change(record)
    assert Record.model_validate(record.body()).digest == before


def test_what_a_record_was_made_from_may_change_afterwards(history: History) -> None:
    params = {"system": "first", "template": "{{input}}", "demonstrations": []}
    record = prompt(params=params)
    registry = Registry(history)
    registry.register(record)
    params["system"] = "second"
    assert registry.get_info(record.id).params["system"] == "first"
    body = record.body()
    body["params"]["system"] = "third"
    assert registry.get_info(record.id).params["system"] == "first"
    assert registry.update(Record.read(body)) is not None
    assert registry.get_info(record.id).params["system"] == "third"


def test_a_copy_with_changes_has_a_digest_of_its_own() -> None:
    record = prompt()
    changed = record.model_copy(update={"description": "other"})
    assert changed.digest != record.digest
    assert changed.digest == Record.model_validate(changed.body()).digest


def test_an_instance_cannot_reach_its_record(history: History) -> None:
    registry = Registry(history)
    registry.register(prompt())
    instance = registry.get("prompt/it")
    with contextlib.suppress(AttributeError, TypeError):
        instance.demonstrations.append({"input": "a", "output": "b"})
    assert registry.get_info("prompt/it") == prompt()
    assert Registry(history).get("prompt/it").messages(input="x") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "x"},
    ]


@pytest.mark.parametrize("levels", [101, 300, 100_000])
def test_nesting_without_end_is_refused_in_words(levels: int) -> None:
    deep: Any = []
    for _ in range(levels):
        deep = [deep]
    with pytest.raises(InputError, match="nested"):
        Record.read({**prompt().body(), "metadata": {"deep": deep}})


@pytest.mark.parametrize(
    "address", ["prompt/other", "tool/it"], ids=["another name", "another type"]
)
def test_a_record_goes_live_under_its_own_address_only(history: History, address: str) -> None:
    registry = Registry(history)
    with pytest.raises(InputError, match="cannot become"):
        registry.commit({ResourceId.parse(address): prompt()}, operator="test", message="m")
    with pytest.raises(InputError, match="not a resource name"):
        registry.commit(
            {ResourceId(EntityType.PROMPT, "../evil"): None}, operator="test", message="m"
        )
    assert history.branches() == {}
