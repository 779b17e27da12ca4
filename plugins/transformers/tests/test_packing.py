from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import Gemma2Config, Gemma2ForCausalLM, PreTrainedModel

from astro.data.samples import TrainingSample
from astro.errors import TrainingError
from astro_hf.checkpoints import load_model
from astro_transformers.packing import packed
from astro_transformers.token_loss import plain_head, summed, token_loss
from astro_transformers.traces import collate, flatten

IDS = tuple(range(2, 12))
SAMPLES = [
    TrainingSample((3, 4), IDS, (True,) * 4 + (False,) * 3 + (True,) * 3),
    TrainingSample((5,), IDS[::-1][:4], (True,) * 4),
    TrainingSample((6, 7, 8, 9), (2, 3), (False, True)),
]


def load(path: str) -> PreTrainedModel:
    return load_model(path, device=torch.device("cpu"), dtype="float32")


def loss_and_gradients(
    model: PreTrainedModel, inputs: dict[str, Any]
) -> tuple[float, dict[str, Tensor]]:
    model.zero_grad()
    loss = model(**inputs)["loss"]
    loss.backward()
    named = model.named_parameters()
    return loss.item(), {name: p.grad.clone() for name, p in named if p.grad is not None}


def each_alone(model: PreTrainedModel) -> float:
    """The mean of the token losses, each sample in a call of its own, by transformers' own loss."""
    with torch.no_grad():
        sums = [s.loss_tokens * model(**collate([[s]])).loss.item() for s in SAMPLES]
    return sum(sums) / sum(s.loss_tokens for s in SAMPLES)


@pytest.mark.parametrize("family", ["llama", "sliding", "absolute", "latent"])
def test_packed_loss_and_gradients_equal_those_of_padded_batches(
    family: str, request: pytest.FixtureRequest
) -> None:
    model = load(request.getfixturevalue(family))
    expected = each_alone(model)
    with token_loss(model):
        padded, gradients = loss_and_gradients(model, collate([SAMPLES]))
        with packed(model):
            assert flatten([SAMPLES])["input_ids"].shape == (1, sum(s.length for s in SAMPLES))
            together, others = loss_and_gradients(model, flatten([SAMPLES]))
    assert padded == pytest.approx(expected, abs=1e-5)
    assert together == pytest.approx(expected, abs=1e-5)
    assert set(gradients) == set(others)
    for name, gradient in gradients.items():
        assert torch.allclose(gradient, others[name], atol=1e-5), name
    assert "forward" not in vars(model) and model.config._attn_implementation == "sdpa"


def test_a_model_that_mixes_sequences_is_refused(llama: str) -> None:
    model = load(llama)
    own = model.base_model.forward
    model.base_model.forward = lambda input_ids, **_: own(input_ids, use_cache=False)
    with pytest.raises(TrainingError, match="mixes the sequences"), packed(model):
        pass


def test_logits_that_are_capped_keep_their_cap() -> None:
    torch.manual_seed(0)
    shape = {"vocab_size": 16, "hidden_size": 16, "intermediate_size": 16, "head_dim": 8}
    layers = {"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2}
    config = Gemma2Config(**shape, **layers, final_logit_softcapping=0.5, initializer_range=1.0)
    model = Gemma2ForCausalLM(config).eval()
    expected = each_alone(model)
    assert plain_head(model) is None
    with token_loss(model):
        loss, _ = loss_and_gradients(model, collate([SAMPLES]))
    assert loss == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("piece", [9, 18, 1000])
def test_pieces_sum_to_the_whole(piece: int) -> None:
    torch.manual_seed(0)
    head, targets = nn.Linear(4, 9), torch.arange(7)
    hidden = torch.randn(7, 4, requires_grad=True)
    whole = nn.functional.cross_entropy(head(hidden), targets, reduction="sum")
    (expected,) = torch.autograd.grad(whole, hidden)
    loss = summed(head, hidden, targets, piece)
    (found,) = torch.autograd.grad(loss, hidden)
    assert loss.item() == pytest.approx(whole.item(), abs=1e-5)
    assert torch.allclose(found, expected, atol=1e-6)
