"""The tiny model and its pretraining loop."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM
from vocabulary import EOS, FIRST_NUMBER, NUMBERS, PAD, VOCABULARY


@dataclass(frozen=True)
class TrainRecipe:
    """How the model is pretrained."""

    layers: int = 3
    width: int = 128
    heads: int = 4
    mlp: int = 384
    tied: bool = True
    steps: int = 4500
    batch_pages: int = 8
    muon_lr: float = 0.02
    adam_lr: float = 3e-3
    weight_decay: float = 0.01
    warmup: int = 30
    decay_share: float = 0.6
    """Share of the steps over which the learning rate decays linearly to 0 at the end."""
    seed: int = 0
    device: str = "cpu"


def build_model(recipe: TrainRecipe) -> LlamaForCausalLM:
    """Build a small multi-query Llama with number embeddings from `number_features`."""
    torch.manual_seed(recipe.seed)
    pad, eos = VOCABULARY.index(PAD), VOCABULARY.index(EOS)
    config = LlamaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=recipe.width,
        intermediate_size=recipe.mlp,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=1,
        max_position_embeddings=1024,
        tie_word_embeddings=recipe.tied,
        bos_token_id=None,
        eos_token_id=eos,
        pad_token_id=pad,
    )
    model = LlamaForCausalLM(config)
    weight = model.get_input_embeddings().weight
    weight.data[FIRST_NUMBER:] = (
        number_features(config.hidden_size) * config.initializer_range * math.sqrt(2)
    )
    return model


def number_features(size: int) -> Tensor:
    """Return sines and cosines of each number with periods from 2 to 200, `[numbers, size]`.

    Close numbers have similar features.
    """
    periods = torch.logspace(math.log10(2), math.log10(200), size // 2)
    phases = 2 * math.pi * torch.arange(len(NUMBERS))[:, None] / periods
    return torch.cat([phases.sin(), phases.cos()], dim=1)


def build_optimizers(model: nn.Module, recipe: TrainRecipe) -> list[torch.optim.Optimizer]:
    """Build Muon for the matrices of the layers, and AdamW for embeddings and norms."""
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "layers" in name]
    others = [p for name, p in model.named_parameters() if not (p.ndim == 2 and "layers" in name)]
    return [
        torch.optim.Muon(matrices, lr=recipe.muon_lr, weight_decay=recipe.weight_decay),
        torch.optim.AdamW(others, lr=recipe.adam_lr, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def schedule(step: int, recipe: TrainRecipe) -> float:
    """Return the factor of the learning rate: linear warm-up, constant, linear decay to 0."""
    decay = (recipe.steps - step) / (recipe.decay_share * recipe.steps)
    return min((step + 1) / recipe.warmup, 1.0, decay)


def pretrain(
    model: LlamaForCausalLM,
    pages: tuple[Tensor, Tensor],
    recipe: TrainRecipe,
    report: Callable[[int, float, float], None],
) -> None:
    """Train for one pass over ids and labels, `[steps * batch_pages, length]`; bfloat16 on a GPU.

    `report` is called with the step, the mean loss since the last report, and the seconds so far.
    """
    model.to(recipe.device)
    optimizers = build_optimizers(model, recipe)
    schedulers = [
        torch.optim.lr_scheduler.LambdaLR(o, lambda step: schedule(step, recipe))
        for o in optimizers
    ]
    started, losses = time.monotonic(), []
    for step, batch in enumerate(
        zip(*(part.split(recipe.batch_pages) for part in pages), strict=True)
    ):
        ids, labels = (part.to(recipe.device, torch.long) for part in batch)
        with torch.autocast(recipe.device, torch.bfloat16, enabled=recipe.device != "cpu"):
            loss = model(input_ids=ids, labels=labels, use_cache=False).loss
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for item in (*optimizers, *schedulers):
            item.step()
        model.zero_grad()
        losses.append(loss.item())
        if (step + 1) % 100 == 0:
            report(step + 1, sum(losses[-100:]) / 100, time.monotonic() - started)
