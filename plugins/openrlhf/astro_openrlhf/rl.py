"""`openrlhf_grpo` and `openrlhf_ppo`: OpenRLHF's training loop with our problems and verifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing

from astro.interfaces import DryRunReport, OnStep, RLJob, StepFormat, TrainResult
from astro.plugins.secrets import redacted, revealed
from astro_hf.metric_log import MetricLog, MetricRow
from astro_hf.tokenizers import absolute
from astro_openrlhf import checks, flags, progress
from astro_openrlhf.command import Command, follow
from astro_openrlhf.params import GrpoParams, PpoParams
from astro_openrlhf.prompts import PromptWriter
from astro_openrlhf.reward import write_module
from astro_openrlhf.rollouts import LABEL, PROMPT, write_prompts
from astro_openrlhf.start_model import check_start
from astro_openrlhf.workspace import Workspace

MODULE = "openrlhf.cli.train_ppo_ray"


class Trainer:
    """The `rl` named `openrlhf_grpo` or `openrlhf_ppo`, depending on the class of the params.

    OpenRLHF samples with its own vLLM engines. All machines must be able to read and write
    `run_dir`.
    """

    def __init__(self, params: GrpoParams | PpoParams, *, step_format: StepFormat) -> None:
        self._params = revealed(params)
        self._step_format = step_format

    def train(self, job: RLJob, on_step: OnStep) -> TrainResult:
        """Train `job.model` into `job.run_dir/model`, which is returned at once if it exists.

        A killed training resumes from OpenRLHF's last checkpoint.

        Raises:
            MissingEngineError: The interpreter or its OpenRLHF is missing.
            PolicyError: The tokenizer cannot be loaded.
            TrainingError: A check failed, or OpenRLHF did.
            VerifierError: Too many verdicts are faults.
        """
        workspace = Workspace(job.run_dir)
        with closing(MetricLog(job.run_dir)) as logs:
            if not workspace.model.exists():
                workspace.clear_broken(critic=self._params.trains_critic)
                command, _ = self._prepare(workspace, job)
                follow(command, workspace, self._recorder(logs, on_step))
                workspace.hand_over()
            rows = logs.rows
        note = _note(rows, self._params.steps)
        return TrainResult(workspace.model, dict(rows[-1]) if rows else {}, note)

    def dry_run(self, job: RLJob) -> DryRunReport:
        """Write the files of a training and run its checks.

        Raises:
            AstroError: A check failed, as in `train`.
        """
        workspace = Workspace(job.run_dir)
        command, found = self._prepare(workspace, job)
        files = tuple(path for path in sorted(workspace.folder.iterdir()) if path.is_file())
        words = tuple(redacted(self._params, word) for word in command.words)
        return DryRunReport(words, files, found)

    def _prepare(self, workspace: Workspace, job: RLJob) -> tuple[Command, tuple[str, ...]]:
        """Write OpenRLHF's inputs and check them. Returns the command and the results in words."""
        params, start = self._params, absolute(job.model)
        writer = PromptWriter(start, job.prompt)
        check_start(start, writer, params.attention)
        longest = write_prompts(
            workspace.data,
            job.problems,
            writer,
            rows=params.steps * params.prompts_per_step,
            seed=job.seed,
        )
        module = write_module(
            workspace.folder,
            model=start,
            verifier=job.reward,
            step_format=self._step_format,
            problem=job.problems[0],
        )
        words = flags.words(
            {
                "actor.model_name_or_path": start,
                "data.prompt_dataset": workspace.data,
                "data.input_key": PROMPT,
                "data.label_key": LABEL,
                "data.max_len": longest + params.max_tokens,
                "reward.remote_url": module,
                "train.seed": job.seed % 2**31,
                **workspace.flags(),
                **flags.of(params, flags.RL),
                **params.extra_flags,
            }
        )
        python, env = params.interpreter(), params.env
        found = (
            checks.check_flags(python, MODULE, words, env),
            checks.check_reward(python, module, env),
        )
        command = Command((*python, "-m", MODULE, *words), env)
        if params.mode == "job":
            command = command.on_cluster(python, params.address)
        return command, found

    def _recorder(self, logs: MetricLog, on_step: OnStep) -> Callable[[str], None]:
        def record(line: str) -> None:
            if step := progress.parse_step(line):
                metrics = progress.metrics(step.figures)
                logs.append({"step": step.number, **metrics})
                on_step(step.number, self._params.steps, metrics)

        return record


def _note(rows: Sequence[MetricRow], steps: int) -> str:
    """A line for the user if there were fewer steps than planned."""
    done = int(rows[-1]["step"]) if rows else 0
    if done >= steps:
        return ""
    return f"OpenRLHF did {done} of {steps} steps: groups without a signal used up the prompts"
