"""`astro model check`: what is seen in a checkpoint, and what is refused with its remedy."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from strange_checkpoints import CHECKPOINTS

from astro.errors import AstroError
from astro_transformers.command import model

PROMPT = "<|turn|>user\nWhat is 3 + 4?<|done|>\n<|turn|>assistant\n"


def check(*words: str) -> Result:
    return CliRunner().invoke(model, ["check", *words], catch_exceptions=False)


def seen(folder: Path, name: str, *words: str, code: int = 0) -> dict[str, Any]:
    CHECKPOINTS[name](folder)
    result = check(str(folder), "--json", *words)
    assert result.exit_code == code
    facts: dict[str, Any] = json.loads(result.stdout)
    return facts


@pytest.mark.parametrize("words", [(), ("--no-weights",)])
def test_a_checkpoint_is_described(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert seen(tmp_path, "softcap", *words) == {
        "model": str(tmp_path),
        "family": "gemma2",
        "architecture": "Gemma2ForCausalLM",
        "vocabulary": 375,
        "stored_dtype": "float32",
        "parameters": 27648,
        "dtype": "float32",
        "weights_mib": 0.1,
        "attention": "eager",
        "max_length": 256,
        "tokens": 375,
        "prompts": "chat template",
        "prompt": PROMPT,
        "end_token": "4 <|done|>",
        "stop_tokens": ["0 <pad>", "1 <bos>", "2 <eos>", "3 <|turn|>", "4 <|done|>"],
        "notices": [],
        "refusals": [],
    }


@pytest.mark.parametrize(
    ("name", "reason", "remedy"),
    [
        ("fp8", "training: model .* has quantized weights", "bfloat16"),
        ("no-lm-head", "lm_head.weight", "download it again"),
        ("named-templates", "several chat templates", "prompt.template: search or tools"),
        ("encoder", "not causal", "take a decoder"),
        ("small-vocabulary", "token 375 of a prompt", "resize"),
    ],
)
def test_each_refusal_has_its_remedy(tmp_path: Path, name: str, reason: str, remedy: str) -> None:
    CHECKPOINTS[name](tmp_path)
    result = check(str(tmp_path))
    assert result.exit_code == 2
    lines = result.stdout.splitlines()
    refused = [i for i, line in enumerate(lines) if line.startswith("refused: ")]
    assert len(refused) == 1 and re.search(reason, lines[refused[0]])
    assert remedy in lines[refused[0] + 1]


def test_a_remedy_can_be_tried(tmp_path: Path) -> None:
    assert seen(tmp_path, "named-templates", "--prompt", "{template: search}")["prompt"] == PROMPT
    assert check(str(tmp_path), "--prompt", "{style: raw}").exit_code == 0


def test_what_other_engines_refuse_is_a_notice(tmp_path: Path) -> None:
    (notice,) = seen(tmp_path, "llama-class")["notices"]
    assert "vllm and openrlhf refuse it" in notice and "tokenizer_class" in notice


@pytest.mark.parametrize(
    "words", [("--prompt", "{style: x}"), ("--dtype", "int8"), ("--prompt", "{")]
)
def test_bad_options_are_told_in_one_line(tmp_path: Path, words: tuple[str, str]) -> None:
    with pytest.raises(AstroError) as error:
        check(str(tmp_path), *words)
    assert "\n" not in str(error.value)
