"""Answers in every usual dress; the scoring rows of the field's failures are literal cases."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.evaluation.answers import (
    boxed,
    choice_answer,
    code_block,
    integer_answer,
    number_answer,
    show_number,
    tagged,
)

SEVENTY = r"""
70
070
+70
70.
70°
70^\circ
$70$
$$70$$
\(70\)
**70**
__70__
`70`
70 units
\boxed{70}
$\boxed{70}$
\[\boxed{70}.\]
\fbox{70}
\boxed 70
\boxed{070}
\boxed{\text{70}}
\boxed{\mathbf{70}}
\boxed{ 70^\circ }
\boxed{m+n=70}
\boxed{\boxed{70}}
first \boxed{12}, then \boxed{70}
\boxed{70} is my answer, not 12
The answer is 70.
The answer is **70**.
The final answer is: $70$
The answer is $m+n = 12+58 = 70$.
The answer is 70, since 2 * 35 = 70.
The answer is therefore 70
The answer to the problem is 70!
So the answer should be 70 (seventy).
Answer: 70
**Answer:** 70
#### 70
<answer>70</answer>
<ANSWER> $70$ </ANSWER>
<answer>\boxed{70}</answer>
<answer>x = 70</answer>
<answer>70 apples</answer>
<answer>12</answer> no: <answer>70</answer>
\boxed{12} <answer>70</answer>
Between <answer> and </answer>: \boxed{70}
<answer>70
We get 35 + 35 = 70
""".strip().splitlines()

NO_INTEGER = r"""
70.9
\boxed{70.9}
The answer is 70.9
<answer>70.9</answer> and 70
70.0
-70
1000
1,000
\boxed{1{,}000}
7e1
140/2
\boxed{\frac{140}{2}}
\boxed{70\pi}
\boxed{70\sqrt{2}}
\boxed{70x}
\boxed{7^2}
\boxed{70 \text{ or } 71}
70 or 71
The answer is 70 or 71.
<answer>70, 71</answer>
<answer>seventy</answer> 70
no number at all
x2
""".strip().splitlines()


@pytest.mark.parametrize("text", SEVENTY)
def test_integer(text: str) -> None:
    assert integer_answer(text) == 70


@pytest.mark.parametrize(
    "text", ["**Final Answer**\n\n70", "Answer: 70\n\nCheck: 3 * 5 = 15", "x\n70\n"]
)
def test_integer_over_lines(text: str) -> None:
    assert integer_answer(text) == 70


@pytest.mark.parametrize("text", [*NO_INTEGER, "", "\\boxed{}", "<answer></answer>"])
def test_not_an_integer(text: str) -> None:
    assert integer_answer(text) is None


@given(
    st.integers(0, 999),
    st.sampled_from(["{}", "${}$", "\\boxed{{{}}}", "It is {}.", "<answer>{}</answer>"]),
)
def test_every_integer_is_read_back(value: int, dress: str) -> None:
    assert integer_answer(dress.format(value)) == value
    assert integer_answer(dress.format(f"{value}.5")) is None
    assert number_answer(dress.format(f"{value}.5")) == value + Fraction(1, 2)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("#### 18", 18),
        ("steps 3 4 5\n#### 18", 18),
        ("$18.75", Fraction("18.75")),
        ("18.00", 18),
        (".5", Fraction(1, 2)),
        ("1,234", 1234),
        ("$1,234,567.50 in all", Fraction("1234567.5")),
        ("1{,}234", 1234),
        ("-5", -5),
        ("−5", -5),
        ("-$5", -5),
        ("$-5$", -5),
        ("1/2", Fraction(1, 2)),
        (r"\frac{1}{2}", Fraction(1, 2)),
        (r"-\dfrac{1}{2}", Fraction(-1, 2)),
        (r"\frac12", Fraction(1, 2)),
        ("1 1/2 cups", Fraction(3, 2)),
        ("3e4", 30_000),
        ("50%", 50),
        (r"50\%", 50),
        ("18 eggs", 18),
        ("18kg", 18),
        ("The answer is $18.75 per hour.", Fraction("18.75")),
        ("Answer: **$18**", 18),
        ("10-5", 5),
        ("5/0", None),
        ("1e999", 10**999),
        ("1e999999999", 1),
        ("9" * 5000, None),
        ("", None),
        ("none", None),
    ],
)
def test_number(text: str, value: Fraction | None) -> None:
    assert number_answer(text) == value


@given(st.fractions(min_value=-(10**6), max_value=10**6))
def test_shown_numbers_are_read_back(value: Fraction) -> None:
    assert number_answer(show_number(value)) == value
    assert number_answer(f"<answer>{show_number(value)}</answer>") == value


@pytest.mark.parametrize(
    "text",
    [
        "D",
        "(D)",
        "D.",
        "D)",
        "[D]",
        "**D**",
        "$D$",
        "Answer: d",
        "Answer: (D)",
        "answer is D",
        "The answer is (D) because A is wrong.",
        "The correct option is D",
        "The correct answer is option D.",
        "Option D",
        "I choose (D).",
        r"\boxed{D}",
        r"\boxed{\text{D}}",
        r"$\boxed{\textbf{(D)}}$",
        "<answer>D</answer>",
        "<answer>d</answer>",
        "<answer>D) 42 metres</answer>",
        "The answer is A. No: the answer is D.",
        "A dog is an animal.\n\nD",
        "Answer:\n\nD",
    ],
)
def test_choice(text: str) -> None:
    assert choice_answer(text) == "D"


@pytest.mark.parametrize(
    "text",
    [
        "A dog is an animal.",
        "The answer is a dog",
        "Answer: A dog",
        "A or D",
        "The answer is A or D",
        "<answer>A, D</answer>",
        "(A) is likely and (D) too",
        "E",
        "Done",
        "",
        "D'Artagnan",
    ],
)
def test_no_choice(text: str) -> None:
    assert choice_answer(text) is None


def test_choice_a_and_other_letters() -> None:
    assert choice_answer("The answer is A") == "A"
    assert choice_answer("The answer is A because it is") == "A"
    assert choice_answer("(E)", "ABCDE") == "E"


BALANCED = st.recursive(
    st.text("ab1\\ ", max_size=4).map(lambda s: s.replace("\\", "\\frac")),
    lambda inner: st.tuples(inner, inner).map(lambda p: f"{p[0]}{{{p[1]}}}"),
    max_leaves=8,
)


@given(BALANCED, st.text("ab {}", max_size=10))
def test_boxed_reads_balanced_braces(content: str, before: str) -> None:
    assert boxed(f"{before} \\boxed{{1}} \\boxed{{{content}}} after") == content.strip()


def test_boxed_edges() -> None:
    assert boxed(r"\boxed{\{1, 2\}}") == r"\{1, 2\}"
    assert boxed(r"\boxed{1} and \boxed{2") == "1"
    assert boxed("no box") is None


@given(st.text(max_size=30).filter(lambda s: "<" not in s))
def test_tagged_reads_back(content: str) -> None:
    found = tagged(f"x<answer>{content}</answer>y")
    assert found == content.strip() or content.strip().lower() in {
        "",
        "and",
        "...",
        "…",
        "answer",
        "your answer",
        "final answer",
    }


def test_tagged_edges() -> None:
    assert tagged("<answer>1</answer> then <answer>2") == "1"
    assert tagged("<answer>a <answer>b</answer>") == "b"
    assert tagged("<x>1</x>", "x") == "1"
    assert tagged("nothing") is None


CODE = "def f(x):\n    return x\n"


@pytest.mark.parametrize(
    "text",
    [
        f"```python\n{CODE}```",
        f"Sure:\n\n```py\n{CODE}```\nDone.",
        f"```\n{CODE}```",
        f"~~~python\n{CODE}~~~",
        f"```python\n{CODE}",
        f"```python\n{CODE.strip()}```\nIt returns x.",
        f"```python\n{CODE}```\n\nUse:\n\n```python\nprint(f(1))\n```",
        f"```python\ndef f(x):\n    return 0\n```\nBetter:\n```python\n{CODE}```",
        f"```bash\npip install x\n```\n```python\n{CODE}```",
        "1. so\n\n   ```python\n   def f(x):\n       return x\n   ```",
        CODE,
        f"Here it is:\n{CODE}\nThis returns x.",
        f"<answer>\n{CODE}</answer>",
    ],
)
def test_code_block(text: str) -> None:
    assert (code_block(text, "f") or "").strip() == CODE.strip()


def test_code_block_prefers_the_entry() -> None:
    text = "```python\ndef f(x): ...\n```\n```python\ndef test(): ...\n```"
    assert code_block(text, "f") == "def f(x): ...\n"
    assert code_block(text) == "def test(): ...\n"


def test_code_block_without_code() -> None:
    assert code_block("I cannot do that.") is None
    assert code_block("```json\n{}\n```") is None
    assert code_block("    return x\n") == "    return x\n"


@given(st.text(max_size=200))
def test_nothing_raises(text: str) -> None:
    for read in (boxed, tagged, integer_answer, number_answer, choice_answer, code_block):
        read(text)


@pytest.mark.parametrize(
    "piece",
    [
        "\\boxed{",
        "answer: ",
        "<answer>",
        "(",
        "-",
        "\n",
        " ",
        "1,111",
        "$",
        "\\text{",
        "**",
        "```\n",
        "a ",
        "9",
        "^ ",
    ],
)
def test_degenerate_loops_are_read_quickly(piece: str) -> None:
    text = piece * (20_000 // len(piece))
    started = time.perf_counter()
    for read in (boxed, tagged, integer_answer, number_answer, choice_answer, code_block):
        read(text)
    assert time.perf_counter() - started < 2
