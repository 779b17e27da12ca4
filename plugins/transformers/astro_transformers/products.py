"""Products of few rows with large weights on a CPU, part by part."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from transformers import PreTrainedModel

_ROWS = range(2, 65)
"""The numbers of rows for which parts are faster than the whole."""
_LARGE = 4096
"""The number of outputs from which on a layer is computed in parts."""
_OUTPUTS = 512
"""The number of outputs of a part, for each thread."""


def use_parts(model: PreTrainedModel) -> None:
    """Let the large float32 layers of a model on the CPU compute few rows in parts.

    A BLAS rearranges the weights for its product. Those of one part then stay in the processor's
    cache: with up to 64 rows, a layer takes half to four fifths of the time.
    """
    for layer in model.modules():
        if type(layer) is nn.Linear and layer.out_features >= _LARGE and _is_slow(layer.weight):
            layer.__class__ = PartwiseLinear


def _is_slow(weight: Tensor) -> bool:
    return weight.device.type == "cpu" and weight.dtype == torch.float32


class PartwiseLinear(nn.Linear):
    """A linear layer that computes its outputs part by part where there are few rows."""

    def forward(self, input: Tensor) -> Tensor:
        """Return `input` `[..., in_features]` times the weights, plus the bias if there is one."""
        if input.numel() // self.in_features not in _ROWS:
            return super().forward(input)
        outputs = _OUTPUTS * torch.get_num_threads()
        weights = self.weight.split(outputs)
        biases = [None] * len(weights) if self.bias is None else self.bias.split(outputs)
        parts = [linear(input, w, b) for w, b in zip(weights, biases, strict=True)]
        return torch.cat(parts, -1)
