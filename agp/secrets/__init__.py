"""Secrets: finding them, taking them out of what is written, and referring to them by name.

The lowest room: it knows formats and the values this process has resolved, and nothing of records,
stores or models. Whoever creates a record (a span, a journal entry, an audit entry, a cached
reply, an error on the screen) calls `redact` or `redact_json` once, there; whoever keeps something
for ever calls `refuse`.
"""

from agp.secrets.known import is_secret_variable, remember, remember_variable
from agp.secrets.redaction import Found, find, redact, redact_known
from agp.secrets.references import REFERENCE, refer, references, resolve, unresolved
from agp.secrets.refusal import refuse
from agp.secrets.structured import Place, find_json, is_redacted, redact_json

__all__ = [
    "REFERENCE",
    "Found",
    "Place",
    "find",
    "find_json",
    "is_redacted",
    "is_secret_variable",
    "redact",
    "redact_json",
    "redact_known",
    "refer",
    "references",
    "refuse",
    "remember",
    "remember_variable",
    "resolve",
    "unresolved",
]
