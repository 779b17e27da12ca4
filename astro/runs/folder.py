"""The folder of a run: the paths of its files, its lock, and the check of its config."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from astro.config.loading import read_stored
from astro.config.run import RunConfig
from astro.config.yaml import dump_config
from astro.errors import ConfigError, RunError
from astro.files import check_file, write_whole

FREE = ("max_failed", "verifier.max_faults", "verifier.workers", "executor.")
"""Prefixes of config keys that may change when a run resumes, because they affect no results."""


class RunFolder:
    """The folder `runs/<name>/`. Only the holder of the lock writes, and files atomically."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "config.yaml"
        self.journal = root / "journal.db"
        self.decontamination = root / "decontamination.json"
        self.trees = root / "trees.jsonl"
        self.failures = root / "failures.jsonl"
        self.usage = root / "usage.json"
        self.scores = root / "eval" / "scores.json"
        self.report = root / "report.md"
        self.clearing = root / ".clearing"

    def traces(self, arm: str) -> Path:
        """Return the path of the traces of `sft` or of the control, `direct_sft`."""
        return self.root / ("traces.jsonl" if arm == "sft" else "control_traces.jsonl")

    def training(self, model: str) -> Path:
        """Return the folder of the training of a model, such as `sft`, `direct_sft` or `rl`."""
        return self.root / model

    def checkpoint(self, model: str) -> Path:
        """Return the path of the finished checkpoint of a trained model."""
        return self.training(model) / "model"

    def training_metrics(self, model: str) -> Path:
        """Return the path of the metrics that the trainer of a model reported at its end."""
        return self.training(model) / "metrics.json"

    def samples(self, model: str) -> Path:
        """Return the path of a model's responses to the evaluation problems."""
        return self.root / "eval" / f"{model}.jsonl"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder.

        Raises:
            RunError: Another process has locked it.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        try:
            lock = FileLock(self.root / ".lock", timeout=0).acquire()
        except Timeout:
            raise RunError(
                f"another run is at work in {self.root}", "wait for it, or choose another name"
            ) from None
        with lock:
            yield

    @contextmanager
    def claimed(self, config: RunConfig, *, fresh: bool) -> Iterator[None]:
        """Lock the folder for a run of `config`, and empty it first if `fresh`.

        Raises:
            RunError: Another process has locked it, it cannot be written, or it belongs to a run of
                another config.
        """
        with self.locked():
            if fresh or self.clearing.exists():
                self._clear()
            self._check_config(config)
            self.check_formats()
            yield

    def _clear(self) -> None:
        """Empty the folder.

        A marker file exists meanwhile, so that the remains after a kill are not taken for a run.
        """
        found = [path for path in self.root.iterdir() if path.name != ".lock"]
        if not found:
            return
        if not (self.config.exists() or self.clearing.exists()):
            raise RunError(f"{self.root} holds no run, so --fresh does not empty it")
        write_whole(self.clearing, [])
        for path in found:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path != self.clearing:
                path.unlink()
        self.clearing.unlink()

    def check_formats(self) -> None:
        """Check the formats of all files, including those that only trainers read.

        Raises:
            FormatError: A newer release wrote a file.
        """
        for pattern in ("*.json", "*.jsonl", "*/*.json", "*/*.jsonl"):
            for path in self.root.glob(pattern):
                check_file(path)

    def _check_config(self, config: RunConfig) -> None:
        if not self.config.exists():
            if self.journal.exists() or self.trees.exists():
                raise RunError(
                    f"{self.root} holds a run without its config.yaml",
                    "move it away, or choose another name",
                )
            self.write_config(config)
            return
        try:
            old = read_stored(self.config)
        except ConfigError as error:
            raise self._of_another(f"its config.yaml: {'; '.join(error.problems)}") from None
        differing = _changed_keys(old.model_dump(mode="json"), config.model_dump(mode="json"))
        changed = [key for key in differing if not key.startswith(FREE)]
        if changed:
            raise self._of_another(f"changed: {', '.join(changed)}")
        if differing:
            self.write_config(config)

    def _of_another(self, why: str) -> RunError:
        return RunError(
            f"{self.root} holds a run of another config ({why})",
            "choose another name, as with --set name=NAME; --fresh deletes the old run",
        )

    def write_config(self, config: RunConfig) -> None:
        """Write config.yaml atomically."""
        write_whole(self.config, [dump_config(config).encode()])


def discard(runs: Path) -> None:
    """Mark every run below this folder to start over, so that a kill cannot leave some out."""
    for config in runs.rglob("config.yaml"):
        write_whole(RunFolder(config.parent).clearing, [])


def _changed_keys(old: Any, new: Any, path: str = "") -> list[str]:
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return [] if old == new else [path or "everything"]
    return [
        changed
        for key in sorted({*old, *new}, key=str)
        for changed in _changed_keys(old.get(key), new.get(key), f"{path}.{key}".lstrip("."))
    ]
