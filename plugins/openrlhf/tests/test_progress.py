"""What is read from a log, and what a response cannot make it say."""

from __future__ import annotations

import pytest

from astro_openrlhf.progress import LoggedStep, last_error, metrics, parse_batch, parse_step

RAY = "\x1b[36m(PPOTrainer pid=22892)\x1b[0m "
HEAD = "INFO 11-21 08:54:00 ppo_trainer.py:518] "
STEP = RAY + HEAD + "✨ Global step 12: {'policy_loss': 0.5, 'rollout/reward_mean': nan, 'n': 3}"
BATCH = "Train step of epoch 0:  25%|██▌  | 4/16 [00:01<00:03, 3.12it/s, gpt_loss=4.2, lr=5e-5]"


def test_a_step() -> None:
    assert parse_step(STEP) == LoggedStep(12, {"policy_loss": 0.5, "n": 3.0})


def test_a_step_on_another_machine() -> None:
    remote = "(PPOTrainer pid=7, ip=10.0.0.3) " + HEAD + "✨ Global step 1: {'a': -1e-05}\r"
    assert parse_step(remote.rstrip("\r")) == LoggedStep(1, {"a": -1e-05})


@pytest.mark.parametrize(
    "line",
    [
        RAY + HEAD + "Sample: ['" + HEAD + "✨ Global step 9: {}', 0.0]",
        "a response: " + STEP,
        RAY + HEAD + "✨ Global step 9: {'a': __import__('os').system('true')}",
        RAY + HEAD + "✨ Global step 9: {'a': " + "(" * 5000 + "}",
        RAY + HEAD + "✨ Global step 9: {1, 2}",
        "",
    ],
)
def test_what_is_no_step(line: str) -> None:
    assert parse_step(line) is None


def test_a_batch() -> None:
    assert parse_batch(BATCH + "  \x1b[A") == LoggedStep(4, {"gpt_loss": 4.2, "lr": 5e-5})
    assert parse_batch(BATCH.replace("gpt_loss=4.2, lr=5e-5", "")) is None


def test_metrics_have_the_names_of_grpo() -> None:
    figures = {
        "rollout/reward_mean": 0.25,
        "rollout/response_length_mean": 20.0,
        "rollout/truncated_rate": 0.0,
        "rollout/num_samples": 100.0,
        "response_length": 19.0,
        "backtrack_share": 0.5,
        "correct_after_backtrack": 0.2,
        "verdict/error": 0.1,
        "timing/step_total": 4.0,
        "actor_lr": 1e-6,
        "return": 0.0,
    }
    assert metrics(figures) == pytest.approx(
        {
            "reward": 0.25,
            "pass_rate": 0.25,
            "response_length": 20.0,
            "truncated": 0.0,
            "backtrack_share": 0.5,
            "success_after_backtrack": 0.4,
            "verdict/error": 0.1,
            "tokens/s": 500.0,
            "learning_rate": 1e-6,
            "openrlhf/return": 0.0,
        }
    )


def test_no_success_after_backtrack_without_one() -> None:
    assert "success_after_backtrack" not in metrics({"backtrack_share": 0.0})


TRACEBACK = """\
Traceback (most recent call last):
  File "train_ppo_ray.py", line 771, in <module>
ray.exceptions.RayTaskError(ValueError): \x1b[36mray::PPOTrainer.fit()\x1b[39m (pid=1)
(PPOTrainer pid=3) torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB
INFO 11-21 shutting down
"""


def test_the_last_error_is_the_last_exception() -> None:
    assert last_error(TRACEBACK).startswith("torch.OutOfMemoryError: CUDA out of memory")


def test_the_last_error_is_not_the_launchers() -> None:
    log = "[rank0]: ValueError: no such attention\n[2026-11-21] [ERROR] [launch.py:341] ['python']"
    assert last_error(log) == "ValueError: no such attention"


@pytest.mark.parametrize(
    ("log", "words"), [("", "no output"), ("a\nKilled\n\n", "Killed"), ("x" * 999, "x" * 400)]
)
def test_without_an_exception_it_is_the_last_line(log: str, words: str) -> None:
    assert last_error(log) == words
