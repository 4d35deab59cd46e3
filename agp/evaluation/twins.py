"""Twins of samples: the same task in another dress, with the same answer.

Only what keeps the meaning is changed: first names of persons in prose, and blank lines around
the task. A name that may be somebody known (it stands beside another name, or in the answer) stays.
"""

from __future__ import annotations

import random
import re

from agp.evaluation.types import Sample

_NAMES = """
Aaron Adam Alan Alex Alice Amanda Amy Andrea Andrew Andy Angela Ann Anna Anne Anthony Ben Benjamin
Betty Bill Billy Bob Brandon Brenda Brian Caleb Carl Carla Carlos Carol Caroline Catherine Charles
Charlie Charlotte Chris Christina Christopher Cindy Claire Cynthia Dan Daniel Danny Dave David
Dean Deborah Dennis Derek Diana Donald Donna Doug Douglas Dylan Ed Eddie Edward Elena Elizabeth
Ella Ellen Emily Emma Eric Erica Ethan Eva Evan Eve Fiona Frank Fred Gary George Gina Grace Greg
Hannah Harry Heather Helen Henry Ian Isaac Isabella Jack Jackie Jacob Jake James Jamie Jane Janet
Jason Jay Jeff Jen Jennifer Jenny Jeremy Jerry Jessica Jessie Jill Jim Jimmy Joan Joe Joey John
Johnny Jon Jonathan Jose Joseph Josh Joshua Josie Joy Joyce Juan Judy Julia Julie Justin Karen
Kate Katherine Kathy Katie Keith Kelly Ken Kevin Kim Kyle Kylar Larry Laura Lauren Leah Lily
Linda Lisa Liz Lucas Lucy Luke Lynn Maggie Marcus Margaret Maria Marie Mario Martha Martin Mary
Matt Matthew Megan Melissa Mia Michael Michelle Mike Molly Monica Nancy Natalie Nathan Neil
Nicholas Nick Nicole Noah Nora Olivia Oscar Pam Patricia Patrick Paul Paula Peter Phil Philip
Rachel Ralph Randy Raymond Rebecca Richard Rick Rob Robert Robin Roger Ron Ronald Rosa Ruby Russell
Ruth Ryan Sally Sam Samantha Samuel Sandra Sara Sarah Scott Sean Seth Sharon Sheila Simon Sophia
Sophie Stan Stella Stephanie Stephen Steve Steven Sue Susan Suzanne Tara Ted Teresa Theo Thomas Tim
Timothy Tina Todd Toby Tom Tommy Tony Tracy Travis Tyler Valerie Vanessa Victor Victoria Vincent
Walter Wendi Wendy William Zach Zachary Zoe
"""
NAMES = tuple(_NAMES.split())
_KNOWN = frozenset(NAMES) - {"Eve", "Grace", "Joy", "Ruby", "Robin", "Lily", "Rosa", "Dean", "Jay"}
_WORD = re.compile(r"[^\W\d_]+")
_CODE = re.compile(r"```|\bdef \w+\(|\bclass \w+[:(]|#include|;\s*\n|\bpublic static\b")


def reworded(sample: Sample, seed: int) -> Sample | None:
    """The sample with other names of persons, between blank lines. The target stays as it is.

    Parameters: ``seed`` chooses among names. None where the task is empty.
    """
    task = sample.task
    if not task.input.strip():
        return None
    given = [task.input, *task.fields.values(), *task.files.values()]
    names = {} if any(map(_CODE.search, given)) else _renamed("\n".join(given), sample, seed)

    def other(text: str) -> str:
        return _WORD.sub(lambda match: names.get(match[0], match[0]), text)

    fields = {name: other(text) for name, text in task.fields.items()}
    for name in {"input", "question"} & fields.keys():
        fields[name] = _framed(fields[name])
    files = {name: other(text) for name, text in task.files.items()}
    changed = {"input": _framed(other(task.input)), "fields": fields, "files": files}
    return sample.model_copy(
        update={
            "id": f"{sample.id}~twin{seed}",
            "task": task.model_copy(update=changed),
            "metadata": {**sample.metadata, "twin_of": sample.digest},
        }
    )


def _renamed(text: str, sample: Sample, seed: int) -> dict[str, str]:
    """Name → another one that does not stand in the task yet."""
    present = set(_WORD.findall(text)) | set(_WORD.findall(sample.target))
    said = {word.casefold() for word in _WORD.findall(sample.target)}
    old = sorted(
        name
        for name in present & _KNOWN
        if name.casefold() not in said and not _with_surname(name, text)
    )
    free = [name for name in NAMES if name not in present and name in _KNOWN]
    chosen = random.Random(f"{seed}/{sample.digest}").sample(free, min(len(free), len(old)))
    return dict(zip(old, chosen, strict=False))


def _with_surname(name: str, text: str) -> bool:
    follows = rf"\b{name} [A-Z][a-z]"
    precedes = rf"\b(?:[A-Z][a-z]+|[A-Z]\.|St\.?) {name}\b"
    before = re.search(precedes, re.sub(r"(?<=[.?!:\n]) *[A-Z][a-z]+", "", f"\n{text}"))
    return re.search(follows, text) is not None or before is not None


def _framed(text: str) -> str:
    return f"\n{text.strip()}\n\n"
