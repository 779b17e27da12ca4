"""The folder of a run: the paths of its files, its lock, and the check of its config."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from astro.config.loading import read_stored
from astro.config.run import RunConfig
from astro.config.yaml import dump_config
from astro.engine.journal import Journal
from astro.errors import ConfigError, RunError
from astro.files import check_file, json_chunks, line_chunks, write_whole
from astro.plugins.secrets import HIDDEN
from astro.runs.manifest import Manifest
from astro.runs.ownership import LOCK, PAGE, delete, foreign_entries, own_entries

FREE = (
    *("max_failed", "verifier.max_faults", "verifier.workers"),
    *("reward.max_faults", "reward.workers", "executor"),
)
"""Config keys that may change when a run resumes, because they affect no results."""
OF_THE_EVALUATION = (
    *(f"evaluate.{key}" for key in ("samples", "temperature", "max_tokens", "greedy", "by")),
    *("evaluate.models", "evaluate.reflections", "evaluate.returns", "verifier"),
)
"""The config keys that may change when a run is evaluated again. The evaluation sets may not, since
training problems are chosen by them."""
USAGE = "usage.json"


class RunFolder:
    """The folder `runs/<name>/`. Only the holder of the lock writes, and files atomically."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "config.yaml"
        self.journal = root / "journal.db"
        self.decontamination = root / "decontamination.json"
        self.format_traces = root / "format_traces.jsonl"
        self.trees = root / "trees.jsonl"
        self.failures = root / "failures.jsonl"
        self.usage = root / USAGE
        self.scores = root / "eval" / "scores.json"
        self.report = root / "report.md"
        self.page = root / PAGE[0]
        self.clearing = root / ".clearing"
        self.manifest = Manifest(root)

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
        with locked(self.root):
            yield

    @contextmanager
    def claimed(
        self,
        config: RunConfig,
        *,
        fresh: bool,
        outputs: Collection[str] = (),
        free: Collection[str] = (),
        unread: Callable[[RunConfig], Collection[str]] = lambda _: (),
        complete: Callable[[RunConfig], RunConfig] = lambda config: config,
        redone: Collection[str] = (),
        tell: Callable[[str], None] = lambda _: None,
    ) -> Iterator[list[Path]]:
        """Lock the folder for a run of `config`, and delete an earlier run first if `fresh`.

        Only what runs write is deleted. A run that ended before a reply was recorded gives way to
        one of another config. Yields the finished files that are gone or damaged.

        Args:
            config: The config of the run.
            fresh: Whether to delete an earlier run.
            outputs: Names of the entries that the stages of plugins write.
            free: Config keys that may change, in addition to `FREE`.
            unread: Returns further keys that may change, from the config in the folder, because
                no stage that has begun reads them.
            complete: Fills in the defaults of the plugins' params, so that config.yaml keeps them,
                and leaves secrets out.
            redone: Config keys that may change because what they affect is done again. If one has
                changed, the caller has to write the config once that is prepared.
            tell: Receives messages of one line for the user.

        Raises:
            RunError: Another process has locked it, it cannot be written, it holds other files and
                no run, or it belongs to a run of another config.
        """
        with self.locked():
            self._check_foreign(outputs)
            if fresh or self.clearing.exists():
                self._clear(outputs)
            self._check_manifest(tell)
            self._check_config(
                complete(config),
                (*FREE, *free),
                redone,
                unread=unread,
                outputs=outputs,
                complete=complete,
                tell=tell,
            )
            damaged = self.manifest.damaged()
            self.check_formats(damaged)
            yield damaged

    def _check_foreign(self, outputs: Collection[str]) -> None:
        if self.journal.exists() or self.clearing.exists():
            return
        if foreign := foreign_entries(self.root, outputs):
            raise RunError(
                f"{self.root} holds no run, but other files ({foreign[0]})", "choose another name"
            )

    def _clear(self, outputs: Collection[str]) -> None:
        """Delete the run in the folder.

        A marker file exists meanwhile, so that the remains after a kill are not taken for a run.
        """
        found = own_entries(self.root, outputs)
        if found or self.clearing.exists():
            write_whole(self.clearing, [])
            for path in found:
                delete(path)
            self.manifest = Manifest(self.root)
            self.clearing.unlink()

    def _check_manifest(self, tell: Callable[[str], None]) -> None:
        """Set a damaged manifest aside; the files are then taken as they are."""
        try:
            self.manifest.check()
        except RunError:
            self.set_aside(self.manifest.path)
            tell(f"{self.manifest.path} is damaged and set aside; files are taken as they are")

    def set_aside(self, path: Path) -> None:
        """Rename a damaged file to NAME.damaged, and remove it from the manifest."""
        if path.exists():
            path.replace(path.with_name(f"{path.name}.damaged"))
        if path == self.manifest.path:
            self.manifest.check()
        else:
            self.manifest.forget(path)

    def write(self, path: Path, chunks: Iterable[bytes]) -> None:
        """Write a file of the run atomically, and list it in the manifest."""
        self.manifest.forget(path)
        write_whole(path, chunks)
        self.manifest.record([path])

    def remove(self, path: Path) -> None:
        """Delete a finished file, if it exists, so that its stage makes it again."""
        self.manifest.forget(path)
        path.unlink(missing_ok=True)

    def write_json(self, path: Path, value: Any) -> None:
        """Write an indented JSON file as `write` does."""
        self.write(path, json_chunks(value))

    def write_lines(self, path: Path, rows: Iterable[Any]) -> None:
        """Write `rows` as JSON Lines as `write` does."""
        self.write(path, line_chunks(rows))

    def checked(self, path: Path) -> Path:
        """Return the path of a finished file after comparing it with the manifest.

        Raises:
            RunError: The file is damaged.
        """
        if self.manifest.is_damaged(path):
            raise RunError(
                f"{path} is gone or damaged: it is not what {self.manifest.path.name} lists",
                "run its config again, which makes it again from the journal",
            )
        return path

    def check_formats(self, damaged: Collection[Path] = ()) -> None:
        """Check the formats of all files but `damaged` ones, including those of trainers.

        Raises:
            FormatError: A newer release wrote a file.
        """
        for pattern in ("*.json", "*.jsonl", "*/*.json", "*/*.jsonl"):
            for path in self.root.glob(pattern):
                if path not in damaged:
                    check_file(path)

    def _check_config(
        self,
        config: RunConfig,
        free: tuple[str, ...],
        redone: Collection[str],
        *,
        unread: Callable[[RunConfig], Collection[str]],
        outputs: Collection[str],
        complete: Callable[[RunConfig], RunConfig],
        tell: Callable[[str], None],
    ) -> None:
        if not self.config.exists():
            if self.journal.exists() or self.trees.exists():
                raise RunError(
                    f"{self.root} holds a run without its config.yaml",
                    "move it away, or choose another name",
                )
            self.write_config(config)
            return
        try:
            old = complete(read_stored(self.config))
        except ConfigError as error:
            raise self._of_another(f"its config.yaml: {'; '.join(error.problems)}") from None
        differing = _changed_keys(old.model_dump(mode="json"), config.model_dump(mode="json"))
        changed = [key for key in differing if not _is_within(key, (*free, *redone))]
        if changed:
            free = (*free, *unread(old))
            changed = [key for key in changed if not _is_within(key, free)]
        if changed and self._unused(outputs):
            tell(f"the run in {self.root} had no reply yet and gives way to this config")
            self._clear(outputs)
        elif changed:
            again = all(_is_within(key, OF_THE_EVALUATION) for key in changed)
            raise self._of_another(f"changed: {', '.join(changed)}", again=again)
        if changed or (differing and all(_is_within(key, free) for key in differing)):
            self.write_config(config)
        elif HIDDEN in (text := dump_config(old)) and self.config.read_text("utf-8") != text:
            self.write_config(old)  # an earlier release kept secrets

    def _unused(self, outputs: Collection[str]) -> bool:
        """Whether the run ended before a reply was recorded and before it had any result."""
        started = ("config.yaml", "manifest.json", "decontamination.json", "failures.jsonl")
        present = {path.name for path in own_entries(self.root, outputs)}
        files = {name for name in present if not name.startswith("journal.db")}
        if files - {*started, USAGE} or not self.journal.exists():
            return False
        with closing(Journal(self.journal)) as journal:
            return not journal.holds("")

    def _of_another(self, why: str, *, again: bool = False) -> RunError:
        hint = "--from evaluate evaluates it again so; else " if again else ""
        return RunError(
            f"{self.root} holds a run of another config ({why})",
            f"{hint}choose another name, as with --set name=NAME; --fresh deletes the old run",
        )

    def write_config(self, config: RunConfig) -> None:
        """Write config.yaml atomically."""
        write_whole(self.config, [dump_config(config).encode()])


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Lock a folder, which is made if it does not exist.

    Raises:
        RunError: Another process has locked it.
    """
    root.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(root / LOCK, timeout=0).acquire()
    except Timeout:
        raise RunError(
            f"another run is at work in {root}", "wait for it, or choose another name"
        ) from None
    with lock:
        yield


@contextmanager
def claimed_group(root: Path, runs: Collection[str], *, fresh: bool) -> Iterator[None]:
    """Lock the folder of a study or of rounds, and let its runs start over if `fresh`.

    `runs` are patterns of the folders of its runs. Nothing is deleted here: each run is marked, and
    is deleted when its turn comes, so that a kill cannot leave some out.

    Raises:
        RunError: Another process uses the folder or one of the runs, or it holds something else.
    """
    with locked(root):
        found = [path for pattern in runs for path in sorted(root.glob(pattern))]
        tops = ("results.json", *PAGE, *(pattern.split("/")[0] for pattern in runs))
        names = [path.name for path in root.iterdir() if not path.name.startswith(".")]
        others = [name for name in names if not any(fnmatch(name, top) for top in tops)]
        if "config.yaml" in others or (others and not found):
            raise RunError(f"{root} holds other files ({others[0]})", "choose another name")
        if fresh:
            discard(path for path in found if RunFolder(path).config.exists())
            for path in (root / name for name in ("results.json", *PAGE)):
                if path.exists():
                    delete(path)
        yield


def discard(folders: Iterable[Path]) -> None:
    """Mark runs to start over.

    Raises:
        RunError: Another process uses one of them. None is marked then.
    """
    runs = [RunFolder(folder) for folder in folders]
    with ExitStack() as stack:
        for run in runs:
            stack.enter_context(run.locked())
        for run in runs:
            write_whole(run.clearing, [])


def _is_within(key: str, others: Iterable[str]) -> bool:
    """Whether a key is one of `others` or lies below one."""
    return any(key == other or key.startswith(f"{other}.") for other in others)


def _changed_keys(old: Any, new: Any, path: str = "") -> list[str]:
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return [] if old == new or HIDDEN in (old, new) else [path or "everything"]
    return [
        changed
        for key in sorted({*old, *new}, key=str)
        for changed in _changed_keys(
            _part(old, key, new), _part(new, key, old), f"{path}.{key}".lstrip(".")
        )
    ]


def _part(values: Mapping[Any, Any], key: Any, others: Mapping[Any, Any]) -> Any:
    """The value of a key; where there is none, an empty mapping if the other value is a mapping."""
    absent: Any = {} if isinstance(others.get(key), Mapping) else None
    return values.get(key, absent)
