"""Log lines and tracebacks without secrets."""

from __future__ import annotations

import logging
import traceback

from agp.secrets.redaction import redact
from agp.secrets.structured import redact_json


class Redacting(logging.Filter):
    """A filter that takes the secrets out of a record: its message, arguments and traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, clean."""
        try:
            record.msg, record.args = redact(record.getMessage()), None
        except (TypeError, ValueError):  # arguments that do not fit: logging will say so itself
            record.msg, record.args = redact(str(record.msg)), redact_json(record.args)
        if record.exc_info:
            record.exc_text = shown(record.exc_info[1])
            record.exc_info = None
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True


def shown(error: BaseException | None) -> str:
    """The traceback of an error, as it may be shown."""
    return redact("".join(traceback.format_exception(error)).rstrip()) if error else ""


def install(name: str = "agp") -> None:
    """Have everything that the loggers below ``name`` say redacted, whoever listens.

    A logger's own filters do not see what its children say, so records are made clean where they
    are made.
    """
    factory = logging.getLogRecordFactory()
    if getattr(factory, "agp_redacts", None) == name:
        return
    redacting = Redacting()

    def make(*args: object, **settings: object) -> logging.LogRecord:
        record = factory(*args, **settings)
        if record.name == name or record.name.startswith(f"{name}."):
            redacting.filter(record)
        return record

    make.agp_redacts = name  # type: ignore[attr-defined]
    logging.setLogRecordFactory(make)
