"""Benchmarks RL in one process: its speed compared with TRL, its gain, the cost of verification.

Starts from the model that `make demo` fine-tunes in runs/quickstart, and trains it if needed.

python bench/rl.py [speed] [verification] [rising]     (all by default)
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import fmean, median
from typing import Any

import psutil
import torch
from datasets import Dataset
from marks import Mark, publish, run_parts
from transformers import AutoTokenizer, TrainerCallback
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

import astro
from astro.engine.loop import Engine
from astro.engine.sampling import sample_responses
from astro.engine.tasks import Task
from astro.interfaces import Backend, Metrics, RLJob, TrainablePolicy
from astro.plugins.binding import Binding, VerifierBinding
from astro.plugins.registry import Registry
from astro.requests import Failure, Generate, LogProb
from astro.types import Problem, Prompt
from astro.verification.pool import VerifierPool
from astro_torch_rl.grpo import GroupAdvantage
from astro_torch_rl.params import GrpoParams
from astro_torch_rl.trainer import Trainer, build_policy

ROOT = Path(__file__).parents[1]
MATH = ROOT.parent / "shared" / "data" / "math_train.jsonl"
RUNS = ROOT / "runs"
CONFIG = astro.load_config(ROOT / "configs" / "quickstart.yaml")
START = RUNS / CONFIG.name / "sft" / "model"
SEEDS = range(3)
ROUNDS, STEPS = 3, 4
HELD_OUT = 400
GPU = torch.cuda.is_available()
LONGEST_PROMPT = 600
"""Maximum length of a math prompt, which leaves the tiny model room for a response."""

PARAMS = GrpoParams(
    steps=STEPS,
    prompts_per_step=32,
    group_size=12,
    filter_samples=0,
    max_refills=0,
    save_every=STEPS + 1,
)
"""The quickstart's batch size, with responses up to the default length. All steps are alike."""


def build(kind: str, binding: Binding, **more: Any) -> Any:
    return Registry.discover().build(kind, binding, **more)


def countdown(split: str, **params: int) -> list[Problem]:
    return list(build("problems", CONFIG.problems.with_params(**params)).load(split))


@dataclass(frozen=True, slots=True)
class Speed:
    """Samples per second of wall time and of processor time, over all processes."""

    wall: float
    cpu: float


class Clock:
    """Records the time at the end of each step."""

    def __init__(self, name: str, params: GrpoParams) -> None:
        self._name = name
        self._batch = params.prompts_per_step * params.group_size
        self._wall: list[float] = []
        self._cpu: list[float] = []
        self._lengths: list[float] = []

    def tick(self, length: float) -> None:
        """Record the end of a step whose responses had `length` tokens on average."""
        process = psutil.Process()
        spent = [p.cpu_times() for p in (process, *process.children(recursive=True))]
        self._wall.append(time.perf_counter())
        self._cpu.append(sum(times.user + times.system for times in spent))
        self._lengths.append(length)

    def speed(self) -> Speed:
        """The speed of the median step, without the first step, which loads and compiles."""
        wall, cpu = (
            self._batch / median(after - before for before, after in pairwise(times))
            for times in (self._wall, self._cpu)
        )
        length = fmean(self._lengths)
        print(f"{self._name}: {wall:.1f} samples/s, {cpu:.1f} a CPU second, of {length:.0f} tokens")
        return Speed(wall, cpu)


def ours(problems: Sequence[Problem], params: GrpoParams = PARAMS, start: Path = START) -> Speed:
    """The speed of `grpo`."""
    clock = Clock("grpo", params)
    trainer = Trainer(
        params, GroupAdvantage(params), step_format=build("step_format", CONFIG.step_format)
    )
    policy = CONFIG.policy.with_params(processes=1) if GPU else CONFIG.policy
    with tempfile.TemporaryDirectory() as folder:
        job = RLJob(problems, str(start), policy, CONFIG.verifier, Path(folder), seed=0)
        trainer.train(job, lambda _, __, metrics: clock.tick(metrics["response_length"]))
    return clock.speed()


