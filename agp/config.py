"""`agp.toml`: a project's settings. Absent is fine; what it may hold is below.

store = ".agp/store.db"            # or postgresql://USER@HOST/NAME

[models.solver]                    # what agents call, unless --model says otherwise
model = "embedded"
fallbacks = []

[models.reflector]                 # what proposes changes; default: the solver's model
model = "embedded"
max_tokens = 600

[models.critic]                    # what criticises answers (textgrad); default: the reflector's
model = "embedded"
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agp.errors import InputError
from agp.models.manager import RoleConfig
from agp.models.names import EMBEDDED

FILE = "agp.toml"
STORE_FILE = Path(".agp") / "store.db"
SOLVER, REFLECTOR = "solver", "reflector"
CRITIC = "critic"
"""The role that criticises answers for `textgrad`; where it is not set, the reflector does."""
_REFLECTION_TOKENS = 600


class ProjectConfig(BaseModel):
    """The settings of `agp.toml`."""

    model_config = ConfigDict(extra="forbid")

    store: str | None = None
    models: dict[str, RoleConfig] = Field(default_factory=dict[str, RoleConfig])

    def roles(
        self,
        *,
        model: str | None,
        reflector: str | None,
        api_base: str | None,
        critic: str | None = None,
    ) -> dict[str, RoleConfig]:
        """Role → model, with what the caller asked for over what the file says."""
        solver = self.models.get(SOLVER, RoleConfig(model=EMBEDDED))
        if model:
            solver = RoleConfig(model=model)
        if api_base:
            solver = solver.model_copy(update={"api_base": api_base})
        thinker = self.models.get(REFLECTOR)
        if reflector:
            thinker = RoleConfig(model=reflector, max_tokens=_REFLECTION_TOKENS)
        elif thinker is None or model:
            thinker = solver.model_copy(update={"max_tokens": _REFLECTION_TOKENS})
        roles = {**self.models, SOLVER: solver, REFLECTOR: thinker}
        if critic:
            roles[CRITIC] = RoleConfig(model=critic, max_tokens=_REFLECTION_TOKENS)
        return roles


def store_location(folder: Path, store: str | Path | None, config: ProjectConfig) -> str | Path:
    """Where a project's store is: as asked, else AGP_STORE, else agp.toml, else in the folder."""
    return store or os.environ.get("AGP_STORE") or config.store or folder / STORE_FILE


def read_config(folder: Path) -> ProjectConfig:
    """The settings of a project folder. Raises InputError naming file, line or field."""
    path = folder / FILE
    if not path.exists():
        return ProjectConfig()
    try:
        config = ProjectConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}.") from error
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(map(str, fault["loc"]))
        raise InputError(f"{path}: field {field!r}: {fault['msg']}.") from error
    if config.store and "://" not in config.store:
        config.store = str(folder / config.store)
    return config
