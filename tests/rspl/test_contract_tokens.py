"""The token estimate is never below what real tokenizers count."""

from __future__ import annotations

import base64
import importlib
import importlib.util
import random
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agp.rspl.contract import contract_of, estimate
from agp.rspl.discovery import discover, library_root
from agp.rspl.view import View

Count = Callable[[str], int]


def texts() -> dict[str, str]:
    """What descriptions and schemas may hold."""
    chance = random.Random(0)
    records = discover([library_root()]).values()
    by_digest = {record.digest: record for record in records}
    view = View({record.id: d for d, record in by_digest.items()}, by_digest.__getitem__)

    def letters(alphabet: str, most: int) -> str:
        sizes = [chance.randint(1, most) for _ in range(300)]
        return " ".join("".join(chance.choices(alphabet, k=size)) for size in sizes)

    return {
        "contract": contract_of(view).text,
        "code": Path(__file__).read_text(encoding="utf-8"),
        "hex": "".join(chance.choices("0123456789abcdef", k=2000)),
        "base64": base64.b64encode(chance.randbytes(1500)).decode(),
        "random words": letters(string.ascii_lowercase, 12),
        "random letters": letters(string.ascii_letters, 12),
        "numbers": " ".join(str(chance.randrange(10**9)) for _ in range(200)),
        "punctuation": "".join(chance.choices(string.punctuation, k=1000)),
        "capitals": "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG " * 9,
        "German": "Die Donaudampfschifffahrtsgesellschaft prüft Geschwindigkeitsbegrenzungen. " * 9,
        "Polish": "Chrząszcz brzmi w trzcinie w Szczebrzeszynie. " * 9,
        "Finnish": "Lentokonesuihkuturbiinimoottoriapumekaanikko taitaa olla aliupseerioppilas. "
        * 9,
        "Swahili": "Tafadhali nisaidie kutafsiri maneno haya kwa lugha ya Kiswahili. " * 9,
        "Malay": "Permintaan untuk menyeimbangkan pertanggungjawaban dipertimbangkan. " * 9,
        "chemistry": "methylchloroisothiazolinone tetrahydrocannabinol azithromycin " * 9,
        "Chinese": "请用计算器计算百分之十七。龘靐齉爩。" * 9,
        "Japanese": "本契約は、管理された資源が何をできるかを述べる。" * 9,
        "Korean": "도구를 호출하려면 이름과 인수를 주십시오. " * 9,
        "Arabic": "يرجى استخدام الآلة الحاسبة لحساب النسبة. " * 9,
        "Hindi and Thai": "कृपया कैलकुलेटर का उपयोग करें। กรุณาใช้เครื่องคิดเลข " * 9,
        "emoji": "👩‍👩‍👧‍👦🏳️‍🌈🇩🇪🤖💥✨👍🏽" * 20,
        "mathematics": "∀ε>0 ∃δ: |x−a|<δ ⇒ |f(x)−L|<ε; ∑_{i=1}^n x_i² ≤ ∫₀^∞ e^{−t²} dt " * 9,
        "white space": "a\n\n\n   b\t\t\tc  \r\n" * 40,
        "escapes": r"\n\t\u0060\"{}[]()<|im_end|>" * 20,
        "invisible": "\x00\x01\x7f\u200b\u2028\ufeff" * 30,
    }


def bundled() -> Path:
    """Tokenizers that the litellm package carries, so that nothing is downloaded."""
    found = importlib.util.find_spec("litellm")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "litellm_core_utils" / "tokenizers"


def openai(name: str, monkeypatch: pytest.MonkeyPatch) -> Count:
    tiktoken = pytest.importorskip("tiktoken")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(bundled()))
    try:
        encoding = tiktoken.get_encoding(name)
    except OSError as error:
        pytest.skip(f"{name} is not on this machine: {error}")
    return lambda text: len(encoding.encode(text, disallowed_special=()))


def claude(_: str, __: pytest.MonkeyPatch) -> Count:
    tokenizers = pytest.importorskip("tokenizers")
    path = bundled() / "anthropic_tokenizer.json"
    if not path.is_file():
        pytest.skip(f"there is no {path}")
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    return lambda text: len(tokenizer.encode(text).ids)


def embedded(_: str, __: pytest.MonkeyPatch) -> Count:
    from agp.errors import ModelError
    from agp.models.embedded import weights
    from agp.models.embedded.catalog import DEFAULT

    llama_cpp = pytest.importorskip("llama_cpp")
    try:
        path = weights.locate(DEFAULT)
    except ModelError as error:
        pytest.skip(str(error))
    model = llama_cpp.Llama(str(path), vocab_only=True, verbose=False)
    return lambda text: len(model.tokenize(text.encode(), add_bos=False, special=False))


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (openai, "o200k_base"),
        (openai, "cl100k_base"),
        (openai, "p50k_base"),
        (claude, "claude"),
        pytest.param(embedded, "embedded", marks=pytest.mark.model),
    ],
)
def test_the_estimate_is_never_too_low(
    make: Callable[[str, pytest.MonkeyPatch], Count], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = make(name, monkeypatch)
    low = {
        title: (estimate(text), count(text))
        for title, text in texts().items()
        if estimate(text) < count(text)
    }
    assert low == {}


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_estimate_is_between_nothing_and_the_bytes(text: str) -> None:
    assert len(text) / 64 <= estimate(text) <= len(text.encode())
