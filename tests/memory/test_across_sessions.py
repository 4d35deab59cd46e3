"""What one session remembers, another process recalls from the store, on each database."""

from __future__ import annotations

import subprocess
import sys

from agp.rspl.history import History
from agp.rspl.registry import Registry
from agp.store.database import Database
from tests.memory.shipped import shipped

RECALL = """
import sys
from agp.rspl.history import History
from agp.rspl.registry import Registry
from agp.store.database import Database

database = Database(sys.argv[1], create=False)
given = {"action": "recall", "arguments": {"query": "boiling water"}}
run = Registry(History(database)).run("memory/episodic", given)
print([episode["lesson"] for episode in run.result])
database.close()
"""


def test_a_new_process_recalls_what_was_committed(location: str) -> None:
    database = Database(location)
    registry = Registry(History(database))
    registry.register(shipped("memory/episodic"))
    for lesson in ("Use a lid.", "Salt comes later."):
        episode = {"task": "boil water", "outcome": "solved", "lesson": lesson}
        run = registry.run("memory/episodic", {"action": "remember", "arguments": episode})
        assert run.commit is not None
    database.close()
    command = [sys.executable, "-c", RECALL, location]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert told.stdout == "['Salt comes later.', 'Use a lid.']\n", told.stderr


def test_every_earlier_content_can_be_made_live_again(history: History) -> None:
    registry = Registry(history)
    registry.register(shipped("memory/semantic"))
    for action, name in (("remember", "text"), ("forget", "fact")):
        registry.run("memory/semantic", {"action": action, "arguments": {name: "A star."}})
    assert registry.get_state("memory/semantic") == []
    registry.restore("memory/semantic", "1.0.1")
    assert registry.get_state("memory/semantic") == [{"key": "", "text": "A star."}]
