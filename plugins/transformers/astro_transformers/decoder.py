"""The decode loop: sequences are prefilled, decoded token by token, and removed at their end."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as Seq
from functools import partial
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers.cache_utils import DynamicCache

from astro.data.detokenizer import Detokenizer
from astro.requests import Failure
from astro.types import Completion, FinishReason
from astro_transformers.cache import Cells, Contents, RowCache, aligned, cells, contents
from astro_transformers.forward import TOKENS_PER_PASS, Forward, by_length, right_aligned
from astro_transformers.prefixes import Ids, PrefixStore, Slots, common_beginnings
from astro_transformers.rows import Rows, Sequence
from astro_transformers.sampler import sample, uniforms
from astro_transformers.text import StopTable, stop_end, tail_tokens

Finished = tuple[Sequence, Completion | Failure]


_SAVED = 64
"""Tokens that must be saved for a shared beginning of prompts to be computed before the rest."""
_GROWTH = 64
"""Tokens by which every sequence of a batch has to be able to grow when one more joins it."""


class Decoder:
    """Decodes up to `max_batch` sequences at once, as far as their keys and values have room.

    The tokens of a sequence depend only on its prompt and its key. The other sequences of the batch
    affect only the rounding of its logits. If the sequences outgrow the room, those with the fewest
    tokens wait, and later begin again: they get the same tokens.

    Args:
        forward: The model.
        detokenizer: Of the model's tokenizer.
        vocab_size: The number of logits.
        eos: The tokens that end a sequence.
        max_batch: The number of sequences decoded at once.
        prefix_bytes: The room for keys and values that sequences may continue.
        cache_bytes: The room for keys and values of the sequences that are decoded and prefilled.
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
        cache_bytes: int,
    ) -> None:
        self._forward = forward
        self._detokenizer = detokenizer
        self._stops = StopTable(detokenizer, vocab_size)
        self._is_eos = np.isin(np.arange(vocab_size), list(eos))
        self._max_batch = max_batch
        self._rows = Rows(max_batch)
        self._shape = forward.one_token()
        self._token_bytes = sum(keys.nbytes + values.nbytes for keys, values in self._shape)
        tokens = cache_bytes // self._token_bytes
        self._prefill_tokens = min(TOKENS_PER_PASS, tokens // 4)
        self._cache = RowCache(limit=tokens - tokens // 4)
        self._prefixes = PrefixStore(prefix_bytes, self._token_bytes)
        self.waiting: deque[Sequence] = deque()
        self.prompt_tokens = self.computed_prompt_tokens = 0

    def __len__(self) -> int:
        return len(self._rows) + len(self.waiting)

    def bytes_for(self, prompt: int, limit: int) -> int:
        """The `cache_bytes` that a sequence of `limit` tokens after `prompt` tokens needs alone.

        A quarter is for the prompts of one pass, the rest for the sequences that are decoded.
        """
        rows = -(-(prompt + limit + 1) // 3)
        return 4 * max(prompt, rows) * self._token_bytes

    def step(self) -> list[Finished]:
        """Let waiting sequences join, and decode one token for every sequence.

        Returns the sequences that have ended.
        """
        joining = self._admitted()
        finished = self._join(joining) if joining else []
        return finished + self._advance()

    def _admitted(self) -> list[Sequence]:
        """Take the next sequences off the queue, as many as there is room for.

        Those that may become longest go first, so that few are left at the end, and those that are
        decoded together are of similar length.
        """
        admitted: list[Sequence] = []
        rows, width = len(self._rows), self._cache.width
        if 0 < self._max_batch - rows < len(self.waiting):
            longest = sorted(self.waiting, key=lambda s: (-s.limit, -len(s.prompt)))
            self.waiting = deque(longest)
        while self.waiting and rows < self._max_batch:
            width = max(width, len(self.waiting[0].prompt))
            if rows and rows >= self._cache.rows_of(width + _GROWTH):
                break
            admitted.append(self.waiting.popleft())
            rows += 1
        return admitted

    def _join(self, sequences: Seq[Sequence]) -> list[Finished]:
        """Add sequences to the batch, and return those that end with their first token.

        Keys and values of stored beginnings are not computed again. A sequence whose prompt is
        stored but for its last token continues at once. The others are prefilled, each distinct
        prompt once, after what several of them begin with; then their first tokens are sampled.
        """
        siblings: dict[Ids, list[Sequence]] = {}
        for sequence in sequences:
            siblings.setdefault(sequence.prompt, []).append(sequence)
            self.prompt_tokens += len(sequence.prompt)
        found = {prompt: self._prefixes.find(prompt) for prompt in siblings}
        ready = {p: slots[: len(p) - 1] for p, slots in found.items() if len(p) - 1 <= len(slots)}
        self._continue([(siblings[prompt], slots) for prompt, slots in ready.items() if len(slots)])
        others = [prompt for prompt in siblings if not len(ready.get(prompt, ()))]
        self._compute_beginnings(others)
        finished: list[Finished] = []
        for group in self._groups(others):
            finished += self._prefill([siblings[prompt] for prompt in group])
        return finished

    def _advance(self) -> list[Finished]:
        """Decode one token for every sequence, and return the sequences that end with it."""
        rows, cache = self._rows, self._cache
        if not rows:
            return []
        self._make_room()
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

    def _make_room(self) -> None:
        """Let the sequences with the fewest tokens wait if the others need their room."""
        rows = self._rows
        excess = len(rows) - self._cache.rows_of(self._cache.width)
        if excess > 0:
            order = np.argsort(rows.generated[: len(rows)], kind="stable")
            dropped: list[int] = order[:excess].tolist()
            self.waiting.extendleft(rows.sequences[row] for row in dropped)
            self._remove(dropped)

    def _groups(self, prompts: Seq[Ids]) -> list[list[Ids]]:
        """Prompts to compute in one pass each."""
        lengths = [len(prompt) for prompt in prompts]
        new = [max(1, len(prompt) - len(self._prefixes.find(prompt))) for prompt in prompts]
        groups = by_length(lengths, self._forward.padding, self._prefill_tokens, new)
        return [[prompts[i] for i in group] for group in groups]

    def _compute_beginnings(self, prompts: Seq[Ids]) -> None:
        """Compute and store what several of the prompts begin with, the shorter beginnings first.

        Only where this saves enough tokens.
        """
        for level in common_beginnings(prompts) if self._prefixes.capacity else ():
            worth = [
                ids
                for ids, count in level
                if (count - 1) * (len(ids) - len(self._prefixes.find(ids))) >= _SAVED
            ]
            for group in self._groups(worth):
                self._compute(group)

    def _compute(self, prompts: Seq[Ids]) -> tuple[Tensor, Contents]:
        """Compute and store prompts, as far as they are not. Returns their last logits, and all."""
        stored = [self._prefixes.find(prompt) for prompt in prompts]
        new = max(len(p) - min(len(s), len(p) - 1) for p, s in zip(prompts, stored, strict=True))
        old = [s[: max(len(p) - new, 0)] for p, s in zip(prompts, stored, strict=True)]
        past = DynamicCache()
        if any(map(len, old)):
            known = aligned(self._prefixes.read(old), self._shape)
            for layer, (keys, values) in enumerate(known):
                past.update(keys, values, layer)
        logits = self._forward.prompts(prompts, past, new=new)
        self.computed_prompt_tokens += sum(min(len(prompt), new) for prompt in prompts)
        computed = contents(past)
        width = max(map(len, prompts))
        self._store(list(enumerate(prompts)), width, partial(cells, computed))
        return logits, computed

    def _store(
        self, rows: Seq[tuple[int, Ids]], end: int, read: Callable[[Tensor, Tensor], Cells]
    ) -> None:
        """Store the tokens of rows of a cache that are right-aligned to the column `end`."""
        added = [(row, self._prefixes.add(ids)) for row, ids in rows]
        slots = np.concatenate([new for _, new in added])
        if len(slots):
            places = [np.repeat(row, len(new)) for row, new in added]
            columns = [np.arange(end - len(new), end) for _, new in added]
            where = (self._to_device(np.concatenate(part)) for part in (places, columns))
            self._prefixes.write(slots, read(*where))

    def _continue(self, groups: Seq[tuple[Seq[Sequence], Slots]]) -> None:
        """Start sequences of equal prompts from the slots of all but their last tokens."""
        lengths = [len(slots) for _, slots in groups]
        for batch in by_length(lengths, sys.maxsize, self._prefill_tokens):
            rows = [groups[i][0] for i in batch]
            read = self._prefixes.read([groups[i][1] for i in batch])
            self._cache.insert(aligned(read, self._shape), self._sources(rows))
            added = list(chain.from_iterable(rows))
            self._add(added, [len(sequence.prompt) - 1 for sequence in added])
            self.computed_prompt_tokens += len(added)

    def _prefill(self, groups: Seq[Seq[Sequence]]) -> list[Finished]:
        logits, computed = self._compute([group[0].prompt for group in groups])
        sources = self._sources(groups)
        self._cache.insert(computed, sources)
        first = len(self._rows)
        added = list(chain.from_iterable(groups))
        self._add(added, [len(sequence.prompt) for sequence in added])
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
        stop, ids = self._rows.sequences[row].stop, self._rows.token_ids(row)
        count = tail_tokens(stop)
        if len(ids) <= count:  # the whole text is looked at as easily
            return True
        tail = ids[-count:]
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
        self._remember(results)
        self._cache.erase([row for row, end in results.items() if isinstance(end, Failure)])
        self._remove(list(results))
        return finished

    def _remove(self, removed: Seq[int]) -> None:
        rows = self._rows
        to, source = rows.remove(removed)
        longest = int(rows.context[: len(rows)].max(initial=0))
        self._cache.keep(len(rows), longest, self._to_device(to), self._to_device(source))

    def _remember(self, results: Mapping[int, Completion | Failure]) -> None:
        """Store the keys and values of steps, because the next steps may continue them."""
        steps = []
        for row, result in results.items() if self._prefixes.capacity else ():
            if isinstance(result, Completion) and result.finish_reason is FinishReason.STOP:
                prefix = self._rows.sequences[row].prompt + result.token_ids[:-1]
                if len(prefix) == self._rows.context[row]:
                    steps.append((row, prefix))
        if steps:
            self._store(steps, self._cache.end, self._cache.cells)

    def _to_device(self, array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(array).to(self._forward.device)
