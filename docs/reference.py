"""Writes docs/reference.md, which lists the params of every plugin, from their params models.

python docs/reference.py [--check]

`--check` writes nothing and fails if the file is not up to date.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from astro.plugins.hookspecs import Provider
from astro.plugins.registry import Registry

PAGE = Path(__file__).with_name("reference.md")
HEADER = """# Plugins and their params

`make docs` writes this page. [config.md](config.md) describes the other keys of a config."""
BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}

Schema = Mapping[str, Any]


def page(registry: Registry) -> str:
    """The page on the plugins of this repository, in Markdown."""
    ours = [e.provider for e in registry.entries if e.distribution.startswith("astro-reasoner")]
    return "\n\n".join([HEADER, *(section(provider) for provider in ours)]) + "\n"


def section(provider: Provider) -> str:
    """The heading, the summary and the table of params of one plugin."""
    title = f"## {provider.kind}: {provider.name}\n\n{provider.summary[:1].upper()}"
    head = f"{title}{provider.summary[1:].removesuffix('.')}."
    if not provider.params:
        return f"{head} Takes no params."
    module, _, name = provider.params.partition(":")
    schema = getattr(importlib.import_module(module), name).model_json_schema()
    lines = [
        "| param | value | default | |\n|---|---|---|---|",
        *(row(path, field, required) for path, field, required in fields(schema, schema)),
    ]
    return head + "\n\n" + "\n".join(lines)


def fields(schema: Schema, root: Schema, prefix: str = "") -> Iterator[tuple[str, Schema, bool]]:
    """(dotted path, schema, whether it is required) of every param; groups are expanded."""
    for name, field in schema.get("properties", {}).items():
        target = root["$defs"][field["$ref"].rpartition("/")[2]] if "$ref" in field else {}
        if "properties" in target:
            yield from fields(target, root, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", {**target, **field}, name in schema.get("required", ())


def row(path: str, field: Schema, required: bool) -> str:
    """The table row of one param."""
    default = f"`{json.dumps(field['default'])}`" if "default" in field else "empty"
    nested = (option.get("description", "") for option in field.get("anyOf", ()))
    about = field.get("description") or next(filter(None, nested), "")
    cells = (f"`{path}`", kind(field), "required" if required else default, about)
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def kind(field: Schema) -> str:
    """A schema in words, such as `integer >= 1` or `puct or uct`."""
    options = field.get("anyOf") or field.get("oneOf")
    if options:
        return " or ".join(kind(option) for option in options)
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "enum" in field or "const" in field:
        return " or ".join(str(value) for value in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        return f"list of {kind(field.get('items', {}))}"
    bounds = ", ".join(f"{sign} {field[key]:g}" for key, sign in BOUNDS.items() if key in field)
    return f"{field.get('type', 'any')} {bounds}".strip()


def main() -> None:
    """Write the page, or check it."""
    text = page(Registry.discover())
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit("error: docs/reference.md is not up to date; run `make docs`")


if __name__ == "__main__":
    main()
