"""llama.cpp in this process: one loaded model, one reply at a time, the same reply every time.

The prompt is evaluated in blocks that start at multiples of BLOCK, and only whole blocks that
were evaluated so are ever reused. Reusing more (llama_cpp's own prefix match) changes the batch
shapes, with them the rounding, and with that now and then a reply, depending on what was asked
before: scores would not be reproducible.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from agp.errors import InputError, ModelError
from agp.models.embedded.prompt import ChatTemplate
from agp.models.types import JsonObject

BLOCK = 64  # tokens; also how long (about a second) a cancelled prompt may still take
_THREADS_VARIABLE = "AGP_THREADS"


@dataclass(frozen=True)
class Job:
    """One reply to generate; fields as in ModelRequest."""

    messages: list[JsonObject]
    tools: list[JsonObject] = field(default_factory=list[JsonObject])
    schema: JsonObject | None = None
    temperature: float = 0.0
    max_tokens: int = 512
    seed: int = 0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reply:
    """What came: ``finish_reason`` is ``stop`` or ``length``; counts are exact tokens."""

    text: str
    finish_reason: str
    input_tokens: int
    output_tokens: int


class GenerationCancelledError(Exception):
    """The caller no longer wants the reply."""


class Engine:
    """One model in memory. Not thread-safe: its owner calls it from one thread at a time.

    Parameters: ``path`` of a GGUF file with a chat template; ``context`` in tokens. Raises
    ModelError when llama_cpp is not installed or the file cannot be loaded.
    """

    def __init__(self, path: Path, *, context: int = 8192, threads: int | None = None) -> None:
        self._llama_cpp = import_llama_cpp()
        self._llm = load(path, threads=threads, n_ctx=context)
        self._vocab = self._llama_cpp.llama_model_get_vocab(self._llm.model)
        self._template = self._chat_template(path)
        self._evaluated: list[int] = []

    def generate(self, job: Job, cancelled: Event) -> Reply:
        """Generate one reply.

        Raises ModelError when the prompt does not fit the context or the schema cannot be turned
        into a grammar, GenerationCancelledError within one token once ``cancelled`` is set.
        """
        prompt = self.tokens_of(job)
        room = self._llm.n_ctx() - len(prompt)
        if room < 1:
            raise ModelError(
                f"The prompt has {len(prompt)} tokens; the embedded model's context holds "
                f"{self._llm.n_ctx()} for prompt and reply together.",
                hint="Shorten the prompt or the history, or use a model with a longer context.",
            )
        grammar = self._grammar(job.schema) if job.schema is not None else None
        tail = self._evaluate_blocks(prompt, cancelled)
        limit = min(job.max_tokens, room)
        text, finish, count = self._sample(job, tail, grammar, limit, cancelled)
        return Reply(text, finish, len(prompt), count)

    def tokens_of(self, job: Job) -> list[int]:
        """The prompt of ``job`` as the model sees it."""
        text = self._template.render(job.messages, job.tools)
        data = text.encode("utf-8", "replace")
        return list(self._llm.tokenize(data, add_bos=False, special=True))

    def close(self) -> None:
        """Free the model's memory."""
        self._llm.close()

    def _evaluate_blocks(self, prompt: list[int], cancelled: Event) -> list[int]:
        """Bring the model's state to the last block border before the prompt's end."""
        border = (len(prompt) - 1) // BLOCK * BLOCK
        done = _common_prefix(self._evaluated, prompt[:border]) // BLOCK * BLOCK
        del self._evaluated[done:]
        self._llm.reset()
        self._llm.n_tokens = done
        for start in range(done, border, BLOCK):
            _check(cancelled)
            self._llm.eval(prompt[start : start + BLOCK])
            self._evaluated += prompt[start : start + BLOCK]
        return prompt[border:]

    def _sample(
        self, job: Job, tail: list[int], grammar: Any, limit: int, cancelled: Event
    ) -> tuple[str, str, int]:
        self._llm.set_seed(job.seed)
        stops = [stop.encode() for stop in job.stop if stop]
        longest = max(map(len, stops), default=0)
        output, count = bytearray(), 0
        tokens = self._llm.generate(tail, temp=job.temperature, grammar=grammar, reset=False)
        with contextlib.closing(tokens):
            for token in _until(tokens, cancelled):
                if self._llama_cpp.llama_vocab_is_eog(self._vocab, token):
                    return _decode(output), "stop", count
                piece: bytes = self._llm.detokenize([token])
                output += piece
                count += 1
                cut = _first_stop(output, stops, len(output) - len(piece) - longest)
                if cut is not None:
                    return _decode(output[:cut]), "stop", count
                if count >= limit:
                    break
        return _decode(output), "length", count

    def _grammar(self, schema: JsonObject) -> Any:
        try:
            return self._llama_cpp.LlamaGrammar.from_json_schema(json.dumps(schema), verbose=False)
        except Exception as error:  # the converter raises whatever the schema makes it trip over
            raise ModelError(
                f"llama.cpp cannot turn this reply schema into a grammar: {error}",
                hint="Use objects, arrays, strings, numbers, booleans, enum and const.",
            ) from error

    def _chat_template(self, path: Path) -> ChatTemplate:
        template = self._llm.metadata.get("tokenizer.chat_template")
        if not template:
            raise ModelError(
                f"{path} carries no chat template, so it cannot be talked to.",
                hint="Use an instruction-tuned (Instruct, Chat) GGUF file.",
            )
        ends = [self._llm.token_eos(), self._llm.token_bos()]
        eos, bos = (
            self._llm.detokenize([t], special=True).decode() if t >= 0 else "" for t in ends
        )
        return ChatTemplate(template, eos, bos)


