"""One manager for all plugins: a broken one is reported, and affects no other."""

from __future__ import annotations

import json
from collections.abc import Callable

from click.testing import CliRunner, Result

from astro.cli import main
from astro.plugins.manager import Plugins
from astro.plugins.registry import Registry

Distribution = Callable[[str, str], None]

HEADER = "from astro.plugins.hookspecs import Command, Provider, hookimpl\n"
COMMAND = (
    HEADER
    + "@hookimpl\ndef astro_commands():\n    return [Command({name!r}, 'Say it.', '{target}')]\n"
)
SAY = "import click\n@click.command()\ndef say():\n    'Say it.'\n    click.echo('said')\n"


def astro(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), prog_name="astro")


def test_a_hook_that_raises_leaves_the_other_plugins_theirs(distribution: Distribution) -> None:
    distribution("bad", HEADER + "@hookimpl\ndef astro_providers():\n    return 1 / 0\n")
    distribution("good", SAY + COMMAND.format(name="say", target="good:say"))
    registry = Registry.discover()
    (broken,) = registry.broken
    assert (broken.distribution, broken.reason) == ("bad", "ZeroDivisionError: division by zero")
    assert registry.find("command", "say").distribution == "good"
    assert registry.find("verifier", "exact")


def test_a_hook_that_does_not_exist_breaks_its_plugin_alone(distribution: Distribution) -> None:
    distribution("odd", HEADER + "@hookimpl\ndef astro_lunch():\n    return []\n")
    plugins = Plugins()
    (broken,) = plugins.broken
    assert broken.name == "odd"
    assert "astro_lunch" in broken.reason
    assert plugins.collect("astro_providers", lambda provider, _: provider)


def test_two_distributions_may_name_their_entry_points_alike(distribution: Distribution) -> None:
    """Each of `distribution`'s entry points bears its module's name; `builtin` is the core's."""
    distribution("builtin", SAY + COMMAND.format(name="say", target="builtin:say"))
    registry = Registry.discover()
    assert not registry.broken
    assert registry.find("command", "say").distribution == "builtin"
    assert registry.find("executor", "local").distribution == "astro-reasoner"


def test_a_command_is_listed_and_run(distribution: Distribution) -> None:
    distribution("guest", SAY + COMMAND.format(name="say", target="guest:say"))
    assert "Say it." in astro("--help").output
    result = astro("say")
    assert (result.exit_code, result.stdout) == (0, "said\n")
    rows = json.loads(astro("plugins", "--json").stdout)
    (row,) = [row for row in rows if row["name"] == "say"]
    assert (row["name"], row["distribution"], row["status"]) == ("say", "guest", "ready")


def test_a_command_of_the_core_cannot_be_replaced(distribution: Distribution) -> None:
    distribution("thief", SAY + COMMAND.format(name="doctor", target="thief:say"))
    assert astro("doctor", "--json").stdout != "said\n"
    assert astro("--help").output.count("doctor") == 1
    (row,) = [r for r in json.loads(astro("plugins", "--json").stdout) if r["name"] == "doctor"]
    assert row["status"] == "broken"
    assert row["detail"] == "astro has a command doctor of its own"


def test_two_commands_of_one_name_are_one_line_that_names_both(distribution: Distribution) -> None:
    for name in ("first", "second"):
        distribution(name, SAY + COMMAND.format(name="say", target=f"{name}:say"))
    result = astro("say")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: command 'say' is provided by first 1.0 and second 1.0; uninstall one of them\n"
    )


def test_a_broken_command_is_one_line(distribution: Distribution) -> None:
    distribution("guest", "x = 3\n" + COMMAND.format(name="say", target="guest:x"))
    distribution("gone", COMMAND.format(name="sing", target="gone:absent"))
    assert astro("--help").exit_code == 0
    for command, reason in (("say", "guest:x is not a click command"), ("sing", "AttributeError")):
        result = astro(command)
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1
        assert reason in result.stderr
