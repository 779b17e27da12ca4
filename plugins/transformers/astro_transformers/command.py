"""`astro model check`: what ASTRO sees in a checkpoint."""

from __future__ import annotations

import json

import click
import yaml

from astro.errors import ConfigError
from astro.plugins.params import validate
from astro.text import one_line
from astro_transformers.inspection import inspect
from astro_transformers.params import PolicyParams


@click.group()
def model() -> None:
    """Look at models."""


@model.command()
@click.argument("name", metavar="PATH")
@click.option("--prompt", default="{}", help="The config's `prompt`, as YAML.")
@click.option("--dtype", default="auto", help="As the policy's param dtype.")
@click.option("--attn-implementation", default="auto", help="As the policy's param.")
@click.option("--max-length", type=int, help="As the policy's param max_length.")
@click.option("--device", default="auto", help="Where to load the weights.")
@click.option("--no-weights", is_flag=True, help="Do not load the weights, only their names.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(name: str, prompt: str, no_weights: bool, as_json: bool, **params: object) -> None:
    """Show what ASTRO sees in the checkpoint PATH, and all that it would refuse.

    PATH is a folder, a GGUF file, a hub name, or a name that a plugin ships. The exit code is 2 if
    something is refused.
    """
    found = inspect(_params(name, prompt, params), weights=not no_weights)
    if as_json:
        lines = {"notices": found.notices, "refusals": found.refusals}
        click.echo(json.dumps({**found.facts, **lines}, indent=2))
    else:
        for key, value in found.facts.items():
            shown = ", ".join(value) if isinstance(value, list) else str(value)
            click.echo(
                f"{key.replace('_', ' '):<14} {repr(value) if key == 'prompt' else one_line(shown)}"
            )
        for notice in found.notices:
            click.echo(f"notice: {one_line(notice)}")
        for refusal in found.refusals:
            click.echo(f"refused: {one_line(refusal['reason'])}")
            click.echo(f"  remedy: {one_line(refusal['remedy'])}")
    if found.refusals:
        click.get_current_context().exit(2)


def _params(name: str, prompt: str, params: dict[str, object]) -> PolicyParams:
    try:
        values = yaml.safe_load(prompt)
    except yaml.YAMLError as error:
        raise ConfigError([f"--prompt: {one_line(str(error))}"]) from None
    return validate(PolicyParams, {"model": name, "prompt": values, **params})
