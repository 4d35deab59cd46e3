r"""Finds the answer a model states in its text: pure functions that never evaluate that text.

Only extraction belongs here, no benchmark and no model.

Where an answer is looked for, in this order: the ``<answer>`` tag, the last ``\boxed{}``, prose.
The first place that is there decides: a tag or box that holds something unreadable, or more than
one possible answer, means no answer (None), and nothing is searched elsewhere. In prose the last
*stated* answer counts ("the answer is …", "Answer: …", "#### …"); without any such phrase, the
last number, or the last letter that stands as an option.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from fractions import Fraction

_PLACEHOLDERS = frozenset({"", "and", "...", "…", "answer", "your answer", "final answer"})


def tagged(text: str, tag: str = "answer") -> str | None:
    """The stripped content of the last ``<tag>…</tag>``, or None.

    Case does not count. Of nested tags the inner one is taken. A tag that is opened and never
    closed (a reply that was cut off, or a stop word) counts up to the end of the text when no
    closed one exists. An echo of the instructions ("between <answer> and </answer>") or an
    empty tag is no answer.
    """
    found: str | None = None
    pieces = re.split(rf"<\s*/\s*{re.escape(tag)}\s*>", text, flags=re.IGNORECASE)
    for number, piece in enumerate(pieces):
        before, *inside = re.split(rf"<\s*{re.escape(tag)}\s*>", piece, flags=re.IGNORECASE)
        content = inside[-1].strip() if inside else before
        closed = number < len(pieces) - 1
        if inside and content.lower() not in _PLACEHOLDERS and (closed or found is None):
            found = content
    return found


_BOX = re.compile(r"\\f?box(?:ed)?\s*(?:\{|(?P<bare>[^\s{}$\\.,;]+))")


def boxed(text: str) -> str | None:
    r"""The content of the last ``\boxed{…}``, ``\fbox{…}`` or ``\boxed 7``, stripped, or None.

    Braces may nest, escaped ones (``\{``) do not count; of a box inside a box the inner one
    counts; a box that is never closed is no box.
    """
    closing: dict[int, int] = {}
    open_braces: list[int] = []
    for brace in re.finditer(r"\\[^a-zA-Z]|[{}]", text, re.DOTALL):
        if brace[0] == "{":
            open_braces.append(brace.start())
        elif brace[0] == "}" and open_braces:
            closing[open_braces.pop()] = brace.start()
    found: str | None = None
    for box in _BOX.finditer(text):
        if box["bare"] is not None:
            found = box["bare"]
        elif (end := closing.get(box.end() - 1)) is not None:
            found = text[box.end() : end].strip()
    return found


def _statement(text: str) -> str | None:
    """What a tag or box holds."""
    inside = tagged(text)
    if inside is None:
        return boxed(text)
    inner = boxed(inside)
    return inside if inner is None else inner


_WRAPPER = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|mbox|emph|bm)\s*\{([^{}]*)\}")
_FRACTION = re.compile(r"([+-]?)\\[dtc]?frac\s*(?:\{\s*(\d+)\s*\}\s*\{\s*(\d+)\s*\}|(\d)\s*(\d))")
_SUBSTITUTES = (
    (re.compile(r"[−–]"), "-"),
    (re.compile(r"(?<=\d)(?:\{,\}|\\[,!;: ])(?=\d{3})"), ","),
    (re.compile(r"\\[,!;: ]|~|\\q?quad\b|\\left\b|\\right\b|\\displaystyle\b"), " "),
    (re.compile(r"\^ ?\{? ?\\circ\b ?\}?|\\degree\b|°"), " degrees "),
    (re.compile(r"\\?%"), " percent "),
    (re.compile(r"\\?\$|\\[()\[\]]|\*\*|__|`"), ""),
)


def _plain(text: str) -> str:
    """``text`` without the dress of LaTeX and Markdown; fit for numbers and letters only."""
    for _ in range(4):
        text = _WRAPPER.sub(r"\1", text)
    text = _FRACTION.sub(lambda m: f" {m[1]}{m[2] or m[4]}/{m[3] or m[5]} ", text)
    for pattern, replacement in _SUBSTITUTES:
        text = pattern.sub(replacement, text)
    return text


_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)"
_DECIMAL = rf"(?:{_DIGITS}(?:\.\d+)?(?:[eE][+-]?\d{{1,3}})?|\.\d+)"
_NUMBER = re.compile(
    rf"(?<![\w.])(?P<sign>(?<![)\]}}])[+-])?(?:(?P<whole>\d+)\s+(?=\d+/\d))?"
    rf"(?P<top>{_DECIMAL})(?:\s?/\s?(?P<bottom>{_DECIMAL}))?(?!\.?\d)",
    re.ASCII,
)
_LEAD = re.compile(r"[\s:=]*(?:(?:about|exactly|simply|just|therefore|thus|a|an|the)\s+)*", re.I)
_OPERATOR = re.compile(
    r"\s*(?:[-+*/^=<>≤≥≈×·÷]|or\s+[-+\d]|\\(?:cdot|times|div|pm|sqrt|leq?|geq?|approx)\b)"
)
_SYMBOLIC = re.compile(r"\s*\\[A-Za-z]|\s*[\^_√π]|[A-Za-z](?![A-Za-z])")
_CUE = re.compile(
    r"\b(?:answer|(?:correct|right|best)\s(?:option|choice|one))(?:\s(?:to|for|of)\b[^.\n:]{0,80}?)?"
    r"\s*(?:\b(?:is|are|was|equals|(?:should|would|must|will)\s+be)\b(?!\s+not\b)|=|:)"
    r"|####|^[^\w\n]{0,20}(?:final\s)?answer[^\w\n]{0,20}$",
    re.IGNORECASE | re.MULTILINE,
)
_OR = re.compile(r"\W*or\W*", re.IGNORECASE)
_SENTENCE = re.compile(r"[\s:=]*(?:(.{0,300}?)(?=[.;!?](?:\s|$)|\n|$)|(.{300}))", re.DOTALL)


def _stated_sentences(text: str) -> list[str]:
    """What follows each phrase that announces an answer, to the sentence's end; last first."""
    found: list[str] = []
    for cue in _CUE.finditer(text):
        if sentence := _SENTENCE.match(text, cue.end()):
            found.append(sentence[1] or sentence[2] or "")
    return found[::-1]


def _only_number(statement: str) -> re.Match[str] | None:
    """The number behind the last ``=``, or anywhere if there is no ``=``; only if it is one."""
    numbers = list(_NUMBER.finditer(statement, statement.rfind("=") + 1))
    return numbers[0] if len(numbers) == 1 else None


def _final_number(text: str) -> re.Match[str] | None:
    inside = _statement(text)
    if inside is not None:
        return _only_number(_plain(inside))
    text = _plain(text)
    for sentence in _stated_sentences(text):
        lead = _LEAD.match(sentence)
        first = _NUMBER.match(sentence, lead.end() if lead else 0)
        if first and not _OPERATOR.match(sentence, first.end()):
            return first
        if _NUMBER.search(sentence):
            return _only_number(sentence)
    numbers = list(_NUMBER.finditer(text))
    hedged = len(numbers) > 1 and _OR.fullmatch(text, numbers[-2].end(), numbers[-1].start())
    return numbers[-1] if numbers and not hedged else None


def integer_answer(text: str, low: int = 0, high: int = 999) -> int | None:
    r"""The integer from ``low`` to ``high`` that ``text`` states as its answer, or None.

    Strict: the number must be written as an integer. ``70``, ``070``, ``+70``, ``70.``, ``$70$``,
    ``**70**``, ``\boxed{\text{70}}``, ``x = 70``, ``70°`` and ``70 units`` are 70; ``70.9``,
    ``70.0``, ``140/2``, ``7e1``, ``70\pi``, ``70x``, ``70 or 71`` are no integer answer.
    """
    number = _final_number(text)
    if number is None or number["whole"] or number["bottom"]:
        return None
    if _SYMBOLIC.match(number.string, number.end()):
        return None
    digits = (number["sign"] or "") + number["top"].replace(",", "")
    if not re.fullmatch(r"[+-]?[0-9]{1,100}", digits):
        return None
    return int(digits) if low <= int(digits) <= high else None


def number_answer(text: str) -> Fraction | None:
    r"""The number that ``text`` states as its answer, exact, or None.

    ``$18.75``, ``1,234``, ``-5``, ``18.00`` (equal to 18), ``1/2``, ``\frac{1}{2}``, ``1 1/2``,
    ``3e4`` and numbers with a unit behind them are read; ``50%`` is 50, a unit like any other.
    Numbers of more than 100 characters and divisions by zero are no answer.
    """
    number = _final_number(text)
    if number is None or len(number[0]) > 100:
        return None
    bottom = Fraction((number["bottom"] or "1").replace(",", ""))
    if bottom == 0:
        return None
    value = Fraction(number["whole"] or 0) + Fraction(number["top"].replace(",", "")) / bottom
    return -value if number["sign"] == "-" else value


def show_number(value: Fraction) -> str:
    """``value`` as people write it: 18, 18.75, or 1/3 where no decimal is exact."""
    if value.denominator == 1:
        return str(value.numerator)
    rounded = f"{float(value):.12g}"
    return rounded if Fraction(rounded) == value else str(value)


_AFTER_LETTER = r"(?![\w'’])"


def choice_answer(text: str, letters: Sequence[str] = "ABCD") -> str | None:
    r"""The letter of the option that ``text`` states as its answer (upper case), or None.

    ``D``, ``d``, ``(D)``, ``D.``, ``D) because …``, ``**D**``, ``\boxed{\text{D}}``, "Option D",
    "The answer is (D)" all mean D. A bare "a", or an "A" followed by a lower-case word where a
    sentence starts, is the article; ``A or D`` states nothing. Without an announcing phrase, a
    line that is only a letter counts, or else a letter in parentheses if all such agree.
    """
    allowed = "".join(letters).upper()
    inside = _statement(text)
    if inside is not None:
        return _letter(_plain(inside), allowed)
    text = _plain(text)
    for sentence in _stated_sentences(text):
        if letter := _letter(sentence, allowed):
            return letter
        if re.search(rf"\b[{allowed}]\b", sentence):
            return None
    bare = rf"^[^\w\n]{{0,20}}(?:option |choice )?[^\w\n]{{0,9}}([{allowed}])[^\w\n]{{0,20}}$"
    if lines := re.findall(bare, text, re.IGNORECASE | re.MULTILINE):
        return lines[-1].upper()
    named = re.findall(rf"\b(?:[Oo]ption|[Cc]hoice)\s+\(?([{allowed}])\b|\(([{allowed}])\)", text)
    distinct = {one or other for one, other in named}
    return distinct.pop() if len(distinct) == 1 else None


def _letter(statement: str, allowed: str) -> str | None:
    """The letter a short statement opens with."""
    match = re.match(
        rf"\W*(?:(?:the|correct|option|choice|answer|is)\W+)*(?P<open>[(\[{{]?)"
        rf"(?P<letter>[{allowed}]){_AFTER_LETTER}(?P<close>[)\]}}.:,]?)(?P<rest>.*)",
        statement,
        re.IGNORECASE | re.DOTALL,
    )
    if not match:
        return None
    letter, rest = match["letter"], match["rest"]
    if re.match(rf"\s*(?:or|and|/|,|&)\s*\W?[{allowed}]\b", match["close"] + rest):
        return None
    reason = re.match(r"\s+(?:because|since|as|is|for|which|where|so|with)\b", rest)
    dressed = match["open"] or match["close"] or not rest.strip() or reason
    article = letter in "aiAI" and re.match(r"\s+[a-z]", rest)
    if not dressed and (letter.islower() or article):
        return None
    return letter.upper()


_FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[\w+#.-]*)", re.M)
_PYTHON = frozenset({"", "python", "py", "python3", "pycon", "ipython"})
_CODE_START = re.compile(
    r"^(?:(?:async\s+)?def\s+\w+\s*\(|class\s+\w+\s*[:(]|@\w+\S*$"
    r"|import\s+[\w.]+\s*(?:as\b|,|#|$)|from\s+[\w.]+\s+import\b)",
    re.M,
)
_CODE_LINE = re.compile(
    r"\s|[#)\]}@\"']|(?:async|def|class|import|from|if|elif|else|for|while|with|try|except|finally"
    r"|return|assert|print|raise|pass)\b|[A-Za-z_][\w.\[\], ]*(?:[-+*/|&]?=[^=]|\()|$"
)


def code_block(text: str, entry: str | None = None) -> str | None:
    """The Python code of a reply, or None where there is none.

    Of the fenced blocks in Python or no language: the last that defines ``entry`` if given,
    else the last that defines a function or class (examples of use often follow), else the
    last. A fence that is never closed ends with the text. Without any fence: from the first
    line that starts a definition or import, up to the first line that cannot be code; without
    such a line the whole text, if it is indented as a function's body is.
    """
    blocks = _fenced(text)
    named = [rf"(?:def|class)\s+{re.escape(entry)}\b"] if entry else []
    for pattern in (*named, r"(?:def|class)\s"):
        for block in reversed(blocks):
            if re.search(rf"^\s*(?:async\s+)?{pattern}", block, re.M):
                return block
    if blocks:
        return blocks[-1]
    return _unfenced(text)


def _fenced(text: str) -> list[str]:
    blocks: list[str] = []
    position = 0
    while opening := _FENCE.search(text, position):
        start = text.find("\n", opening.end()) + 1 or len(text)
        fence = rf"[ \t]*{opening['fence'][0]}{{{len(opening['fence'])},}}[ \t]*$"
        end = re.compile(fence, re.M).search(text, start)
        position = end.end() if end else len(text)
        if opening["language"].lower() in _PYTHON:
            body = text[start : end.start() if end else len(text)]
            blocks.append(textwrap.dedent(body) if opening["indent"] else body)
    return [block for block in blocks if block.strip()]


def _unfenced(text: str) -> str | None:
    if start := _CODE_START.search(text):
        lines: list[str] = []
        for line in text[start.start() :].splitlines():
            if not _CODE_LINE.match(line):
                break
            lines.append(line)
        return "\n".join(lines).rstrip() + "\n"
    return text if re.match(r"(?:[ \t]*\n)*[ \t]+\S", text) else None
