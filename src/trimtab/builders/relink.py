"""Layout replicates: the last link of a build is kept, then run again with the functions in another order.

Where functions lie can move a run by several percent, and a build is only one draw of many placements. Relinking the
same objects with their sections shuffled draws others, without compiling anything.

Cargo is given a linker of ours: a shell script that keeps what the link of a wanted binary reads, since rustc deletes
some of it right afterwards, and then becomes the linker that Cargo would have called, with the words it was given.
Files are hard-linked where that is possible, so this costs milliseconds.

Shuffled is what lld's ``--shuffle-sections=GLOB=SEED`` finds by the name of the input section. rustc puts every
function into a section ``.text.…`` of its own; ``.init_array`` and the like, whose order has a meaning, do not match.
All this is for Linux, and for linkers that are compiler drivers (``cc``, ``clang``), as they are unless somebody asks
for another.

Source: LLVM, lld/docs/ld.lld.1 and lld/ELF/Writer.cpp (seed 0 means a random one, -1 the reverse order).
"""

from __future__ import annotations

import filecmp
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from trimtab.cargo import messages
from trimtab.cargo.environment import building
from trimtab.cargo.profiles.arguments import toml_value
from trimtab.cargo.project import Binary, Project
from trimtab.cargo.toolchain import ask, complaint
from trimtab.errors import InputError, MissingError
from trimtab.system.process import Command, Runner

_CODE = ".text*"
_MOST_SEED = 2**32 - 2
_SPECIAL = re.compile(r"""([\s\\"'])""")
_MANIFEST = '[package]\nname = "trimtab-linker"\nversion = "0.0.0"\nedition = "2021"\n\n[workspace]\n'
_WRAPPER = """\
#!/bin/sh
# Keeps what the link of a wanted binary reads, then becomes the linker.

linker={linker}
folder={folder}

keep() (
    set -e
    output='' before=''
    for word; do
        [ "$before" != -o ] || output=${{word##*/}}
        before=$word
    done
    case $output in
{names}
        *) exit ;;
    esac
    draft=$folder/.$name.$$
    mkdir -p "$draft/files"
    command -v "$linker" > "$draft/linker"
    pwd > "$draft/directory"
    printf '%s\\n' "$@" > "$draft/words"
    for word; do # in the end "$@" is the files and folders to keep
        shift
        path=/${{word#*/}}
        case $path in
            {target}/* | {resolved}/* | */rustc??????/*) [ ! -e "$path" ] || set -- "$@" "$path" ;;
        esac
    done
    printf '%s\\n' "$@" > "$draft/kept"
    if ! cp -rl --parents "$@" "$draft/files"; then # another file system
        rm -r "$draft/files"
        mkdir "$draft/files"
        cp -r --parents "$@" "$draft/files"
    fi
    rm -rf "$folder/$name"
    mv "$draft" "$folder/$name"
)

read_response_file() {{
    sed 's/\\\\\\(.\\)/\\1/g' "${{1#@}}"
}}

case $# in
    1) IFS='
'
       set -f
       keep $(read_response_file "$1") ;;
    *) keep "$@" ;;
esac > /dev/null 2>&1
exec "$linker" "$@"
"""


def capturing(
    runner: Runner,
    project: Project,
    environment: Mapping[str, str],
    *,
    binaries: Sequence[Binary],
    target: Path,
    folder: Path,
) -> tuple[str, ...]:
    """Arguments that make Cargo keep the last link of each binary, in ``folder/NAME``.

    Whatever is kept there already is replaced once a link of that name is complete.

    Args:
        runner: runs Cargo and rustc.
        project: whose configuration tells the linker.
        environment: the user's.
        binaries: whose links are wanted.
        target: the target directory of the build.
        folder: where links are kept; on the same file system they take no space of their own.

    Raises:
        InputError: Cargo cannot be asked for the linker.
        MissingError: there is no rustc.
    """
    triple, linker = _linker_in_force(runner, project, environment)
    names = [
        f"        {stem} | {stem}-*) name={binary.name} ;;"
        for binary in binaries
        for stem in [binary.name.replace("-", "_")]
    ]
    # rustc reads from a linker's name which options it understands.
    wrapper = folder.absolute() / ".linker" / Path(linker).name
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    wrapper.write_text(
        _WRAPPER.format(
            linker=shlex.quote(linker),
            folder=shlex.quote(str(folder.absolute())),
            names="\n".join(names),
            target=shlex.quote(str(target.absolute())),
            resolved=shlex.quote(str(target.resolve())),
        ),
        "utf-8",
    )
    wrapper.chmod(0o755)
    return ("--config", f"target.{triple}.linker={toml_value(str(wrapper))}")


