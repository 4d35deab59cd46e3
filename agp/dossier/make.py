"""From an agent's name to its dossier."""

from __future__ import annotations

import agp
from agp.dossier.document import Dossier
from agp.dossier.facts import gather
from agp.dossier.sections import SECTIONS
from agp.rspl.history import MAIN, History


def make_dossier(history: History, agent: str, *, envelope: str, branch: str = MAIN) -> Dossier:
    """The dossier of an agent, unsigned.

    Parameters: ``envelope`` what the policy in force lets agents and optimizers do, in Markdown
    or plain words. Raises NotFoundError for an unknown agent or branch.
    """
    facts = gather(history, agent, branch)
    return Dossier(
        agp=agp.__version__,
        agent=str(facts.agent),
        branch=branch,
        commit=facts.view.commit or "",
        closure=facts.view.closure_digest(facts.agent),
        at=facts.at,
        log=(facts.verdict.last or 0, facts.verdict.hash),
        sections=[section(facts, envelope) for section in SECTIONS],
    )
