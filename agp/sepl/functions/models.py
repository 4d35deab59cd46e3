"""A model that proposes texts for an objective that is a function."""

from __future__ import annotations

from collections.abc import Mapping

from agp.budget import Ledger
from agp.models.call_cache import StoreCallCache
from agp.models.manager import ModelManager
from agp.models.types import Backend
from agp.rspl.discovery import library_root, read_folder
from agp.rspl.entities import Record, ResourceId
from agp.rspl.history import History
from agp.rspl.kinds.prompt import PromptKind
from agp.runs.journal import Journal
from agp.runs.observer import Observer
from agp.runs.workbench import capture_content
from agp.runtime.session import Session
from agp.sepl.config import EvolveConfig
from agp.sepl.proposers.model import ModelProposer
from agp.sepl.reflector import Reflector
from agp.tracing.recorder import provider_for


def shipped_prompts() -> list[Record]:
    """The shipped prompts: those that ask a model for proposals are among them."""
    folders = sorted((library_root() / PromptKind.folder).iterdir())
    return [record for each in folders if each.is_dir() for record in read_folder(each)]


def model_proposer(
    history: History,
    journal: Journal,
    config: EvolveConfig,
    ledger: Ledger,
    observer: Observer,
    agent: ResourceId,
    backends: Mapping[str, Backend],
) -> tuple[ModelProposer, Reflector]:
    """The proposer and the reflector it asks; `shipped_prompts` must be in the view."""
    cache = StoreCallCache(journal.database)
    journal.along(cache.flush)
    tracer = provider_for(journal.database).get_tracer("agp")
    models = ModelManager(
        config.models,
        cache,
        meter=ledger,
        tracer=tracer,
        capture_content=capture_content(),
        backends=backends,
    )
    reflector = Reflector(Session(models, tracer), journal, observer, config.seed)
    return ModelProposer(reflector, journal, agent, {}), reflector
