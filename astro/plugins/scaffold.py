"""The files of a new plugin: a package that installs, works and tests itself, to be filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from string import Template

from astro.errors import PluginError
from astro.plugins.registry import Registry

SUMMARIES = {
    "problems": "sums of two numbers",
    "policy": "a policy without a model, which gives random answers",
    "reward_model": "a process reward model that prefers short steps",
    "search": "a greedy search that follows the step of the highest value",
    "value": "the agreement of a state's completions",
    "step_format": "steps as lines, the last of which begins with `Answer:`",
    "verifier": "the final answer equals the reference as text",
    "linearizer": "the shortest correct paths as traces",
    "sft": "a fine-tuner that leaves the model as it is",
    "rl": "RL that measures rewards and leaves the model as it is",
    "executor": "tasks in this process, a batch at a time",
    "stage": "the length of each trace, in a file",
    "command": "the number of trees of a run",
}
"""What the plugin that is written for each kind provides; it is there to be replaced."""

_COMMON = "common"
"""The folder of templates that all kinds share; a kind's own files take their place."""

_SUFFIX = ".tmpl"
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_MAX_NAME = 40


def write_plugin(kind: str, name: str, into: Path, registry: Registry) -> Path:
    """Write the package of a new plugin as a folder in `into`, and return the folder.

    Raises `PluginError` where the name is unfit or taken, or the folder cannot be made.
    """
    words = _words(kind, name, registry)
    folder = into / words["distribution"]
    try:
        folder.mkdir(parents=True)
        templates = files("astro.plugins") / "templates"
        found = dict(_templates(templates / _COMMON)) | dict(_templates(templates / kind))
        for path, template in found.items():
            target = folder / path.replace("package", words["package"], 1)
            target.parent.mkdir(exist_ok=True)
            target.write_text(Template(template).substitute(words), encoding="utf-8")
    except FileExistsError:
        raise PluginError(f"{folder} is there already", "choose another name or --into") from None
    except OSError as error:
        raise PluginError(f"{folder} cannot be written: {error.strerror}") from None
    return folder


def _words(kind: str, name: str, registry: Registry) -> Mapping[str, str]:
    """What the templates' words stand for. Raises `PluginError`."""
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME:
        raise PluginError(
            f"{name!r:.60} cannot name a plugin",
            f"expected up to {_MAX_NAME} lower-case letters, digits and single underscores, "
            "such as chemistry",
        )
    package = f"astro_{name}"
    for entry in registry.entries:
        if (entry.provider.kind, entry.provider.name) == (kind, name):
            raise PluginError(f"{kind} {name!r} is there already", f"in {entry.distribution}")
    if find_spec(package):
        raise PluginError(f"a package {package} is installed already", "choose another name")
    camel_kind = "".join(map(str.capitalize, kind.split("_")))
    return {
        "kind": kind,
        "summary": SUMMARIES[kind],
        "params_name": f"{camel_kind}Params",
        "name": name,
        "package": package,
        "distribution": f"astro-{name.replace('_', '-')}",
        "class_name": "".join(map(str.capitalize, name.split("_"))) + camel_kind,
    }


def _templates(folder: Traversable, within: str = "") -> Iterator[tuple[str, str]]:
    """(path without the suffix, text) of every template below a folder."""
    for child in sorted(folder.iterdir(), key=lambda child: child.name):
        path = str(PurePosixPath(within, child.name))
        if child.is_dir():
            yield from _templates(child, path)
        elif path.endswith(_SUFFIX):
            yield path.removesuffix(_SUFFIX), child.read_text(encoding="utf-8")
