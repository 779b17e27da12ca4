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
        for path, template in _templates(files("astro.plugins") / "templates" / kind):
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
    return {
        "name": name,
        "package": package,
        "distribution": f"astro-{name.replace('_', '-')}",
        "class_name": "".join(map(str.capitalize, name.split("_"))) + kind.capitalize(),
    }


def _templates(folder: Traversable, within: str = "") -> Iterator[tuple[str, str]]:
    """(path without the suffix, text) of every template below a folder."""
    for child in sorted(folder.iterdir(), key=lambda child: child.name):
        path = str(PurePosixPath(within, child.name))
        if child.is_dir():
            yield from _templates(child, path)
        elif path.endswith(_SUFFIX):
            yield path.removesuffix(_SUFFIX), child.read_text(encoding="utf-8")
