"""`openrlhf_sft`: fine-tuning with OpenRLHF on batches that are planned here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from statistics import fmean

from astro.data.samples import check_kept, exactness
from astro.errors import TrainingError
from astro.files import read_json, write_json
from astro.interfaces import OnStep, SFTJob, TrainResult
from astro.plugins.secrets import revealed
from astro_hf.metric_log import MetricLog, MetricRow
from astro_hf.tokenizers import absolute
from astro_openrlhf import checks, flags, progress
from astro_openrlhf.command import Command, follow
from astro_openrlhf.params import SftParams
from astro_openrlhf.prompts import PromptWriter
from astro_openrlhf.start_model import check_start
from astro_openrlhf.traces import (
    PROMPT,
    RESPONSE,
    TextExample,
    plan,
    read_examples,
    write_examples,
)
from astro_openrlhf.workspace import Workspace

MODULE = "openrlhf.cli.train_sft"
_METRICS = "metrics.json"
_SHORTEST_RESPONSE = 2
"""OpenRLHF drops a trace if no more than this many tokens are left after its prompt."""


class Trainer:
    """The `sft` named `openrlhf_sft`; see `SFTTrainer`.

    Every batch is planned in advance, so the number of loss tokens is known exactly. OpenRLHF
    determines the order of the batches.
    """

    def __init__(self, params: SftParams) -> None:
        self._params = revealed(params)

    def train(self, job: SFTJob, on_step: OnStep) -> TrainResult:
        """Train into `job.run_dir/model`, which is returned at once if it exists.

        A killed training resumes from OpenRLHF's last checkpoint. The metrics are `tokens`, the
        number of loss tokens; `steps`; `loss`, the mean over the last tenth of the steps;
        `seconds`, the time of this call; `dropped`, the number of traces that were too long; and
        those of `exactness` for the tokens that OpenRLHF reads.

        Raises:
            MissingEngineError: The interpreter or its OpenRLHF is missing.
            PolicyError: The tokenizer cannot be loaded.
            TrainingError: A trace cannot be used, a check failed, or OpenRLHF did.
        """
        workspace = Workspace(job.run_dir)
        if workspace.model.exists():
            return TrainResult(
                workspace.model, read_json(workspace.model / _METRICS, dict[str, float])
            )
        started = time.monotonic()
        workspace.clear_broken()
        start = absolute(job.model)
        examples, counts = self._examples(job, start)
        planned = plan(
            examples,
            batch_size=self._params.batch_size,
            epochs=self._params.epochs,
            tokens=job.tokens,
            seed=job.seed,
        )
        write_examples(workspace.data, planned)
        steps = len(planned) // self._params.batch_size
        rows = self._fit(workspace, self._flags(workspace, start, job.seed), steps, on_step)
        metrics = {
            "tokens": float(sum(example.tokens for example in planned)),
            "steps": float(steps),
            "seconds": time.monotonic() - started,
            **counts,
        }
        losses = [row["loss"] for row in rows[-max(1, steps // 10) :] if "loss" in row]
        metrics |= {"loss": fmean(losses)} if losses else {}
        write_json(workspace.exported / _METRICS, metrics)
        workspace.hand_over()
        return TrainResult(workspace.model, metrics)

    def _examples(self, job: SFTJob, model: str) -> tuple[list[TextExample], dict[str, float]]:
        """Return the examples that fit into `max_length`, and metrics of them."""
        params = self._params
        writer = PromptWriter(model, job.prompt)
        check_start(model, writer, params.attention)
        read = read_examples(job.traces, writer)
        check_kept([example.sample for example in read], job.traces)
        limit = params.max_length
        fit = [
            example
            for example in read
            if example.length <= limit
            and example.length - example.tokens < limit - _SHORTEST_RESPONSE
        ]
        if not fit:
            raise TrainingError(
                f"{job.traces}: none of its {len(read)} traces fits {limit} tokens",
                "raise sft.params.max_length" if read else "",
            )
        counts = {"dropped": float(len(read) - len(fit))}
        return fit, counts | exactness(example.sample for example in fit)

    def _flags(self, workspace: Workspace, model: str, seed: int) -> list[str]:
        return flags.words(
            {
                "model.model_name_or_path": model,
                "data.dataset": workspace.data,
                "data.input_key": PROMPT,
                "data.output_key": RESPONSE,
                "data.input_template": "{}",
                "train.max_epochs": 1,
                "train.seed": seed % 2**31,
                **workspace.flags(),
                **flags.of(self._params, flags.SFT),
                **self._params.extra_flags,
            }
        )

    def _fit(
        self, workspace: Workspace, words: Sequence[str], steps: int, on_step: OnStep
    ) -> list[MetricRow]:
        params = self._params
        python = params.interpreter()
        checks.check_flags(python, MODULE, words, params.env)
        launcher = (*python, "-m", "deepspeed.launcher.runner", *self._machines(), "--module")
        with closing(MetricLog(workspace.run_dir)) as logs:
            record = Recorder(
                logs,
                on_step,
                micro_batches=self._micro_batches(),
                done=workspace.done(),
                steps=steps,
            )
            follow(Command((*launcher, MODULE, *words), params.env), workspace, record)
            record.flush()
            return logs.rows

    def _machines(self) -> list[str]:
        """DeepSpeed's arguments for GPUs and machines."""
        gpus = ["--num_gpus", str(self._params.gpus_per_node)]
        hostfile = self._params.hostfile
        return [*gpus, "--hostfile", hostfile] if hostfile else gpus

    def _micro_batches(self) -> int:
        """The number of micro-batches per update on one GPU."""
        params = self._params
        gpus = params.nodes * params.gpus_per_node
        return params.batch_size // (params.micro_batch_size * gpus)


class Recorder:
    """Turns lines of the log into metric rows and progress. A step is recorded when it is complete.

    OpenRLHF's progress bar counts micro-batches since this start of it, which resumed after `done`
    steps.
    """

    def __init__(
        self, logs: MetricLog, on_step: OnStep, *, micro_batches: int, done: int, steps: int
    ) -> None:
        self._logs = logs
        self._on_step = on_step
        self._micro_batches = micro_batches
        self._done = done
        self._steps = steps
        self._latest: progress.LoggedStep | None = None

    def __call__(self, line: str) -> None:
        """Read a line of the log."""
        batch = progress.parse_batch(line)
        if batch is None or batch.number % self._micro_batches:
            return
        if self._latest and batch.number > self._latest.number:
            self.flush()
        self._latest = batch

    def flush(self) -> None:
        """Record the latest step, if there is one."""
        if self._latest:
            number = self._done + self._latest.number // self._micro_batches
            figures = self._latest.figures.items()
            metrics = {progress.NAMES.get(name, name): value for name, value in figures}
            self._logs.append({"step": number, **metrics})
            self._on_step(number, self._steps, metrics)
            self._latest = None
