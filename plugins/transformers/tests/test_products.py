from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from astro_transformers import products
from astro_transformers.products import PartwiseLinear, use_parts

SHAPE = {
    "hidden_size": 8,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1, 8), (3, 1, 8), (2, 5, 8), (65, 8)])
def test_parts_are_the_whole(shape: tuple[int, ...], bias: bool) -> None:
    layer = nn.Linear(8, 3 * products._OUTPUTS + 7, bias=bias)
    inputs = torch.randn(shape)
    whole = layer(inputs)
    layer.__class__ = PartwiseLinear
    torch.testing.assert_close(layer(inputs), whole, rtol=0, atol=1e-6)


def test_few_rows_are_computed_in_parts_of_equal_size(monkeypatch: pytest.MonkeyPatch) -> None:
    widths: list[int] = []

    def spied(inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        widths.append(len(weight))
        return nn.functional.linear(inputs, weight, bias)

    monkeypatch.setattr(products, "linear", spied)
    monkeypatch.setattr(products, "_OUTPUTS", 10)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    PartwiseLinear(8, 45)(torch.zeros(3, 1, 8))
    assert widths == [20, 20, 5]
    for rows in (1, 65):
        PartwiseLinear(8, 45)(torch.zeros(rows, 8))
    assert len(widths) == 3


@pytest.mark.parametrize(
    ("vocabulary", "dtype", "found"),
    [
        (5000, torch.float32, {"lm_head"}),
        (100, torch.float32, set()),
        (5000, torch.bfloat16, set()),
    ],
)
def test_large_layers_in_float32_are_divided(
    vocabulary: int, dtype: torch.dtype, found: set[str]
) -> None:
    config = AutoConfig.for_model("llama", vocab_size=vocabulary, **SHAPE)
    model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    names = set(model.state_dict())
    use_parts(model)
    assert {n for n, layer in model.named_modules() if type(layer) is PartwiseLinear} == found
    assert set(model.state_dict()) == names
