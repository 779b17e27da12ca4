"""OpenRLHF's own parser on the command lines that we write, and what it refuses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from astro.errors import MissingEngineError, TrainingError
from astro.interfaces import RLJob
from astro_openrlhf import flags, rl, sft
from astro_openrlhf.checks import check_flags, check_reward
from astro_openrlhf.params import GrpoParams, PpoParams, SftParams

PYTHON = [sys.executable]
# A server that holds our output open, as a verifier may start one, in a session of its own.
SERVER = """
import subprocess
from pathlib import Path
server = subprocess.Popen(["sleep", "600"], start_new_session=True)
(Path(__file__).parent / "server").write_text(str(server.pid))
"""
HANGS = "import time; print('waiting for a licence'); time.sleep(600)"
REWARD = {"reward.remote_url": "/reward.py", "actor.model_name_or_path": "model"}


def module(folder: Path, source: str) -> Path:
    path = folder / "reward.py"
    path.write_text(source)
    return path


def serves(folder: Path) -> bool:
    """Whether the server that a module in `folder` has started is still there."""
    try:
        server = psutil.Process(int((folder / "server").read_text()))
        return bool(server.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    "params",
    [
        GrpoParams(),
        GrpoParams(preset="paper", nodes=8, tensor_parallel_size=8, zero_stage=3, packing=True),
        GrpoParams(leave_one_out=True, kl=0.1, kl_in="loss", kl_estimator="k3", colocate=False),
        GrpoParams(extra_flags={"ds.zpg": 2, "train.enable_ema": True, "eval.steps": 5}),
        PpoParams(preset="standard", value_pretraining_steps=2, entropy_bonus=None),
    ],
)
def test_openrlhf_takes_the_flags_of_rl(
    params: GrpoParams | PpoParams, sources: dict[str, str]
) -> None:
    words = flags.words(REWARD | flags.of(params, flags.RL) | params.extra_flags)
    assert "parser accepts" in check_flags(PYTHON, rl.MODULE, words, sources)


def test_openrlhf_takes_the_flags_of_fine_tuning(sources: dict[str, str]) -> None:
    words = flags.words(flags.of(SftParams(gradient_checkpointing=True), flags.SFT))
    assert "parser accepts" in check_flags(PYTHON, sft.MODULE, words, sources)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--rollout.batchsize", "3"], "unrecognized arguments: --rollout.batchsize 3"),
        (["--ds.param_dtype", "fp64"], "invalid choice: 'fp64'"),
        (["--algo.advantage.estimator", "rloo"], "rloo requires n_samples_per_prompt > 1"),
    ],
)
def test_a_wrong_flag_is_refused_in_openrlhfs_words(
    words: list[str], complaint: str, sources: dict[str, str]
) -> None:
    with pytest.raises(TrainingError, match="OpenRLHF rejects its flags") as caught:
        check_flags(PYTHON, rl.MODULE, words, sources)
    assert complaint in str(caught.value)


def test_every_flag_of_the_run_is_one_of_openrlhfs(sources: dict[str, str]) -> None:
    known = "".join(
        path.read_text() for path in Path(sources["PYTHONPATH"]).glob("openrlhf/cli/*.py")
    )
    assert [flag for flag in flags.RUN if f'"--{flag}"' not in known] == []


def test_an_interpreter_without_openrlhf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with pytest.raises(
        MissingEngineError, match=r"has no OpenRLHF; pip install openrlhf==0\.11\.2"
    ):
        check_flags(PYTHON, rl.MODULE, [], {})


def test_no_interpreter() -> None:
    with pytest.raises(MissingEngineError, match="cannot start /no/python: No such file"):
        check_flags(["/no/python"], rl.MODULE, [], {})


def test_what_the_reward_module_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="No module named 'no_such_verifier'"):
        check_reward(PYTHON, module(tmp_path, "import no_such_verifier"), {})


def test_what_is_no_interpreter(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="true has run, but left no verdict"):
        check_reward(["true"], tmp_path / "reward.py", {})


def test_what_a_check_leaves_behind_is_ended_and_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="ValueError: no server"):
        check_reward(PYTHON, module(tmp_path, SERVER + "raise ValueError('no server')"), {})
    assert not serves(tmp_path)


def test_a_check_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("astro_openrlhf.checks._SECONDS", 2.0)
    with pytest.raises(TrainingError, match="did not answer within 2 s: waiting for a licence"):
        check_reward(PYTHON, module(tmp_path, SERVER + HANGS), {})
    assert not serves(tmp_path)


def test_a_dry_run_writes_and_checks_all(
    build: Any, step_format: Any, job: RLJob, sources: dict[str, str]
) -> None:
    params = {"python": sys.executable, "env": sources, "steps": 3}
    trainer = build("rl", "openrlhf_grpo", params, step_format=step_format)
    found = trainer.dry_run(job)
    assert found.command[:3] == (sys.executable, "-m", rl.MODULE)
    names = {path.name for path in found.files}
    assert names == {"data.jsonl", "reward.json", "reward.py", "step_format.pickle"}
    assert len(found.checks) == 2
    assert not (job.run_dir / "model").exists()


def test_a_job_is_submitted_to_the_cluster(
    build: Any, step_format: Any, job: RLJob, sources: dict[str, str]
) -> None:
    params = {"python": sys.executable, "env": sources, "mode": "job", "address": "http://h:1"}
    trainer = build("rl", "openrlhf_grpo", params, step_format=step_format)
    command = trainer.dry_run(job).command
    submit = (sys.executable, "-m", "ray.scripts.scripts", "job", "submit", "--address")
    assert command[:7] == (*submit, "http://h:1")
    assert "RAY_DEDUP_LOGS" in command[command.index("--runtime-env-json") + 1]
    assert command[command.index("--") + 1 :][:3] == (sys.executable, "-m", rl.MODULE)