def trls(problems: Sequence[Problem], params: GrpoParams = PARAMS, start: Path = START) -> Speed:
    """The speed of TRL, without logging and gradient checkpointing, which would slow it down."""
    clock = Clock("trl", params)
    lengths: list[float] = []
    verifier = build("verifier", CONFIG.verifier)
    prompts = written(problems, start)

    def reward(prompts: list[str], completions: list[str], **more: Any) -> list[float | None]:
        lengths.append(fmean(map(len, more["completion_ids"])))
        return [
            verifier.verify(of[prompt], completion).reward
            for prompt, completion in zip(prompts, completions, strict=True)
        ]

    class Ticks(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.tick(lengths[-1])

    of = dict(zip(prompts, problems, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        GRPOTrainer(
            model=str(start),
            reward_funcs=reward,
            train_dataset=Dataset.from_list([{"prompt": prompt} for prompt in prompts]),
            callbacks=[Ticks()],
            args=GRPOConfig(
                output_dir=folder,
                max_steps=params.steps,
                per_device_train_batch_size=params.prompts_per_step * params.group_size,
                num_generations=params.group_size,
                max_completion_length=params.max_tokens,
                loss_type="grpo",
                scale_rewards="none",
                learning_rate=params.learning_rate,
                gradient_checkpointing=False,
                use_cpu=not GPU,
                bf16=GPU,
                report_to="none",
                logging_strategy="no",
                save_strategy="no",
                disable_tqdm=True,
            ),
        ).train()
    return clock.speed()


def written(problems: Sequence[Problem], start: Path) -> list[str]:
    """Prompts in the form in which the policy is given them."""
    tokenizer = AutoTokenizer.from_pretrained(start)
    if not tokenizer.chat_template:
        return [problem.prompt for problem in problems]
    chats = [[{"role": "user", "content": problem.prompt}] for problem in problems]
    return list(tokenizer.apply_chat_template(chats, tokenize=False, add_generation_prompt=True))


def gains() -> Iterator[float]:
    """Percentage points of held-out pass@1 that the quickstart's RL adds, for each seed."""
    assert CONFIG.rl is not None
    step_format = build("step_format", CONFIG.step_format)
    before = pass_at_1(START)
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            problems, run_dir = countdown("train"), Path(folder)
            job = RLJob(problems, str(START), CONFIG.policy, CONFIG.verifier, run_dir, seed)
            algorithm = build("rl", CONFIG.rl, step_format=step_format)
            result = algorithm.train(job, lambda *_: None)
            after = pass_at_1(result.model)
        print(f"seed {seed}: pass@1 {before:.1f} before, {after:.1f} after", flush=True)
        yield after - before


def pass_at_1(model: Path) -> float:
    """pass@1 in %. All models use the same seed, so that they get the same requests."""
    problems = countdown("test", test=HELD_OUT)
    sample = partial(
        sample_responses, n=CONFIG.evaluate.samples, max_tokens=CONFIG.evaluate.max_tokens
    )
    tasks = [Task(problem.id, partial(sample, problem)) for problem in problems]
    binding = CONFIG.policy.with_params(model=str(model))
    with closing(build("policy", binding)) as policy, VerifierPool(CONFIG.verifier) as pool:
        outcomes = Engine({"policy": policy, "verifier": pool}, seed=0, concurrency=len(tasks)).run(
            tasks
        )
        right = [sample.verdict.correct for outcome in outcomes for sample in outcome.result]
    return 100 * fmean(right)


class Mathematician:
    """A policy with the tokens of the tiny model and the text of MATH's solutions.

    Half of the solutions are those of another problem. The model's own text precedes each of them,
    so that all responses differ and no verdict is cached.
    """

    def __init__(self, policy: TrainablePolicy, solutions: dict[str, str]) -> None:
        self._policy = policy
        self._solutions = solutions
        self._asked: dict[int, str] = {}
        self._rng = Random(0)

    def add(self, ticket: int, request: Generate | LogProb) -> None:
        self._asked[ticket] = request.prompt.user
        self._policy.add(ticket, request)

    def step(self, block: bool = False) -> list[tuple[int, Any]]:
        return [(ticket, self._worded(ticket, reply)) for ticket, reply in self._policy.step(block)]

    def _worded(self, ticket: int, reply: Any) -> Any:
        own = self._solutions[self._asked.pop(ticket)]
        if isinstance(reply, Failure):
            return reply
        others = list(self._solutions.values())
        return [
            replace(c, text=f"{c.text}\n{own if i % 2 else self._rng.choice(others)}")
            for i, c in enumerate(reply)
        ]

    def close(self) -> None:
        self._policy.close()

    def reload(self, weights: Iterable[tuple[str, Any]]) -> None:
        self._policy.reload(weights)

    def prompt_ids(self, prompt: Prompt) -> tuple[int, ...]:
        return self._policy.prompt_ids(prompt)


def verification_shares() -> list[float]:
    """The share of each step's wall time that was spent only on waiting for verdicts of sympy."""
    rows = [json.loads(line) for line in MATH.read_text().splitlines()]
    rows = [row for row in rows if len(row["problem"]) <= LONGEST_PROMPT]
    problems = [Problem(row["id"], row["problem"], row["answer"]) for row in rows]
    solutions = {row["problem"]: row["solution"] for row in rows}
    shares: list[float] = []

    def policy(binding: Binding) -> Backend:
        return Mathematician(build_policy(binding), solutions)  # type: ignore[arg-type]

    def on_step(_: int, __: int, metrics: Metrics) -> None:
        seconds = {name: metrics[f"seconds/{name}"] for name in ("rollout", "verify", "train")}
        print("  ".join(f"{name} {value:.2f} s" for name, value in seconds.items()), flush=True)
        shares.append(seconds["verify"] / sum(seconds.values()))

    trainer = Trainer(
        PARAMS,
        GroupAdvantage(PARAMS),
        step_format=build("step_format", Binding(name="lines")),
        build_policy=policy,
    )
    with tempfile.TemporaryDirectory() as folder:
        reward = VerifierBinding(name="sympy", workers=2)
        job = RLJob(problems, str(START), CONFIG.policy, reward, Path(folder), seed=0)
        trainer.train(job, on_step)
    return shares[1:]


def speed() -> None:
    """Compare samples per second with those of TRL."""
    problems = countdown("train")
    speeds = [(ours(problems), trls(problems)) for _ in range(ROUNDS)]
    wall = median(our.wall / trl.wall for our, trl in speeds)
    cpu = median(our.cpu / trl.cpu for our, trl in speeds)
    publish(
        "rl-speed",
        [
            Mark.of(f"samples/s of grpo to TRL's, median of {ROUNDS}", wall, ">= 3"),
            Mark.of("samples a CPU second, likewise", cpu, ">= 3"),
        ],
    )


def verification() -> None:
    """Measure the share of a step's wall time that is spent waiting for verdicts."""
    if not MATH.exists():
        print(f"verification: not measured, for there is no {MATH}")
        return
    share = 100 * median(verification_shares())
    publish(
        "rl-verification",
        [Mark.of("a step's wait for verdicts of sympy, median, %", share, "<= 5")],
    )


def rising() -> None:
    """Measure what RL adds on held-out problems."""
    publish(
        "rl-rising",
        [
            Mark.of(f"pass@1 held out, gained by RL, points, seed {seed}", gain, ">= 5")
            for seed, gain in zip(SEEDS, gains(), strict=True)
        ],
    )


PARTS: tuple[Callable[[], None], ...] = (speed, verification, rising)


def main() -> None:
    if not START.exists():
        astro.run(CONFIG, runs=RUNS, until="sft")
    run_parts(PARTS)


if __name__ == "__main__":
    main()
