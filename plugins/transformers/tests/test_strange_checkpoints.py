"""Checkpoints with peculiarities work as they are, or are refused in one line when loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from strange_checkpoints import CHECKPOINTS, edit_weights
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

from astro.data.prompts import PromptEncoder
from astro.data.samples import SampleBuilder
from astro.errors import AstroError, TrainingError
from astro.interfaces import SFTJob, TrainResult
from astro.plugins.binding import PromptConfig
from astro.requests import LogProb
from astro.testing.policies import all_replies
from astro.types import Prompt, Segment
from astro_hf.checkpoints import load_model
from astro_hf.look import check_saved
from astro_hf.tokenizers import load_tokenizer
from astro_transformers.params import PolicyParams, SFTParams
from astro_transformers.policy import TransformersPolicy
from astro_transformers.sft import TransformersSFT

REFUSED = {
    "encoder": "not causal",
    "no-cache": "no keys and values",
    "no-layer": r"lacks 9 tensors \(model.layers.1.input_layernorm.weight, .* and 6 more\)",
    "no-lm-head": r"lacks 1 tensors \(lm_head.weight\)",
    "no-norm": r"lacks 1 tensors \(model.norm.weight\)",
    "wrong-shape": r"has 6 tensors \(model.layers.0.mlp.down_proj.weight, .* of another shape",
    "not-numbers": "probabilities that are not numbers",
    "halved": "cannot load the model of .* incomplete metadata",
    "fp8-unscaled": r"has 14 tensors \(model.layers.0.mlp.down_proj.weight_scale_inv, ",
    "small-vocabulary": "token 375 of a prompt lies outside .* vocabulary of 375",
    "wordpiece": "its tokenizer changes text",
    "beams": "do not support `num_return_sequences`",
    "named-templates": "prompt.template: search or tools",
    "template-raises": "roles must alternate",
    "template-syntax": "unexpected '}'",
}
RIGHT = sorted(CHECKPOINTS.keys() - REFUSED)
TEXT = "so 12.\n\nBut wait"
CPU = torch.device("cpu")

Made = Callable[[str], str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = tmp_path_factory.mktemp("checkpoints")

    def make(name: str) -> str:
        if not (root / name).exists():
            CHECKPOINTS[name](root / name)
        return str(root / name)

    return make


def policy(model: str, **params: object) -> TransformersPolicy:
    return TransformersPolicy(PolicyParams.model_validate({"model": model, **params}))


def train(model: str, folder: Path, answer: str = "so 12.", **params: object) -> TrainResult:
    traces = folder / "traces.jsonl"
    row = {"messages": [{"content": "What is 3?"}, {"content": answer}]}
    traces.write_text((json.dumps(row) + "\n") * 2)
    job = SFTJob(traces, model, folder / "run", 0, None)
    chosen = SFTParams.model_validate({"device": "cpu", "learning_rate": 1e-9, **params})
    return TransformersSFT(chosen).train(job, lambda *_: None)


def test_what_cannot_be_used_is_refused_in_one_line(made: Made) -> None:
    for name, reason in REFUSED.items():
        with pytest.raises(AstroError, match=reason) as error:
            policy(made(name))
        assert "\n" not in str(error.value) and "hub name" not in str(error.value)


@pytest.mark.parametrize("name", RIGHT)
def test_scores_are_those_of_the_model_as_it_is_defined(made: Made, name: str) -> None:
    found = policy(made(name), dtype="float32")
    (scores,) = all_replies(found, [LogProb(Prompt("What is 3?"), (TEXT,))])[0]
    prompt = found.prompt_ids(Prompt("What is 3?"))
    ids = found._encoder.following(Prompt("What is 3?"), TEXT)
    stored = Tokenizer.from_file(f"{made(name)}/tokenizer.json")
    before, whole = (
        stored.decode(list(part), skip_special_tokens=False) for part in (prompt, prompt + ids)
    )
    assert whole == before + TEXT
    model = AutoModelForCausalLM.from_pretrained(
        made(name), dtype=torch.float32, attn_implementation="eager"
    ).eval()
    with torch.inference_mode():
        logits = model(torch.tensor([[*prompt, *ids]])).logits[0, len(prompt) - 1 : -1]
    wanted = logits.log_softmax(-1).gather(1, torch.tensor(ids)[:, None])[:, 0]
    torch.testing.assert_close(torch.tensor(scores), wanted, rtol=0, atol=2e-5)


def test_prompts_hold_the_problem_as_the_stored_tokenizer_reads_it(made: Made) -> None:
    tokenizer = load_tokenizer(made("llama-class"))
    stored = Tokenizer.from_file(made("llama-class") + "/tokenizer.json")
    text = "the sum of 3\n\n  and 4"
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == stored.encode(text).ids
    assert tokenizer.decode(stored.encode(text).ids) == text
    assert "the sum of 3" in tokenizer.decode(
        PromptEncoder(tokenizer).user("the sum of 3"), skip_special_tokens=False
    )


@pytest.mark.parametrize("name", ["metaspace", "llama-class", "border", "turn-end"])
def test_training_samples_decode_to_the_response(made: Made, name: str) -> None:
    tokenizer = load_tokenizer(made(name))
    encoder = PromptEncoder(tokenizer)
    texts = ["## Step 1: add 3 and 4.\n", "so the sum is 12.\n\n", "But wait, check: 7.\n"]
    sample = SampleBuilder(encoder).build("What is 3?", [Segment(text) for text in texts])
    stored = Tokenizer.from_file(f"{made(name)}/tokenizer.json")
    before, whole = (
        stored.decode(list(ids), skip_special_tokens=False)
        for ids in (sample.prompt_ids, sample.ids)
    )
    assert whole == before + "".join(texts) + tokenizer.decode([encoder.end_id()])


def test_an_end_outside_the_vocabulary_is_refused_where_it_is_the_only_one(made: Made) -> None:
    with pytest.raises(AstroError, match="the end of a response lies outside"):
        policy(made("eos-outside"), prompt=PromptConfig(style="raw"))
    assert policy(made("eos-outside"))._encoder.end_id() == 4


def test_attention_that_drops_the_cap_of_scores_is_refused(made: Made) -> None:
    with pytest.raises(AstroError, match="caps its attention scores"):
        policy(made("softcap"), attn_implementation="sdpa")
    assert policy(made("metaspace"), attn_implementation="eager")


def test_a_table_of_positions_has_an_end(made: Made, tmp_path: Path) -> None:
    with pytest.raises(AstroError, match="beyond 48 tokens the model has no positions"):
        policy(made("learned-positions"), max_length=300)
    with pytest.raises(AstroError, match="set max_length to at most 48"):
        train(made("learned-positions"), tmp_path, max_length=300)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("fp8", r"quantized weights \(fp8\), which cannot be trained"),
        ("no-layer", "lacks 9 tensors"),
        ("encoder", "not causal"),
        ("small-vocabulary", "token 375 of a prompt"),
        ("wordpiece", "its tokenizer changes text"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_the_first_step(
    made: Made, tmp_path: Path, name: str, reason: str
) -> None:
    with pytest.raises(AstroError, match=reason):
        train(made(name), tmp_path)


def test_a_tokenizer_that_loses_the_text_of_traces_is_refused(made: Made, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="does not keep the text of 2 of 2 traces"):
        train(made("eating-tokens"), tmp_path, "so <think>\nwe add </think>\n\n12")


def test_a_trace_with_a_token_outside_the_vocabulary_is_refused(made: Made, tmp_path: Path) -> None:
    with pytest.raises(AstroError, match="token 375 of a trace lies outside"):
        train(made("eos-outside"), tmp_path, "so <|fin|> 12")


@pytest.mark.parametrize("name", ["generation-config", "llama-class", "metaspace"])
def test_a_trained_model_is_saved_and_reads_as_its_start(
    made: Made, tmp_path: Path, name: str
) -> None:
    result = train(made(name), tmp_path, save_steps=1)
    again, start = load_tokenizer(str(result.model)), load_tokenizer(made(name))
    assert again(TEXT)["input_ids"] == start(TEXT)["input_ids"]
    stored = [json.loads(t.backend_tokenizer.to_str()) for t in (again, start)]
    assert stored[0]["pre_tokenizer"] == stored[1]["pre_tokenizer"]


def test_a_trained_model_has_the_dtype_of_the_stored_weights(made: Made, tmp_path: Path) -> None:
    result = train(made("no-dtype"), tmp_path)
    model = AutoModelForCausalLM.from_pretrained(result.model)
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
    assert json.loads((result.model / "config.json").read_text())["dtype"] == "bfloat16"
    assert policy(made("no-dtype"))._model.dtype is torch.bfloat16
    assert policy(made("no-dtype"), dtype="float16")._model.dtype is torch.float16


def test_files_that_hold_another_model_than_the_trained_one_are_noticed(tmp_path: Path) -> None:
    CHECKPOINTS["metaspace"](tmp_path)
    model = load_model(str(tmp_path), device=CPU, dtype="auto")
    tokenizer = load_tokenizer(str(tmp_path))
    check_saved(tmp_path, model, tokenizer)
    edit_weights(tmp_path, lambda found: {k: v * 1.1 for k, v in found.items()})
    with pytest.raises(TrainingError, match="its log-probabilities are off by"):
        check_saved(tmp_path, model, tokenizer)


def test_a_folder_that_was_found_is_said_to_be_damaged(tmp_path: Path) -> None:
    CHECKPOINTS["metaspace"](tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 40)
    with pytest.raises(AstroError, match="it was found, but it is damaged, incomplete") as error:
        policy(str(tmp_path))
    assert "hub name" not in str(error.value) and "\n" not in str(error.value)
