"""The reward model `vllm_reward_model`: logits of vLLM, read as `reward_model` reads them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from astro.errors import PolicyError
from astro.plugins import models
from astro.requests import Failure, Reply, Score
from astro_hf.reward_families import OUTCOME, encoder, family_of, marks, unknown_family
from astro_hf.score_queue import Prefix, ScoreQueue
from astro_hf.tokenizers import load_tokenizer
from astro_vllm import engine
from astro_vllm.params import RewardModelParams

if TYPE_CHECKING:
    from torch import Tensor
    from vllm.inputs.engine import TokensInput

_NEXT_TOKEN = ("math_shepherd", "rlhflow_prm")
"""Families that judge a step by the logits of two next tokens."""


class VllmRewardModel:
    """A `Backend` that answers `Score` requests with probabilities in (0, 1), computed by vLLM.

    A process model gives one score per step, an outcome model one per response.

    Raises:
        PolicyError: vLLM cannot serve the model, or its family is not known or not served.
    """

    def __init__(self, params: RewardModelParams) -> None:
        name = models.checkpoint(params.model)
        tokenizer = load_tokenizer(name)
        family = params.family if params.family != "auto" else family_of(name)
        if not family:
            raise unknown_family(params.model)
        if family == "skywork_prm":
            raise PolicyError(
                "vLLM does not serve reward models with a value head",
                "set the name of this model to reward_model",
            )
        self._good = 0 if family in _NEXT_TOKEN else 1
        self._engine = engine.start(params, **_pooling(family, tokenizer, params.model))
        self._names = map(str, itertools.count())
        self._queue = ScoreQueue(
            encoder(family, tokenizer, params.separator),
            outcome=family == OUTCOME,
            max_length=self._engine.model_config.max_model_len - 1,
        )

    def add(self, ticket: int, request: Score) -> None:
        """Queue a request. An invalid request is answered with a `Failure`."""
        self._queue.add(ticket, request)

    def step(self, block: bool = False) -> list[tuple[int, Reply | Failure]]:  # noqa: ARG002
        """Score everything that is queued."""
        from vllm import PoolingParams

        wanted: dict[str, tuple[Prefix, list[int]]] = {}
        for ids, lengths in self._queue.unknown():
            name = next(self._names)
            tokens: TokensInput = {"type": "token", "prompt_token_ids": list(ids)}
            asked = PoolingParams(task="token_classify", use_activation=False)
            self._engine.add_request(name, tokens, asked)
            wanted[name] = ids, lengths
        while wanted:
            for output in self._engine.step():
                ids, lengths = wanted.pop(output.request_id)
                probabilities = self._probabilities(output.outputs.data, lengths)
                self._queue.learn(ids, dict(zip(lengths, probabilities, strict=True)))
        return self._queue.replies()

    def close(self) -> None:
        """Free the model and stop its processes."""
        self._engine.engine_core.shutdown()
        del self._engine

    def counters(self) -> Mapping[str, float]:
        """Return `prompt_tokens`, and how many of them were not computed anew."""
        return self._queue.counters()

    def _probabilities(self, logits: Tensor, lengths: list[int]) -> list[float]:
        """The probability of each beginning of an input, whose logits are `[T, labels]`."""
        read = logits[[length - 1 for length in lengths]].float()
        if read.shape[1] == 1:
            found: list[float] = read[:, 0].sigmoid().tolist()
        else:
            found = read.softmax(-1)[:, self._good].tolist()
        return found


def _pooling(family: str, tokenizer: Any, model: str) -> dict[str, Any]:
    """Return the arguments with which vLLM computes the logits of a family at every token."""
    from vllm.config import PoolerConfig

    everywhere = PoolerConfig(tok_pooling_type="ALL")
    chosen: dict[str, Any] = {"runner": "pooling", "pooler_config": everywhere}
    chosen["skip_tokenizer_init"] = True
    if family in _NEXT_TOKEN:
        tokens = tokenizer.convert_ids_to_tokens(marks(family, tokenizer, model))
        labels = {"classifier_from_token": tokens, "method": "no_post_processing"}
        chosen |= {"convert": "classify", "hf_overrides": labels}
    return chosen