def thread_count() -> int:
    """``AGP_THREADS``, else the cores this process may use."""
    chosen = os.environ.get(_THREADS_VARIABLE)
    if chosen is None:
        usable = getattr(os, "sched_getaffinity", None)
        return max(1, len(usable(0)) if usable else os.cpu_count() or 1)
    if not chosen.isdecimal() or int(chosen) < 1:
        raise InputError(
            f"{_THREADS_VARIABLE} is {chosen!r}; it must be a whole number from 1 up.",
            hint=f"Unset {_THREADS_VARIABLE} to use all cores.",
        )
    return int(chosen)


def load(path: Path, *, threads: int | None = None, **settings: Any) -> Any:
    """A `llama_cpp.Llama` from a file; ``settings`` are its own. Raises ModelError."""
    threads = threads or thread_count()
    try:
        return import_llama_cpp().Llama(
            str(path), n_threads=threads, n_threads_batch=threads, verbose=False, **settings
        )
    except (ValueError, RuntimeError, OSError) as error:
        raise ModelError(
            f"llama.cpp could not load {path}: {error}",
            hint="Run: agp models check   (it tells whether the file is whole).",
        ) from error


def import_llama_cpp() -> Any:
    try:
        return importlib.import_module("llama_cpp")
    except (ImportError, OSError, RuntimeError) as error:
        raise ModelError(
            f"The embedded model needs llama-cpp-python, which cannot be imported: {error}",
            hint="Run: pip install 'autogenesis-agp[local]'   (it compiles for some minutes).",
        ) from error


def _until(tokens: Iterator[int], cancelled: Event) -> Iterator[int]:
    _check(cancelled)
    for token in tokens:
        _check(cancelled)
        yield int(token)


def _check(cancelled: Event) -> None:
    if cancelled.is_set():
        raise GenerationCancelledError


def _common_prefix(left: list[int], right: list[int]) -> int:
    for index, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return index
    return min(len(left), len(right))


def _first_stop(output: bytearray, stops: list[bytes], start: int) -> int | None:
    """Where the earliest stop sequence begins, looking only where a new one can."""
    places = [output.find(stop, max(0, start)) for stop in stops]
    return min((place for place in places if place >= 0), default=None)


def _decode(output: bytes | bytearray) -> str:
    # A reply cut inside a character loses that character, not the rest.
    return bytes(output).decode("utf-8", errors="ignore")
