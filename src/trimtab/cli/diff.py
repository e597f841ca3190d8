"""``trimtab diff``."""

from __future__ import annotations

from pathlib import Path

import click

from trimtab.artifact.size_breakdown import read_debug_files
from trimtab.cli.output import console, markdown_option, output_options, refuse_two_formats, say, show, store_option
from trimtab.commands.diff.difference import difference
from trimtab.commands.diff.json import diff_json
from trimtab.commands.diff.listing import listings, remarks
from trimtab.commands.diff.markdown import diff_markdown
from trimtab.commands.diff.model import By
from trimtab.commands.diff.registry_limits import allowances
from trimtab.commands.diff.run import size_report
from trimtab.commands.diff.terminal import diff_renderables
from trimtab.system.paths import default_folders
from trimtab.system.process import Command, Finished, SystemRunner

_MOST_LEVELS = 2


class _FetchingRunner(SystemRunner):
    """Runner that prints what is being fetched: the only program that runs here is pip, which takes a while."""

    def run(self, command: Command) -> Finished:
        """Print the name of the package, then run pip."""
        say(f"fetching {command.argv[-1]}")
        return super().run(command)


def _levels(_context: click.Context, _option: click.Parameter, text: str | None) -> By | tuple[By, By] | None:
    """The grouping of ``--by``, on one level or two."""
    if text is None:
        return None
    for name in (names := text.split(",")):
        if name not in list(By):
            raise click.BadParameter(f"{name!r} is not one of {', '.join(By)}")
    if len(names) > _MOST_LEVELS or len(set(names)) < len(names):
        raise click.BadParameter("give one group, or two different ones such as crate,section")
    return By(names[0]) if len(names) == 1 else (By(names[0]), By(names[1]))


@click.command("diff")
@click.argument("base")
@click.argument("head", required=False)
@click.option("--by", callback=_levels, metavar="GROUP[,GROUP]", help="The one table to show, or two levels of it.")
@click.option(
    "--debug-file",
    "debug_paths",
    type=click.Path(exists=True),
    multiple=True,
    metavar="FILE",
    help="Names the functions of a stripped program: its separate debug file, or a package or folder that has it.",
)
@click.option(
    "--top", type=click.IntRange(min=1), default=15, show_default=True, metavar="N", help="Rows of each table."
)
@markdown_option
@click.option("--wheels", type=click.IntRange(min=1), default=1, metavar="N", help="Platform wheels in a release (1).")
@click.option(
    "--downloads-per-month", type=click.IntRange(min=0), default=0, metavar="N", help="Tells the traffic saved."
)
@store_option
@output_options
def command(
    base: str, head: str | None, by: By | tuple[By, By] | None, debug_paths: tuple[str, ...], top: int,
    markdown: bool, wheels: int, downloads_per_month: int,
    store: str | None, as_json: bool, quiet: bool, no_color: bool,
) -> int:  # fmt: skip
    """Explain why a binary or wheel grew: the size of two files, and where the bytes are. One file alone is weighed.

    A file is a binary (ELF, Mach-O, PE, wasm), a wheel, a release archive (.zip, .tar.gz, .tar.xz, .tar.zst …), a
    package (.deb), a static library (.a, .rlib, .lib), a compressed file, a folder of these,
    pypi:NAME==VERSION[@[PYTHON-]PLATFORM] with a platform such as manylinux-x86_64, macos-arm64 or windows-x86_64, or
    a trial of a study as STUDY:TRIAL. Nothing else is needed: no sources, no Cargo, no debug info. --json has
    everything, whatever --by and --top say.
    """
    refuse_two_formats(as_json=as_json, markdown=markdown)
    folders, runner = default_folders(store), SystemRunner() if quiet else _FetchingRunner()
    debug_files = read_debug_files(map(Path, debug_paths))
    result = difference(*(size_report(spec, folders, runner, debug_files) for spec in (base, head) if spec))
    allowed = allowances(result, wheels)
    if as_json:
        click.echo(diff_json(result, allowed, by if isinstance(by, tuple) else None))
        return 0
    tables, sentences = listings(result, by, top), remarks(result, allowed, downloads_per_month)
    if markdown:
        click.echo(diff_markdown(result, tables, sentences), nl=False)
    else:
        out = console(no_color=no_color)
        show(diff_renderables(result, tables, sentences, out.width), out)
    return 0
