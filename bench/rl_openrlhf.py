"""Compares seconds per step of `openrlhf_grpo` and of bare OpenRLHF with the same flags, on a CPU.

Bare OpenRLHF has a reward function as its users write it, with the verifier in its own process. The
two are run in alternation. Needs `.venv-openrlhf`, which `make test-openrlhf` creates.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from marks import Mark, publish

from astro.interfaces import RLJob
from astro.plugins.binding import Binding, VerifierBinding
from astro.plugins.registry import Registry
from astro_openrlhf.command import ENVIRONMENT
from astro_openrlhf.keeper import running
from astro_openrlhf.progress import last_error, parse_step

ROOT = Path(__file__).parents[1]
WARM_UP, STEPS, ROUNDS = 2, 8, 2
PARAMS: dict[str, Any] = {
    "python": str(ROOT / ".venv-openrlhf/bin/python"),
    "env": {
        "PYTHONPATH": str(ROOT / "plugins/openrlhf/tests/cpu"),
        "DS_ACCELERATOR": "cpu",
        "OMP_NUM_THREADS": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
    },
    "steps": WARM_UP + STEPS,
    "prompts_per_step": 16,
    "group_size": 8,
    "max_tokens": 64,
    "gpus_per_node": 1,
    "micro_batch_size": 16,
    "rollout_micro_batch_size": 32,
    "attention": "sdpa",
    "sync_backend": "gloo",
    "enforce_eager": True,
    "sleep": False,
    "save_every": 1000,
}
BARE_REWARD = """
import json
from astro.types import Problem
from astro_countdown.verifier import CountdownVerifier

VERIFIER = CountdownVerifier()

def reward_func(queries, prompts, labels, **kwargs):
    response = queries[0][len(prompts[0]):].replace("<eos>", "")
    reward = VERIFIER.verify(Problem(**json.loads(labels[0])), response).reward
    return {"rewards": reward, "scores": reward, "extra_logs": {}}
"""


def job(run_dir: Path) -> RLJob:
    """A config for RL of the tiny model on countdown."""
    source = Registry.discover().build("problems", Binding(name="countdown"))
    return RLJob(
        source.load("train"),
        model="tiny-countdown",
        policy=Binding(name="transformers", params={"model": "tiny-countdown"}),
        reward=VerifierBinding(name="countdown"),
        run_dir=run_dir,
        seed=0,
    )


def ours(run_dir: Path) -> list[float]:
    """Seconds of each step of `openrlhf_grpo`."""
    trainer().train(job(run_dir), lambda *_: None)
    return seconds(run_dir / "openrlhf/openrlhf.log")


def bare(run_dir: Path) -> list[float]:
    """Seconds of each step of bare OpenRLHF."""
    found = trainer().dry_run(job(run_dir))
    (run_dir / "openrlhf/reward.py").write_text(BARE_REWARD)
    log = run_dir / "log"
    with running(found.command, log=log, env={**ENVIRONMENT, **PARAMS["env"]}) as program:
        program.wait()
    return seconds(log)


def trainer() -> Any:
    registry = Registry.discover()
    step_format = registry.build("step_format", Binding(name="countdown"))
    binding = Binding(name="openrlhf_grpo", params=PARAMS)
    return registry.build("rl", binding, step_format=step_format)


def seconds(log: Path) -> list[float]:
    """OpenRLHF's own time of each step: sampling with rewards, experience, training, weight sync.

    Raises:
        SystemExit: The run did not finish.
    """
    text = log.read_text(errors="replace")
    steps = [step for line in text.splitlines() if (step := parse_step(line))]
    if len(steps) != WARM_UP + STEPS:
        raise SystemExit(f"OpenRLHF did {len(steps)} steps: {last_error(text)}")
    return [step.figures["timing/step_total"] for step in steps[WARM_UP:]]


def main() -> None:
    times: dict[str, list[float]] = {"ours": [], "bare": []}
    arms = [("ours", ours), ("bare", bare)]
    for number in range(ROUNDS):
        for name, arm in arms[:: 1 if number % 2 == 0 else -1]:
            with tempfile.TemporaryDirectory() as folder:
                times[name] += arm(Path(folder) / "run" / "rl")
            print(name, _rounded(times[name]), flush=True)
    ratio = median(times["ours"]) / median(times["bare"])
    goal = "<= 1.05"
    publish("rl-openrlhf", [Mark.of("openrlhf_grpo / bare OpenRLHF, seconds a step", ratio, goal)])


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 2) for value in values]


if __name__ == "__main__":
    main()
