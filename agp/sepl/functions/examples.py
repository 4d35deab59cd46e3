"""Examples of any kind as samples: what identifies them, and the way back to the object."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, cast

from pydantic_core import to_jsonable_python

from agp.canonical import digest
from agp.errors import DataError
from agp.evaluation.splits import Splits, default_sizes, distinct_size, split
from agp.evaluation.types import Sample
from agp.runtime.types import Task

_SHOWN = ("input", "question", "problem", "task")
_TARGETS = ("target", "answer", "output", "expected")


class Examples:
    """The user's examples by the digest of their content."""

    def __init__(self) -> None:
        self._objects: dict[str, Any] = {}

    def of(self, digest_: str) -> Any:
        """The object that a sample stands for."""
        return self._objects[digest_]

    def samples(self, examples: Iterable[Any], name: str) -> list[Sample]:
        """The samples of a list, equal ones once. Raises DataError for what has no content."""
        found: dict[str, Sample] = {}
        for number, example in enumerate(examples):
            sample = _sample(example, f"{name}/{number}")
            if sample.digest not in found:
                found[sample.digest] = sample
                self._objects[sample.digest] = example
        return list(found.values())


def splits_of(
    examples: Examples,
    train: Sequence[Any],
    val: Sequence[Any] | None,
    holdout: Sequence[Any] | None,
    seed: int,
) -> Splits:
    """Feedback, selection and holdout: as given, or ``train`` alone divided in three.

    A sample that is given twice counts where it comes last: in the holdout, then in selection.
    Raises DataError (an InputError) for too few examples.
    """
    first = examples.samples(train, "train")
    if val is None and holdout is None:
        feedback, selection, held = default_sizes(distinct_size(first))
        return split(first, feedback=feedback, selection=selection, holdout=held, seed=seed)
    held_out = examples.samples(holdout or [], "holdout")
    chosen = examples.samples(val if val is not None else train, "val")
    gone = {sample.digest for sample in held_out}
    selection_ = [sample for sample in chosen if sample.digest not in gone]
    shared = gone | {s.digest for s in selection_ if val is not None}
    feedback_ = [sample for sample in first if sample.digest not in shared]
    feedback_ = feedback_ or [sample for sample in first if sample.digest not in gone]
    if not feedback_ or not selection_:
        raise DataError(
            "An objective needs examples to learn from and to select on.",
            hint="Give train and val, each with at least one example that the holdout has not.",
        )
    given = len(list(train)) + len(list(val or [])) + len(list(holdout or []))
    kept = len({s.digest for s in [*feedback_, *selection_, *held_out]})
    return Splits(feedback_, selection_, held_out, duplicates=max(0, given - kept))


def _sample(example: Any, name: str) -> Sample:
    if isinstance(example, Sample):
        return example
    content = _plain(example)
    if isinstance(content, dict):
        fields = cast("dict[str, Any]", content)
        shown = next((fields[key] for key in _SHOWN if key in fields), fields)
        target = next((fields[key] for key in _TARGETS if key in fields), "")
    else:
        shown, target = content, ""
    # The digest of the whole content, so that samples that look alike are told apart.
    return Sample(
        id=name,
        task=Task(input=_text(shown), fields={"example": digest(content)}),
        target=_text(target),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _plain(example: Any) -> Any:
    """An example's content as JSON data. Raises DataError where it has none."""
    for way in ("model_dump", "toDict", "to_dict", "_asdict"):
        method = getattr(example, way, None)
        if callable(method) and not isinstance(example, type):
            example = method()
            break
    try:
        return json.loads(json.dumps(example, default=_member, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(
            f"An example of type {type(example).__name__} has no content to tell it by: {error}.",
            hint="Give strings, numbers, lists, mappings, dataclasses or pydantic models.",
        ) from error


def _member(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[Any, Any]", value))
    if isinstance(value, set | frozenset):
        return sorted(map(str, cast("Iterable[Any]", value)))
    if isinstance(value, bytes):
        return value.hex()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    if getattr(value, "__dict__", None) and not isinstance(value, Enum | type):
        return cast("dict[str, Any]", vars(value))
    return cast("Any", to_jsonable_python)(value)  # dates, decimals, paths
