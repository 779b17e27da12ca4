from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import AutoConfig

from astro_hf.errors import CheckpointError
from astro_hf.memory import GRADIENTS, OPTIMIZER, WEIGHTS, Adam, Meter, backward, outlined, stored

CPU, GPU = torch.device("cpu"), torch.device("cuda")
SHAPE = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "vocab_size": 500}
SHAPE |= {"num_attention_heads": 4, "num_key_value_heads": 2}
LAYER = 64 * (64 + 32 + 32 + 64) + 3 * 64 * 96 + 2 * 64
"""The weights of a layer: four of attention, three of its MLP, and two norms."""


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A folder with the config alone; the output layer is tied to the embeddings."""
    AutoConfig.for_model("llama", tie_word_embeddings=True, **SHAPE).save_pretrained(tmp_path)
    return str(tmp_path)


def test_what_is_freed_counts_no_more() -> None:
    meter = Meter(GPU)
    with FakeTensorMode(), meter:
        first = torch.empty(1000)
        second = first + 1
        view = second[10:]
        del first
        third = view * 2
        meter.label = "small"
        del second, view
        torch.empty(10)
    del third
    peak = meter.result()
    assert peak.passing == {"activations": 4000 + 4000}
    assert peak.device == "cuda"


def test_weights_gradients_and_moments_are_16_bytes_a_parameter(config: str) -> None:
    count = 500 * 64 + 3 * LAYER + 64
    meter = Meter(GPU)
    with outlined(config, dtype=torch.float32) as model:
        assert sum(p.numel() for p in model.parameters()) == count
        held = meter.hold(WEIGHTS, stored(model))
        optimizer = Adam(model.parameters(), 0, meter)
        with meter:
            optimizer.prepare()
            backward(model(input_ids=torch.zeros((1, 2), dtype=torch.long)).logits.sum(), meter)
            left = dict(meter.now)
            optimizer.step()
    assert 4 * count <= held < 4 * count + 1000  # rotary frequencies
    assert left[OPTIMIZER] == 8 * count
    assert left[GRADIENTS] == 4 * count
    assert meter.now[GRADIENTS] == 0


def test_a_config_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "poem"}')
    with (
        pytest.raises(CheckpointError, match="poem"),
        outlined(str(tmp_path), dtype=torch.float32),
    ):
        pass
