from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from astro.errors import PolicyError
from astro.interfaces import HasCounters, TrainablePolicy
from astro.requests import Failure, Generate, LogProb
from astro.testing.policies import all_replies as run
from astro.types import Completion, FinishReason, Prompt
from astro_transformers.params import PolicyParams
from astro_transformers.policy import TransformersPolicy

Request = Generate | LogProb


def make(model: str, **params: object) -> TransformersPolicy:
    return TransformersPolicy(PolicyParams.model_validate({"model": model, **params}))


def numbers(rng: random.Random, count: int) -> str:
    return " ".join(str(rng.randrange(50)) for _ in range(count))


def mixed_prompts(count: int, seed: int = 0) -> list[Prompt]:
    rng = random.Random(seed)
    return [
        Prompt(numbers(rng, rng.randrange(1, 12)), numbers(rng, rng.randrange(12)))
        for _ in range(count)
    ]


def reference(model: str, prompt: Prompt, chat: bool = True) -> tuple[torch.Tensor, int]:
    """The greedy continuation by `model.generate`, 20 tokens at most, and the prompt's length.

    It ends with `<eos>` or `<pad>`.
    """
    tokenizer = AutoTokenizer.from_pretrained(model)
    user = f"<user>{prompt.user}<assistant>" if chat else prompt.user
    parts = [
        tokenizer(text, add_special_tokens=False)["input_ids"] for text in (user, prompt.response)
    ]
    ids = torch.tensor([[*parts[0], *parts[1]]])
    output = AutoModelForCausalLM.from_pretrained(model).generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=20,
        eos_token_id=[0, 1],
    )
    return output[0], ids.shape[1]


@pytest.fixture(scope="module")
def policy(llama: str) -> TransformersPolicy:
    return make(llama)


@pytest.mark.parametrize("kind", ["llama", "sliding", "absolute"])
@pytest.mark.parametrize(("max_batch", "every"), [(256, 0), (3, 0), (256, 2)])
def test_greedy_equals_generate(
    kind: str, max_batch: int, every: int, request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(kind)
    prompts = mixed_prompts(9)
    requests = [Generate(prompt, max_tokens=20, temperature=0) for prompt in prompts]
    replies = run(make(model, max_batch=max_batch), requests, every)
    for prompt, (completion,) in zip(prompts, replies, strict=True):
        expected, start = reference(model, prompt, chat=kind != "absolute")
        assert completion.token_ids == tuple(expected[start:].tolist())


@pytest.mark.parametrize("kind", ["llama", "sliding", "absolute"])
def test_a_sample_does_not_depend_on_the_batch(kind: str, request: pytest.FixtureRequest) -> None:
    policy = make(request.getfixturevalue(kind))
    requests = [
        Generate(prompt, n=1 + i % 3, max_tokens=5 + 3 * (i % 9), seed=i, top_p=1 - 0.2 * (i % 2))
        for i, prompt in enumerate(mixed_prompts(50))
    ]
    together = run(policy, requests)
    assert run(policy, requests, every=1) == approx(together)
    assert run(policy, requests[::-1])[::-1] == approx(together)
    assert [run(policy, [request])[0] for request in requests[::7]] == approx(together[::7])


def test_a_sample_does_not_depend_on_the_longest_of_the_batch(longrope: str) -> None:
    policy = make(longrope)
    short, long = Generate(Prompt("1"), max_tokens=20, seed=3), Generate(Prompt("1 " * 9, "2 3"))
    (alone,) = run(policy, [short])
    beside, cut = run(policy, [short, long])
    assert [beside] == approx([alone])
    assert cut[0].finish_reason is FinishReason.LENGTH


def approx(replies: list[list[Completion]]) -> list:
    """Equal text and tokens, log-probabilities within rounding."""
    return [
        [Rounded(c.text, c.token_ids, c.logprobs, c.finish_reason) for c in reply]
        for reply in replies
    ]


class Rounded(Completion):
    __hash__ = None

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Completion)
            and (self.text, self.token_ids, self.finish_reason)
            == (other.text, other.token_ids, other.finish_reason)
            and other.logprobs == pytest.approx(self.logprobs, abs=1e-4)
        )


