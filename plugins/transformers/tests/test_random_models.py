"""Models made on the spot: loadable, equal each time, and at home with any text."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from astro_transformers import random_models

FAMILIES = [random_models.llama, random_models.qwen2, random_models.mistral, random_models.gpt2]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("make", FAMILIES, ids=lambda make: make.__name__)
def test_a_random_model_is_of_its_family_and_small(make: object) -> None:
    folder = make()  # type: ignore[operator]
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.config.model_type == make.__name__  # type: ignore[attr-defined]
    assert model.num_parameters() < 500_000
    assert model.generation_config.eos_token_id == model.config.eos_token_id


def test_any_text_survives_the_tokenizer() -> None:
    tokenizer = AutoTokenizer.from_pretrained(random_models.llama())
    for text in ("Café, ∑ 1/n\n\n## Step 2: \\boxed{\\frac{3}{4}}", "\x00\t  two  spaces \n"):
        assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text
    chat = [{"role": "user", "content": "1 + 1?"}]
    rendered = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    assert rendered == "<|user|>1 + 1?<|assistant|>"


def test_it_is_made_once_and_always_alike(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = torch.random.get_rng_state()
    first = random_models.llama()
    assert torch.equal(state, torch.random.get_rng_state())
    stamp = first.stat().st_mtime_ns
    assert random_models.llama() == first
    assert first.stat().st_mtime_ns == stamp
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.with_name("other")))
    weights = "model.safetensors"
    assert (random_models.llama() / weights).read_bytes() == (first / weights).read_bytes()
    assert [path.name for path in first.parent.iterdir()] == [first.name]