def relink(runner: Runner, capture: Path, output: Path, seed: int | None = None) -> None:
    """Run a captured link again.

    Args:
        runner: runs the linker.
        capture: ``folder/NAME`` of `capturing`.
        output: the binary to make.
        seed: of the order of functions, from 1 on, linked with lld; ``None`` for the link just as it was.

    Raises:
        InputError: there is no such capture, or the link fails.
        MissingError: there is no lld.
        ValueError: the seed is no such number.
    """
    if seed is not None and not 1 <= seed <= _MOST_SEED:
        raise ValueError(f"{seed} is no seed of an order")
    linker, directory, argv, kept = (_lines(capture / name) for name in ("linker", "directory", "words", "kept"))
    root = Path(directory[0])
    argv = [_turned(argument, set(kept), capture / "files") for argument in argv]
    argv[argv.index("-o") + 1] = str(output.absolute())
    if seed is not None:
        argv += [*find_lld(runner, root), f"-Wl,--shuffle-sections={_CODE}={seed}"]
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="trimtab-") as file:  # there may be very many
        file.write("\n".join(_SPECIAL.sub(r"\\\1", argument) or '""' for argument in argv))
        file.flush()
        finished = runner.run(Command(argv=(linker[0], f"@{file.name}"), cwd=root))
    if not finished.ok:
        raise InputError(f"{capture.name} cannot be linked again: {finished.ended}", where=str(capture))


def reproduces(runner: Runner, capture: Path, artifact: Path) -> bool:
    """Whether a captured link, run again just as it was, makes the artifact byte for byte.

    Raises:
        InputError: there is no such capture, or the link fails.
    """
    with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
        again = Path(scratch) / artifact.name
        relink(runner, capture, again)
        return filecmp.cmp(again, artifact, shallow=False)


def replicate(runner: Runner, capture: Path, folder: Path, count: int) -> tuple[Path, ...]:
    """Relink with the seeds from 1 to ``count``; returns the binaries, at paths of one length.

    The length of a program's path moves its stack, which is a layout too, but not the one that is meant.

    Raises:
        InputError: there is no such capture, or the link fails.
        MissingError: there is no lld.
    """
    places = tuple(folder / f"{seed:04}" / capture.name for seed in range(1, count + 1))
    for seed, output in enumerate(places, start=1):
        output.parent.mkdir(parents=True, exist_ok=True)
        relink(runner, capture, output, seed)
    return places


def find_lld(runner: Runner, root: Path) -> tuple[str, ...]:
    """The words that make a compiler driver link with lld: the one that came with rustc, or the one on ``PATH``.

    Args:
        runner: runs rustc.
        root: the folder whose toolchain is meant.

    Raises:
        MissingError: there is neither, or no rustc.
    """
    sysroot = Path(ask(runner, ("rustc", "--print", "sysroot"), root, dict(os.environ)))
    for bundled in sysroot.glob("lib/rustlib/*/bin/gcc-ld/ld.lld"):
        return (f"-B{bundled.parent}", "-fuse-ld=lld")
    if shutil.which("ld.lld"):
        return ("-fuse-ld=lld",)
    raise MissingError(
        "there is no lld to shuffle functions with",
        hint="use a toolchain of rustup's, which brings one, or sudo apt-get install lld",
    )


def _linker_in_force(runner: Runner, project: Project, environment: Mapping[str, str]) -> tuple[str, str]:
    """Target triple and linker of the project's builds, read from how Cargo has an empty crate checked."""
    with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
        crate = Path(scratch)
        (crate / "src").mkdir()
        (crate / "src" / "lib.rs").touch()
        (crate / "Cargo.toml").write_text(_MANIFEST, "utf-8")
        argv = ("cargo", "check", "--verbose", "--offline", "--manifest-path", str(crate / "Cargo.toml"))
        asked = Command(argv=argv, cwd=project.folder, environment=building(environment, crate / "target"))
        finished = runner.run(asked)
    calls = messages.invocations(finished.stderr)
    if not finished.ok or not calls:
        raise InputError(f"Cargo cannot check an empty crate: {complaint(finished)}", where=str(project.folder))
    arguments = calls[-1].arguments
    linkers = [argument.removeprefix("linker=") for argument in arguments if argument.startswith("linker=")]
    if "--target" in arguments:
        triple = arguments[arguments.index("--target") + 1]
    else:
        version = ask(runner, (environment.get("RUSTC") or "rustc", "-vV"), project.folder, dict(environment))
        triple = next(line.removeprefix("host: ") for line in version.splitlines() if line.startswith("host: "))
    return triple, linkers[0] if linkers else "cc"


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").split("\n")[:-1]
    except FileNotFoundError:
        raise InputError(
            f"the last link of {path.parent.name} was not captured",
            where=str(path.parent),
            hint="it takes Linux, and a linker that is set with target.<triple>.linker, not by compiler flags",
        ) from None


def _turned(argument: str, kept: set[str], files: Path) -> str:
    """An argument of the link, with its path replaced by that of the kept copy."""
    option, _, path = argument.partition("/")
    return f"{option}{files}/{path}" if f"/{path}" in kept else argument