def test_sample_i_is_the_same_whatever_n(policy: TransformersPolicy) -> None:
    prompt = Prompt("3 5 8")
    few, many = run(policy, [Generate(prompt, n=n, max_tokens=12, seed=4) for n in (2, 6)])
    assert few == approx([many])[0][:2]
    assert len({completion.token_ids for completion in many}) == 6


def test_seeds_differ(policy: TransformersPolicy) -> None:
    replies = run(policy, [Generate(Prompt("1"), max_tokens=12, seed=seed) for seed in range(8)])
    assert len({reply[0].token_ids for reply in replies}) == 8


def test_logprobs_are_the_models_at_temperature_1(policy: TransformersPolicy, llama: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(llama)
    tokenizer = AutoTokenizer.from_pretrained(llama)
    for prompt in mixed_prompts(5):
        request = Generate(prompt, n=2, max_tokens=15, temperature=0.7, seed=1)
        for completion in run(policy, [request])[0]:
            text = f"<user>{prompt.user}<assistant>{prompt.response}"
            context = tokenizer(text, add_special_tokens=False)["input_ids"]
            ids = torch.tensor([[*context, *completion.token_ids]])
            logprobs = model(ids).logits[0].log_softmax(-1)
            taken = logprobs[len(context) - 1 : -1].gather(1, ids[0, len(context) :, None])
            assert completion.logprobs == pytest.approx(taken[:, 0].tolist(), abs=1e-5)


def test_logprob_requests_equal_a_full_forward_pass(policy: TransformersPolicy, llama: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(llama)
    tokenizer = AutoTokenizer.from_pretrained(llama)
    rng = random.Random(4)
    continuations = ("", *(f" {numbers(rng, count)}\n" for count in range(1, 8)))
    requests = [LogProb(prompt, continuations) for prompt in mixed_prompts(4, seed=3)]
    for request, scores in zip(requests, run(policy, requests), strict=True):
        user = f"<user>{request.prompt.user}<assistant>"
        parts = (user, request.prompt.response)
        context = [i for part in parts for i in tokenizer.encode(part, add_special_tokens=False)]
        for continuation, score in zip(continuations, scores, strict=True):
            ids = torch.tensor([context + tokenizer.encode(continuation, add_special_tokens=False)])
            logprobs = model(ids).logits[0].log_softmax(-1)
            taken = logprobs[len(context) - 1 : -1].gather(1, ids[0, len(context) :, None])
            assert score == pytest.approx(taken[:, 0].tolist(), abs=1e-5)


def test_prompt_tokens_are_continued_as_they_are(policy: TransformersPolicy) -> None:
    starts = [Generate(Prompt(str(i)), max_tokens=16, temperature=0) for i in range(20)]
    replies = run(policy, starts)
    user, whole = next((str(i), c) for i, (c,) in enumerate(replies) if len(c.token_ids) == 16)
    begun = Prompt(user, "not tokenised", whole.token_ids[:6])
    ((rest,),) = run(policy, [Generate(begun, max_tokens=10, temperature=0)])
    assert rest.token_ids == whole.token_ids[6:]


def test_stop_strings_stay_and_end_the_text(policy: TransformersPolicy) -> None:
    free = Generate(Prompt("7 9"), n=20, max_tokens=60, seed=5)
    for stop in [("\n",), ("2", "="), ("\n\n", "+")]:
        stopped = Generate(Prompt("7 9"), n=20, max_tokens=60, seed=5, stop=stop)
        for whole, part in zip(*run(policy, [free, stopped]), strict=True):
            ends = [whole.text.find(s) + len(s) for s in stop if s in whole.text]
            assert part.text == whole.text[: min(ends, default=None)]
            assert (part.finish_reason is FinishReason.STOP) == bool(ends)


def test_tokens_past_a_stop_string_are_left_out(policy: TransformersPolicy) -> None:
    """'\\n' also ends inside the token '\\n\\n', and '2' inside '21'."""
    (replies,) = run(policy, [Generate(Prompt("1"), n=60, max_tokens=60, stop=("2", "\n"), seed=1)])
    stopped = [c for c in replies if c.finish_reason is FinishReason.STOP]
    cut = [c for c in stopped if not c.token_ids]
    assert cut and len(cut) < len(stopped)
    assert all(c.logprobs for c in cut)
    assert all(c.text[-1] in "2\n" for c in stopped)


def test_end_of_sequence_is_a_token_without_text(policy: TransformersPolicy) -> None:
    (replies,) = run(policy, [Generate(Prompt("4 4"), n=40, max_tokens=90, seed=3)])
    ended = [c for c in replies if c.finish_reason is FinishReason.EOS]
    assert ended
    for completion in ended:
        assert completion.token_ids[-1] in {0, 1} and not {0, 1} & {*completion.token_ids[:-1]}
        assert "<eos>" not in completion.text
        assert len(completion.logprobs) == len(completion.token_ids)


def test_a_control_token_ends_a_sample(llama: str, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(llama)
    free = Generate(Prompt("4 4"), n=40, max_tokens=60, seed=3)
    (whole,) = run(make(llama), [free])
    assert any("<system>" in sample.text for sample in whole)
    shutil.copytree(llama, tmp_path, dirs_exist_ok=True)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<system>"]})
    tokenizer.save_pretrained(tmp_path)
    (ended,) = run(make(str(tmp_path)), [free])
    for before, after in zip(whole, ended, strict=True):
        text, marked, _ = before.text.partition("<system>")
        assert after.text == text
        assert (after.finish_reason is FinishReason.EOS) == (
            bool(marked) or before.finish_reason is FinishReason.EOS
        )


def test_the_context_limit_cuts_samples_and_counts_them(llama: str) -> None:
    policy = make(llama, max_length=20)
    fits, full = Prompt("1 2 3"), Prompt(numbers(random.Random(0), 20))
    last = Prompt("1", "", (5,) * 16)  # and three of the template leave one token
    rambling = Generate(fits, max_tokens=99, n=9)
    reply, empty, one = run(policy, [rambling, Generate(full, n=2), Generate(last, max_tokens=1)])
    cut = [c for c in reply if c.finish_reason is FinishReason.LENGTH]
    assert cut and {len(c.token_ids) for c in cut} == {13}
    assert empty == [Completion("", finish_reason=FinishReason.LENGTH)] * 2
    assert [len(c.token_ids) for c in one] == [1]
    over = one[0].finish_reason is FinishReason.LENGTH
    assert policy.counters()["context_full_samples"] == len(cut) + 2 + over


def test_the_token_limit_is_not_the_context_limit(llama: str) -> None:
    policy = make(llama)
    run(policy, [Generate(Prompt("1"), n=4, max_tokens=2)])
    assert policy.counters()["context_full_samples"] == 0


def test_text_to_score_has_to_fit(llama: str) -> None:
    policy = make(llama, max_length=20)
    fits, too_long = LogProb(Prompt("1"), ("1" + " 1" * 8,)), LogProb(Prompt("1"), (" 1" * 9,))
    (scores,), failure = run(policy, [fits, too_long])
    assert len(scores) == 17
    assert failure == Failure("text to score exceeds the model's 20 tokens")


@pytest.mark.parametrize(
    "bad",
    [
        Generate(Prompt("1", "2", (9999,))),
        Generate(Prompt("1"), n=0),
        Generate(Prompt("1"), max_tokens=0),
        LogProb(Prompt("1"), ("1 " * 200,)),
        Generate(Prompt("1", 2)),  # type: ignore[arg-type]
    ],
)
def test_a_bad_request_fails_alone(policy: TransformersPolicy, bad: Request) -> None:
    good = Generate(Prompt("1"), max_tokens=3)
    first, failed, last = run(policy, [good, bad, good])
    assert isinstance(failed, Failure) and failed.reason
    assert first == last and len(first) == 1


def test_reload_changes_the_weights_in_place(llama: str) -> None:
    policy = make(llama)
    greedy = [Generate(Prompt("1 2"), max_tokens=8, temperature=0)]
    before = run(policy, greedy)
    own = {
        k: v.clone() for k, v in AutoModelForCausalLM.from_pretrained(llama).state_dict().items()
    }
    policy.reload((name, torch.randn_like(tensor)) for name, tensor in own.items())
    assert run(policy, greedy) != before
    policy.reload((name, torch.full_like(tensor, torch.nan)) for name, tensor in own.items())
    assert run(policy, greedy) == [Failure("the model's probabilities are not finite")]
    policy.reload(own.items())
    assert run(policy, greedy) == before


def test_a_failed_sample_does_not_fail_those_that_take_its_place(llama: str) -> None:
    """One token's embedding is not finite: it fails the sequences that hold it."""
    policy = make(llama)
    embedding = policy._model.get_input_embeddings().weight.detach().clone()
    embedding[40] = torch.nan
    policy.reload([("model.embed_tokens.weight", embedding)])
    rambling = Generate(Prompt("", "", (5,) * 30), n=3, max_tokens=60, seed=1)
    bad = Generate(Prompt("", "", (5,) * 30 + (40,)))
    longer = Generate(Prompt("", "", (6,) * 60), max_tokens=3)
    short = [Generate(Prompt("7"), max_tokens=3, seed=seed) for seed in range(3)]
    expected = run(policy, short)
    _, failed, *replies = run(policy, [rambling, bad, short[0], longer, *short[1:]], every=1)
    assert isinstance(failed, Failure)
    assert [replies[0], *replies[2:]] == approx(expected)
    assert isinstance(replies[1], list)


def test_a_prompt_is_told_as_it_is_read(llama: str, tokenizer: PreTrainedTokenizerFast) -> None:
    policy = make(llama)
    before = tuple(tokenizer("<user>1<assistant>")["input_ids"])
    assert policy.prompt_ids(Prompt("1")) == before
    assert policy.prompt_ids(Prompt("1", "2", (3, 4))) == (*before, 3, 4)


def test_reload_refuses_what_does_not_fit(llama: str) -> None:
    policy = make(llama)
    with pytest.raises(PolicyError, match="nonsense"):
        policy.reload([("nonsense", torch.zeros(1))])
    policy.add(0, Generate(Prompt("1")))
    with pytest.raises(PolicyError, match="under way"):
        policy.reload([])


def test_counters_count_shared_prefills(llama: str) -> None:
    policy = make(llama)
    assert isinstance(policy, HasCounters) and isinstance(policy, TrainablePolicy)
    run(policy, [Generate(Prompt("1 2"), n=3, max_tokens=4, temperature=0, stop=("=",))] * 2)
    counters = policy.counters()
    assert counters["prompt_tokens"] == 6 * 5 and counters["cached_prompt_tokens"] == 5 * 5
    assert counters["generated_tokens"] == 6 * 4 and counters["forward_passes"] == 4


def test_an_idle_step_is_empty(policy: TransformersPolicy) -> None:
    assert policy.step() == []


def test_bfloat16(llama: str) -> None:
    ((completion,),) = run(make(llama, dtype="bfloat16"), [Generate(Prompt("1"), max_tokens=5)])
    assert completion.logprobs and all(logprob <= 0 for logprob in completion.logprobs)


def test_a_missing_model_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="is not a folder"):
        make(str(tmp_path / "nothing"))
    with pytest.raises(PolicyError, match=r"config\.json"):
        make(str(tmp_path))
    with pytest.raises(PolicyError, match="device 'abacus' cannot be used"):
        make("x/y", device="abacus")
