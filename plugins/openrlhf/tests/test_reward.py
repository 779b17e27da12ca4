"""The reward function as OpenRLHF calls it: in threads, with lists of one element."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from transformers import AddedToken

from astro.errors import AstroError, TrainingError, VerifierError
from astro.files import encode
from astro.interfaces import StepFormat
from astro.plugins.binding import VerifierBinding
from astro.plugins.models import checkpoint
from astro.types import Problem, Status, Verdict
from astro_hf.tokenizers import load_tokenizer
from astro_openrlhf.reward import (
    Reward,
    logs,
    read_alarm,
    special_tokens,
    take_found,
    write_module,
)

PROBLEM = Problem(
    "p", "use 1 2 12 to make 11", "11", {"numbers": [1, 2, 12], "target": 11, "cap": 50}
)
PROMPT = "use 1 2 12 to make 11\n"
RIGHT = "12 + 1 = 13 left 2 13\n13 - 2 = 11 left 11\nanswer 11\n"
Make = Callable[..., Reward]


@pytest.fixture
def make(tmp_path: Path, step_format: StepFormat) -> Make:
    def build(name: str = "countdown", model: str = "tiny-countdown", **bounds: Any) -> Reward:
        module = write_module(
            tmp_path,
            model=checkpoint(model),
            verifier=VerifierBinding(name=name, timeout=10, **bounds),
            step_format=step_format,
            problem=PROBLEM,
        )
        found: Reward = runpy.run_path(str(module), run_name="reward_func")["reward_func"]
        return found

    return build


def ask(reward: Reward, response: str, problem: Problem = PROBLEM) -> dict[str, Any]:
    label = encode(problem).decode()
    return reward([f"{PROMPT}{response}<eos>"], [PROMPT], [label], some_new_option=1)


def test_a_right_and_a_wrong_response(make: Make) -> None:
    reward = make()
    right, wrong = ask(reward, RIGHT), ask(reward, "12 - 1 = 11 left 2 11\n")
    assert (right["rewards"], right["scores"], wrong["rewards"]) == (1.0, 1.0, 0.0)
    assert right["extra_logs"]["verdict/correct"] == 1.0


def test_many_threads_share_one_pool(make: Make) -> None:
    reward = make(workers=2)
    responses = [RIGHT, "nothing\n"] * 20
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda response: ask(reward, response)["rewards"], responses))
    assert found == [1.0, 0.0] * 20


def test_no_thread_waits_for_ever_once_the_verdicts_mean_nothing(make: Make, moody: Path) -> None:
    assert moody.is_dir()
    reward = make("moody", max_faults=0.0, workers=2)

    def ending(number: int) -> str:
        with pytest.raises(VerifierError) as caught:
            while True:
                ask(reward, "even" if number % 2 else "odd")
        return caught.value.message

    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(ending, range(16)))
    assert len(found) == 1
    assert "ValueError: not today" in found.pop()


def test_a_third_partys_verifier_that_raises_gives_a_verdict(make: Make, moody: Path) -> None:
    assert moody.is_dir()
    found = ask(make("moody", max_faults=1), "odd")
    assert found["rewards"] == 0.0
    assert found["extra_logs"]["verdict/error"] == 1.0


def test_the_alarm_is_left_where_it_is_looked_for(make: Make, moody: Path, tmp_path: Path) -> None:
    assert moody.is_dir()
    reward = make("moody", max_faults=0)
    assert ask(reward, "even")["rewards"] == 1.0
    assert read_alarm(tmp_path) is None
    with pytest.raises(VerifierError):
        ask(reward, "odd")
    alarm = read_alarm(tmp_path)
    assert alarm
    assert "ValueError: not today" in alarm[0]
    with pytest.raises(VerifierError):
        ask(reward, "even")


def test_a_verifier_that_reads_no_reference_is_an_alarm(make: Make, tmp_path: Path) -> None:
    bare = Problem("p", PROBLEM.prompt, "11")
    reward = make(max_faults=0)
    with pytest.raises(VerifierError):
        ask(reward, RIGHT, bare)
    alarm = read_alarm(tmp_path)
    assert alarm is not None
    assert "1 bad_reference" in alarm[0]


def test_an_unreadable_label_is_an_alarm_too(make: Make, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="truncated"):
        make()([PROMPT], [PROMPT], ["{"])
    assert read_alarm(tmp_path)


def test_writing_the_module_again_calls_the_alarm_off(make: Make, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="truncated"):
        make()([PROMPT], [PROMPT], ["{"])
    make()
    assert read_alarm(tmp_path) is None


def test_the_response_is_what_stands_behind_the_prompt(make: Make) -> None:
    reward = make()
    assert reward.response(f"{PROMPT}a b\n<eos><pad>", PROMPT) == "a b\n"
    with pytest.raises(AstroError, match="does not begin with its prompt"):
        reward.response("2 12 to make 11\nx", PROMPT)


def test_every_special_token_is_left_out_as_decoding_does(make: Make) -> None:
    tokenizer = load_tokenizer(checkpoint("random-llama"))
    prompt, said = "<|user|>p<|assistant|>", "the answer <|user|>is 1<|system|><|end|><|pad|>"
    ids = tokenizer(said, add_special_tokens=False)["input_ids"]
    decoded = tokenizer.decode(ids, skip_special_tokens=True)
    assert make(model="random-llama").response(prompt + said, prompt) == decoded
    assert decoded == "the answer is 1"


@pytest.mark.parametrize(
    ("tokens", "text", "left"),
    [
        ({}, "a b", "a b"),
        ({"<a>": False, "<b>": True}, "<a>x<b>", "<a>x"),
        ({"<e>": True, "<e>.": True}, "x<e>.", "x"),
        ({"<e>": True}, "<<e>e>", "<e>"),
    ],
)
def test_special_tokens(tokens: dict[str, bool], text: str, left: str) -> None:
    added = {
        number: AddedToken(content, special=special)
        for number, (content, special) in enumerate(tokens.items())
    }
    found = special_tokens(SimpleNamespace(added_tokens_decoder=added))
    assert found.sub("", text) == left


def test_a_check_judges_an_empty_response(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astro_openrlhf.reward.version", lambda _: "7")
    make().check()
    found = take_found(tmp_path)
    assert found
    assert (found.openrlhf, found.verdict.status) == ("7", Status.UNPARSED)
    assert take_found(tmp_path) is None


def test_a_step_format_that_cannot_be_sent(tmp_path: Path, step_format: StepFormat) -> None:
    class Local(type(step_format)):  # type: ignore[misc]
        """Nobody can import it."""

    with pytest.raises(TrainingError, match="the step format Local cannot be sent"):
        write_module(
            tmp_path,
            model="m",
            verifier=VerifierBinding(name="countdown"),
            step_format=Local.__new__(Local),
            problem=PROBLEM,
        )


def test_logs_of_a_verdict() -> None:
    found = logs(Verdict(Status.CORRECT), 2)
    assert found["backtracks"] == 2.0
    assert found["backtrack_share"] == found["correct_after_backtrack"] == 1.0
    assert sum(found[f"verdict/{status}"] for status in Status) == 1.0
    assert logs(Verdict(Status.CORRECT), 0)["correct_after_backtrack"] == 0.0
    assert logs(Verdict(Status.INCORRECT), 1)["correct_after_backtrack"] == 0.0
