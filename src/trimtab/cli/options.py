"""Options that several commands share: the project, its binaries, features and profile, durations."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from trimtab.units import parse_duration

F = TypeVar("F", bound=Callable[..., Any])


def duration(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """Callback of an option that takes a duration: seconds, or ``None`` where it was not given."""
    return parse_duration(value) if value else None


def project_options(function: F) -> F:
    """Options that name a Cargo project and what of it ships; `chosen_project` reads them."""
    options = (
        click.argument("path", default=".", metavar="[PATH | crate:NAME[@VERSION]]"),
        click.option("--bin", "binaries", multiple=True, metavar="NAME", help="The binary to ship; may be repeated."),
        click.option("--bins", "all_binaries", is_flag=True, help="All binaries."),
        click.option("--package", "-p", "packages", multiple=True, metavar="NAME", help="Only its binaries."),
        click.option("--features", multiple=True, metavar="F,F…", help="Features to turn on."),
        click.option("--no-default-features", is_flag=True, help="Turn the default features off."),
        click.option("--profile", default="", metavar="NAME", help="The profile that ships (release)."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def chosen_project(options: Mapping[str, Any]) -> dict[str, Any]:
    """Values of `project_options`, as keyword arguments of a request."""
    return {
        **{name: options[name] for name in ("path", "binaries", "all_binaries", "packages", "profile")},
        "features": tuple(name for text in options["features"] for name in text.replace(",", " ").split()),
        "default_features": not options["no_default_features"],
        "command": command_line(),
    }


def command_line() -> str:
    """The command as it was typed, for reports."""
    return shlex.join(("trimtab", *click.get_current_context().obj))
