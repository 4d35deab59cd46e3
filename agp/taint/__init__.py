"""Where text came from, carried along with it: from tools, tasks, memories, imports.

Labels are strings: ``user``, ``sample:DIGEST``, ``tool:NAME``, ``web``, ``memory:NAME``,
``environment:NAME``, ``import:BUNDLE``, ``trace:ID``, ``run:ID``. `labels.py` says which a
resource's results get, `carried.py` holds those of one task, `quoting.py` puts text of any origin
into a prompt as data. What may enter: naming, carrying and quoting origins; who is asked about
them is the business of permissions, taking back what they influenced that of the history.
"""

from agp.taint.carried import Carried
from agp.taint.labels import USER, WEB, origins_of, sample, trace
from agp.taint.quoting import NOTICE, noticed, quoted

__all__ = [
    "NOTICE",
    "USER",
    "WEB",
    "Carried",
    "noticed",
    "origins_of",
    "quoted",
    "sample",
    "trace",
]
