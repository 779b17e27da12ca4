"""The policy against the `transformers` policy, and against what the core expects of one."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable
from math import exp
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from astro.interfaces import HasCounters, TrainablePolicy
from astro.plugins import models
from astro.plugins.binding import Binding
from astro.plugins.registry import Registry
from astro.requests import Failure, Generate, LogProb
from astro.types import Completion, FinishReason, Prompt

pytestmark = pytest.mark.vllm

Serve = Callable[..., Any]
Run = Callable[..., list[Any]]
NINETEEN = Prompt("use 3 5 8 to make 19")
LONG = Prompt(NINETEEN.user, "3 + 5 = 8 left 8 8\n" * 7)
"""Seventy-one tokens: two blocks of 32 and a bit."""


def transformers() -> Any:
    binding = Binding(name="transformers", params={"model": "tiny-countdown", "threads": 1})
    return Registry.discover().build("policy", binding)


def same(one: Completion, other: Completion, tolerance: float = 1e-4) -> bool:
    return (one.text, one.token_ids, one.finish_reason) == (
        other.text,
        other.token_ids,
        other.finish_reason,
    ) and one.logprobs == pytest.approx(other.logprobs, abs=tolerance)


def all_same(replies: list[list[Completion]], others: list[list[Completion]]) -> bool:
    pairs = [pair for rows in zip(replies, others, strict=True) for pair in zip(*rows, strict=True)]
    return all(same(*pair) for pair in pairs)


def test_greedy_equals_the_transformers_policy(
    serve: Serve, run: Run, prompts: list[Prompt]
) -> None:
    requests = [Generate(prompt, max_tokens=80, temperature=0) for prompt in prompts]
    stopped = [Generate(prompt, stop=("\n",), temperature=0) for prompt in prompts]
    expected = run(transformers(), requests + stopped)
    policy = serve()
    assert all_same(run(policy, requests + stopped), expected)
    assert all_same(run(policy, requests, every=1), expected[: len(requests)])


def test_auto_is_the_checkpoints_own_type(serve: Serve, run: Run, prompts: list[Prompt]) -> None:
    requests = [Generate(prompt, max_tokens=80, temperature=0) for prompt in prompts]
    policy = serve(dtype="auto", fresh=True)
    assert all_same(run(policy, requests), run(transformers(), requests))


def test_scores_equal_the_transformers_policy(
    serve: Serve, run: Run, prompts: list[Prompt]
) -> None:
    continuations = ("8 - 5 = 3 left 3 3\n", "", "answer 3\n", "3", "wait 3 is not 4\nback to 4 4")
    requests = [LogProb(prompt, continuations) for prompt in prompts]
    expected = run(transformers(), requests)
    for found, wanted in zip(run(serve(), requests), expected, strict=True):
        assert [pytest.approx(scores, rel=1e-4, abs=1e-4) for scores in wanted] == found


def test_a_sample_does_not_depend_on_the_batch(
    serve: Serve, run: Run, prompts: list[Prompt]
) -> None:
    policy = serve(max_num_seqs=32)
    requests = [
        Generate(prompt, n=1 + i % 3, max_tokens=5 + 3 * (i % 9), seed=i, top_p=1 - 0.2 * (i % 2))
        for i, prompt in enumerate(prompts)
    ]
    together = run(policy, requests)
    assert all_same(run(policy, requests, every=1), together)
    assert all_same(run(policy, requests[::-1])[::-1], together)
    assert all_same([run(policy, [request])[0] for request in requests[::7]], together[::7])


def test_prompts_that_exceed_a_step_change_nothing(serve: Serve, run: Run) -> None:
    policy = serve(max_model_len=128, max_num_batched_tokens=150, enable_prefix_caching=False)
    requests = [Generate(LONG, max_tokens=4, seed=seed) for seed in range(9)]
    together = run(policy, [*requests, LogProb(LONG, ("answer 8\n",) * 3)])
    assert all_same(together[:-1], [run(policy, [request])[0] for request in requests])
    assert len(set(together[-1])) == 1


def test_sample_i_is_the_same_whatever_n_and_seeds_differ(serve: Serve, run: Run) -> None:
    policy = serve()
    few, many, next_seed = run(
        policy,
        [Generate(NINETEEN, n=n, max_tokens=12, seed=seed) for n, seed in [(2, 4), (9, 4), (9, 5)]],
    )
    assert all_same([few], [many[:2]])
    assert [c.token_ids for c in many[1:]] != [c.token_ids for c in next_seed[:-1]]
    assert len({completion.token_ids for completion in many}) > 4


def test_samples_follow_the_models_distribution(serve: Serve, run: Run) -> None:
    """2000 first tokens: frequencies within five standard deviations of exp(logprob)."""
    count = 2000
    (reply,) = run(serve(), [Generate(NINETEEN, n=count, max_tokens=1, seed=7)])
    chance = {c.token_ids: exp(c.logprobs[0]) for c in reply}
    drawn = Counter(c.token_ids for c in reply)
    assert sum(chance.values()) == pytest.approx(1, abs=0.01)
    for token, p in chance.items():
        assert abs(drawn[token] - count * p) <= 5 * (count * p * (1 - p)) ** 0.5 + 1


def test_logprobs_are_those_at_temperature_1(serve: Serve, run: Run) -> None:
    """Whatever temperature and top_p a sample is drawn with."""
    policy = serve()
    drawn = Generate(NINETEEN, n=4, max_tokens=15, temperature=0.6, top_p=0.9, seed=3)
    (reply,) = run(policy, [drawn])
    for completion in reply:
        ((scored,),) = run(policy, [LogProb(NINETEEN, (completion.text,))])
        count = len(scored)
        assert completion.logprobs[:count] == pytest.approx(scored, abs=1e-4)


def test_stop_strings_stay_and_end_the_text(serve: Serve, run: Run) -> None:
    policy = serve()
    free = Generate(NINETEEN, n=20, max_tokens=60, seed=5)
    for stop in [("\n",), ("left", "="), ("answer 1", "24 -")]:
        stopped = Generate(NINETEEN, n=20, max_tokens=60, seed=5, stop=(*stop, ""))
        for whole, part in zip(*run(policy, [free, stopped]), strict=True):
            ends = [whole.text.find(s) + len(s) for s in stop if s in whole.text]
            assert part.text == whole.text[: min(ends, default=None)]
            assert (part.finish_reason is FinishReason.STOP) == bool(ends)
            if part.token_ids:
                assert part.token_ids == whole.token_ids[: len(part.token_ids)]


def test_tokens_past_a_stop_string_are_left_out(serve: Serve, run: Run) -> None:
    """'1' and '2' also end inside such tokens as '12' and '24'."""
    (reply,) = run(serve(), [Generate(NINETEEN, n=60, max_tokens=60, stop=("1", "2"), seed=1)])
    stopped = [c for c in reply if c.finish_reason is FinishReason.STOP]
    cut = [c for c in stopped if not c.token_ids]
    assert cut and all(c.logprobs and c.text[-1] in "12" for c in cut)
    exact = [c for c in stopped if c.token_ids]
    assert all(len(c.token_ids) == len(c.logprobs) for c in exact)


def test_the_end_of_sequence_is_a_token_without_text(serve: Serve, run: Run) -> None:
    (reply,) = run(serve(), [Generate(NINETEEN, n=20, max_tokens=90, seed=3)])
    for completion in reply:
        assert completion.finish_reason is FinishReason.EOS
        assert completion.token_ids[-1] == 1 and 1 not in completion.token_ids[:-1]
        assert "<eos>" not in completion.text and completion.text.endswith("\n")
        assert len(completion.logprobs) == len(completion.token_ids)


def test_sampled_tokens_are_continued_as_they_are(serve: Serve, run: Run) -> None:
    policy = serve()
    ((whole,),) = run(policy, [Generate(NINETEEN, max_tokens=16, temperature=0)])
    begun = Prompt(NINETEEN.user, "not tokenised", whole.token_ids[:6])
    ((rest,),) = run(policy, [Generate(begun, max_tokens=10, temperature=0)])
    assert rest.token_ids == whole.token_ids[6:]
    user = policy.prompt_ids(NINETEEN)
    assert policy.prompt_ids(begun) == user + whole.token_ids[:6]
    assert len(user) == 8, "no beginning-of-sequence token, and the template's line end"


def test_the_context_limit_cuts_samples_and_counts_them(serve: Serve, run: Run) -> None:
    policy = serve(max_model_len=24, fresh=True)
    rambling = Generate(NINETEEN, n=3, max_tokens=99, seed=1)
    full = Generate(Prompt("1 2", "", tuple(range(20, 44))), n=2)
    reply, empty, failure = run(policy, [rambling, full, LogProb(NINETEEN, ("1 " * 20,))])
    assert {len(c.token_ids) for c in reply} == {16}
    assert {c.finish_reason for c in reply} == {FinishReason.LENGTH}
    assert empty == [Completion("", finish_reason=FinishReason.LENGTH)] * 2
    assert failure == Failure("text to score exceeds the model's 24 tokens")
    assert policy.counters()["context_full_samples"] == 5


@pytest.mark.parametrize(
    "bad",
    [
        Generate(Prompt("1", "2", (9999,))),
        Generate(Prompt("1", "2", (-1,))),
        Generate(Prompt("1"), n=0),
        Generate(Prompt("1"), max_tokens=0),
        Generate(Prompt("1"), temperature=-1),
        Generate(Prompt("1"), top_p=0),
        Generate(Prompt("1", 2)),  # type: ignore[arg-type]
    ],
)
def test_a_bad_request_fails_alone(serve: Serve, run: Run, bad: Generate) -> None:
    good = Generate(NINETEEN, max_tokens=3)
    first, failed, last = run(serve(), [good, bad, good])
    assert isinstance(failed, Failure) and failed.reason
    assert all_same([first], [last]) and len(first) == 1


def test_a_control_token_ends_a_sample(serve: Serve, run: Run, tmp_path: Path) -> None:
    shutil.copytree(models.resolve("tiny-countdown"), tmp_path, dirs_exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    tokenizer.add_special_tokens({"additional_special_tokens": ["left"]})
    tokenizer.save_pretrained(tmp_path)
    requests = [Generate(NINETEEN, n=8, max_tokens=60, seed=7)]
    (replies,) = run(serve(str(tmp_path)), requests)
    assert {completion.finish_reason for completion in replies} == {FinishReason.EOS}
    last = {completion.token_ids[-1] for completion in replies}
    assert last == {tokenizer.convert_tokens_to_ids("left")}
    assert all(completion.text.rstrip().endswith(tuple("0123456789")) for completion in replies)


def test_whole_blocks_of_a_prefix_are_computed_once(serve: Serve, run: Run) -> None:
    policy = serve(fresh=True)
    assert isinstance(policy, HasCounters)
    length = len(policy.prompt_ids(LONG))
    assert length == 71
    run(policy, [Generate(LONG, max_tokens=2, temperature=0)])
    assert policy.counters()["cached_prompt_tokens"] == 0
    run(policy, [Generate(LONG, n=4, max_tokens=2, temperature=0)])
    assert policy.counters() == {
        "generated_tokens": 10,
        "prompt_tokens": 5 * 71,
        "cached_prompt_tokens": 4 * 64,
        "context_full_samples": 0,
    }


def test_without_prefix_caching_all_is_computed(serve: Serve, run: Run) -> None:
    policy = serve(enable_prefix_caching=False)
    replies = run(policy, [Generate(LONG, max_tokens=9, seed=1)] * 2)
    assert all_same(replies[:1], replies[1:])
    assert policy.counters()["cached_prompt_tokens"] == 0


def test_closing_frees_the_process_for_the_next_engine(serve: Serve, run: Run) -> None:
    request = Generate(NINETEEN, max_tokens=5, temperature=0)
    first = run(serve(), [request])
    busy = serve(max_model_len=64)
    busy.add(0, request)
    busy.step()
    assert all_same(run(serve(block_size=64), [request]), first)


def test_it_can_be_trained(serve: Serve) -> None:
    assert isinstance(serve(), TrainablePolicy)


def test_text_says_what_the_tokens_do(serve: Serve, run: Run) -> None:
    rng = random.Random(2)
    policy = serve()
    requests = [Generate(NINETEEN, max_tokens=rng.randrange(1, 40), seed=i) for i in range(30)]
    user = policy.prompt_ids(NINETEEN)
    for (completion,) in run(policy, requests):
        written = policy.prompt_ids(Prompt(NINETEEN.user, completion.text))
        assert written == user + tuple(i for i in completion.token_ids if i != 1)
