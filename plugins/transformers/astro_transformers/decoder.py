"""The decode loop: sequences are prefilled, decoded token by token, and removed at their end."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Seq
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers.cache_utils import DynamicCache

from astro.data.detokenizer import Detokenizer
from astro.requests import Failure
from astro.types import Completion, FinishReason
from astro_transformers.cache import RowCache, State, contents
from astro_transformers.forward import Forward, by_length, right_aligned
from astro_transformers.prefixes import PrefixStore
from astro_transformers.rows import Rows, Sequence
from astro_transformers.sampler import sample, uniforms
from astro_transformers.text import StopTable, stop_end, tail_tokens

Finished = tuple[Sequence, Completion | Failure]


class Decoder:
    """Decodes up to `max_batch` sequences at once.

    The tokens of a sequence depend only on its prompt and its key. The other sequences of the batch
    affect only the rounding of its logits.
    """

    def __init__(
        self,
        forward: Forward,
        detokenizer: Detokenizer,
        *,
        vocab_size: int,
        eos: frozenset[int],
        max_batch: int,
        prefix_bytes: int,
    ) -> None:
        self._forward = forward
        self._detokenizer = detokenizer
        self._stops = StopTable(detokenizer, vocab_size)
        self._is_eos = np.isin(np.arange(vocab_size), list(eos))
        self._max_batch = max_batch
        self._rows = Rows(max_batch)
        self._cache = RowCache()
        self._prefixes = PrefixStore(prefix_bytes)
        self.computed_prompt_tokens = 0

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def free(self) -> int:
        """The number of further sequences that may join."""
        return self._max_batch - len(self)

    def join(self, sequences: Seq[Sequence]) -> list[Finished]:
        """Add sequences to the batch, and return those that end with their first token.

        A sequence whose prompt is a stored prefix and one further token starts from the stored keys
        and values. The other prompts are prefilled, each distinct prompt once, and the first tokens
        of their sequences are sampled.
        """
        siblings: dict[tuple[int, ...], list[Sequence]] = {}
        for sequence in sequences:
            siblings.setdefault(sequence.prompt, []).append(sequence)
        known = [(prompt, self._prefixes.get(prompt[:-1])) for prompt in siblings]
        self._continue([(siblings[p], state) for p, state in known if state is not None])
        prompts = [prompt for prompt, state in known if state is None]
        finished: list[Finished] = []
        for group in by_length([len(prompt) for prompt in prompts]):
            finished += self._prefill([siblings[prompts[i]] for i in group])
        return finished

    def advance(self) -> list[Finished]:
        """Decode one token for every sequence, and return the sequences that end with it."""
        rows, cache = self._rows, self._cache
        if not rows:
            return []
        cache.reserve(len(rows), cache.width)
        context = torch.from_numpy(rows.context[: len(rows)]).to(self._forward.device)
        ids = torch.from_numpy(rows.last[: len(rows)]).to(self._forward.device)
        mask = right_aligned(context + 1, cache.width + 1)
        logits = self._forward(ids[:, None], mask, context[:, None], cache.past)
        cache.appended()
        rows.context[: len(rows)] += 1
        return self._take(0, logits[:, -1])

    def clear(self) -> None:
        """Clear the caches. Called when weights have changed, while no sequence is decoded."""
        self._cache.clear()
        self._prefixes.clear()

    def _continue(self, groups: Seq[tuple[Seq[Sequence], State]]) -> None:
        if groups:
            rows = [siblings for siblings, _ in groups]
            past = self._cache.aligned([state for _, state in groups])
            self._cache.insert(past, self._sources(rows))
            added = list(chain.from_iterable(rows))
            self._add(added, [len(sequence.prompt) - 1 for sequence in added])
            self.computed_prompt_tokens += len(added)

    def _prefill(self, groups: Seq[Seq[Sequence]]) -> list[Finished]:
        past = DynamicCache()
        prompts = [group[0].prompt for group in groups]
        logits = self._forward.prompts(prompts, past)
        sources = self._sources(groups)
        self._cache.insert(contents(past), sources)
        first = len(self)
        added = list(chain.from_iterable(groups))
        self._add(added, [len(sequence.prompt) for sequence in added])
        self.computed_prompt_tokens += sum(map(len, prompts))
        return self._take(first, logits[sources, -1])

    def _sources(self, groups: Seq[Seq[Sequence]]) -> Tensor:
        """The index of the group of each sequence, `[N]`."""
        sources = torch.tensor([i for i, group in enumerate(groups) for _ in group])
        return sources.to(self._forward.device)

    def _add(self, sequences: Seq[Sequence], context: Seq[int]) -> None:
        self._rows.add(sequences, [self._stops.index(s.stop) for s in sequences], context=context)

    def _take(self, start: int, logits: Tensor) -> list[Finished]:
        """Sample a token for each row from `start` on; `logits` are `[B - start, V]`."""
        rows = self._rows
        now = slice(start, len(rows))
        drawn = sample(
            logits,
            self._to_device(rows.temperature[now]),
            self._to_device(rows.top_p[now]),
            self._to_device(uniforms(rows.key[now], rows.generated[now])),
        )
        tokens, logprobs = drawn[0].cpu().numpy(), drawn[1].cpu().numpy()
        rows.append(start, tokens, logprobs)
        return self._retire(self._ended(start, tokens, logprobs))

    def _ended(
        self, start: int, tokens: NDArray[np.int64], logprobs: NDArray[np.float32]
    ) -> Iterator[tuple[int, Completion | Failure]]:
        rows = self._rows
        now = slice(start, len(rows))
        broken = ~np.isfinite(logprobs)
        over = self._is_eos[tokens] | (rows.generated[now] >= rows.limit[now])
        watched = self._stops.candidates(rows.stop[now], tokens)
        for offset in np.flatnonzero(over | broken | watched).tolist():
            row = start + offset
            if broken[offset]:
                yield row, Failure("the model's probabilities are not finite")
            elif over[offset] or self._may_have_stopped(row):
                completion = self._completion(row, bool(self._is_eos[tokens[offset]]))
                if over[offset] or completion.finish_reason is FinishReason.STOP:
                    yield row, completion

    def _may_have_stopped(self, row: int) -> bool:
        stop = self._rows.sequences[row].stop
        tail = self._rows.token_ids(row)[-tail_tokens(stop) :]
        return stop_end(self._detokenizer.text((), tail), stop) is not None

    def _completion(self, row: int, eos: bool) -> Completion:
        """The completion of a row so far.

        Text after a stop string is cut off. In that case the token ids are left out, because they
        would decode to more than the text; the log-probabilities are kept.
        """
        sequence = self._rows.sequences[row]
        ids = self._rows.token_ids(row)
        text = self._detokenizer.text(sequence.prompt, ids[:-1] if eos else ids)
        end = stop_end(text, sequence.stop)
        exact = end is None or end == len(text)
        unstopped = FinishReason.EOS if eos else FinishReason.LENGTH
        return Completion(
            text=text[:end],
            token_ids=tuple(ids) if exact else (),
            logprobs=tuple(self._rows.token_logprobs(row)),
            finish_reason=unstopped if end is None else FinishReason.STOP,
        )

    def _retire(self, ended: Iterator[tuple[int, Completion | Failure]]) -> list[Finished]:
        results = dict(ended)
        if not results:
            return []
        finished = [(self._rows.sequences[row], result) for row, result in results.items()]
        for row, result in results.items():
            self._remember(row, result)
        self._cache.erase([row for row, end in results.items() if isinstance(end, Failure)])
        to, source = self._rows.remove(list(results))
        longest = int(self._rows.context[: len(self)].max(initial=0))
        self._cache.keep(len(self), longest, self._to_device(to), self._to_device(source))
        return finished

    def _remember(self, row: int, result: Completion | Failure) -> None:
        """Store the keys and values of a step, because the next step may continue it."""
        if isinstance(result, Failure) or result.finish_reason is not FinishReason.STOP:
            return
        if not self._prefixes.limit:
            return
        prefix = self._rows.sequences[row].prompt + result.token_ids[:-1]
        if len(prefix) == self._rows.context[row] and prefix not in self._prefixes:
            self._prefixes.put(prefix, self._cache.state(row, len(prefix)))

    def _to_device(self, array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(array).to(self._forward.device)
