"""Model strings: ``provider/name`` as LiteLLM reads them, with agp's aliases resolved."""

from __future__ import annotations

EMBEDDED = "embedded"
_ALIASES = {
    EMBEDDED: "embedded/qwen2.5-coder-1.5b",
    "embedded/embedded": "embedded/qwen2.5-coder-1.5b",
}
_FAMILIES = {
    "gpt-": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "claude": "anthropic",
    "gemini": "gemini",
}
# LiteLLM's provider prefix → the well-known values of gen_ai.provider.name
_CONVENTION = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex_ai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}


def canonical_model(model: str) -> str:
    """The one spelling of a model string: what requests, caches and spans are keyed by."""
    return _ALIASES.get(model, model)


def provider_of(model: str) -> str:
    """LiteLLM's provider for a model string, guessed from the family where there is no prefix."""
    model = canonical_model(model)
    if "/" in model:
        return model.split("/", 1)[0]
    return next(
        (provider for start, provider in _FAMILIES.items() if model.startswith(start)), "unknown"
    )


def convention_provider(model: str) -> str:
    """The value of ``gen_ai.provider.name`` for a model string."""
    provider = provider_of(model)
    return _CONVENTION.get(provider, provider)
