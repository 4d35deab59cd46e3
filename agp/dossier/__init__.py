"""The dossier: what a store knows of one agent, as a document that can be checked.

`facts` reads, `sections` says it in order, `document` is the form and the signature, `render`
makes Markdown and HTML. Everything in it comes from the store; nothing is added by a model.
"""

from agp.dossier.document import Dossier, check_dossier, read_dossier, sign_dossier
from agp.dossier.make import make_dossier
from agp.dossier.render import as_html, as_markdown

__all__ = [
    "Dossier",
    "as_html",
    "as_markdown",
    "check_dossier",
    "make_dossier",
    "read_dossier",
    "sign_dossier",
]
