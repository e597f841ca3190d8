"""Held-out benches: what benches run is not what training ran, and there is something to train with.

A program is fast on what it was trained with; what users see is the gain on everything else. So a bench with a training
command, or with an input file that training reads too, is refused; files are compared by content, wherever they lie.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from trimtab.cargo.project import Binary
from trimtab.cargo.toolchain import runs_on
from trimtab.errors import InputError
from trimtab.experiment.provenance import named_inputs
from trimtab.model.identity import digest
from trimtab.model.plan import Bench, Plan, Training
from trimtab.model.profile import Profile, Switch
from trimtab.system.command_template import line_of
from trimtab.system.content import file_digests, record_input


def training_identity(training: Training, folder: Path, ours: Collection[Path], tools: str = "") -> str:
    """Digest what training does and reads: other training gives another program.

    Args:
        training: the commands, with what they read.
        folder: in which they run.
        ours: files and folders that are no input.
        tools: versions of the programs, beside the compiler's own, that make use of it.

    Raises:
        InputError: the profile data that is given cannot be read.
    """
    data = list(file_digests(Path(training.profile_data))) if training.profile_data else []
    if training.profile_data and not data:
        raise InputError("there is no profile data in this file", where=training.profile_data)
    inputs = _inputs(training.commands, training.inputs, folder)
    return digest(
        data,
        training.commands,
        training.environment,
        training.repetitions,
        [record_input(name, folder, ours).digest for name in inputs],
        tools,
    )


def require_trainable(
    profiles: Iterable[Profile], plan: Plan, target: str, host: str, binaries: Collection[Binary], folder: Path
) -> None:
    """Raise where profiles cannot be trained.

    Args:
        profiles: those that are to be.
        plan: with the training.
        target: triple that is built for.
        host: triple of this machine.
        binaries: that are built.
        folder: in which training runs.

    Raises:
        InputError: there are no commands, or what is built cannot be run here.
    """
    training, wheel = plan.training, plan.selection.wheel
    with_bolt = any(profile.bolt is Switch.ON for profile in profiles)
    if not training.commands and (with_bolt or not training.profile_data):
        raise InputError(
            "no training commands: pgo and bolt need the program to be exercised",
            where=str(folder / "trimtab.toml"),
            hint="write train = [\"{bin} …\"] under [pgo], or give --train '{bin} …'; not what a bench runs",
        )
    is_trained_here = with_bolt or not training.profile_data
    if is_trained_here and not runs_on(target, host):
        raise InputError(
            f"a program for {target} cannot be trained on {host}",
            hint="train on a machine where it runs; trimtab pgo build --profile-data takes its profile",
        )
    if is_trained_here and not wheel and next(iter(binaries)).is_library:
        raise InputError("a library is not run by itself, so it cannot be trained", hint="train the wheel with --wheel")
    if is_trained_here and not wheel and len(binaries) > 1:
        names = ", ".join(binary.name for binary in binaries)
        raise InputError(
            f"training runs one program, and there are {names}",
            hint="choose it with --bin NAME: what it does not run of the others would count as cold",
        )
    if with_bolt and (wheel or "linux" not in target):
        raise InputError("bolt lays out programs for Linux", hint="take bolt out of the axes")


def require_untrained(profiles: Iterable[Profile], what: str) -> None:
    """Raise where a profile takes training, for what looks at single builds only.

    Raises:
        InputError: names what cannot be had.
    """
    if any(profile.is_trained for profile in profiles):
        raise InputError(
            f"{what} are of plain builds", hint="leave pgo and bolt out: explore tells what training takes"
        )


def require_held_out(benches: Iterable[Bench], training: Training, folder: Path, ours: Collection[Path]) -> None:
    """Raise where a bench runs what training runs; one that is marked as trained may.

    Raises:
        InputError: names the bench, and the command or file that it shares.
    """
    shared = {found for name in training.shared_inputs for found in file_digests(folder / name, ours)}
    trained = _by_content(_inputs(training.commands, training.inputs, folder), folder, ours)
    for bench in benches:
        if not bench.is_judged:
            continue
        if bench.command in training.commands:
            raise InputError(
                f"the bench {bench.name!r} is a training command: {line_of(bench.command)}",
                hint="give it something that training does not run, or mark it with trained = true: it is shown then, "
                "and not judged",
            )
        names = _inputs((bench.command, (bench.stdin,)), bench.inputs, folder)
        for found, name in _by_content(names, folder, ours).items():
            if found in trained and found not in shared:
                raise InputError(
                    f"the bench {bench.name!r} reads {name}, which training reads too",
                    where=trained[found] if trained[found] != name else "",
                    hint="give it other data; if both may read it, as settings, say so by --shared-input or [pgo] "
                    "shared-inputs; or mark the bench with trained = true: it is shown then, and not judged",
                )


def _inputs(commands: Iterable[tuple[str, ...]], declared: Iterable[str], folder: Path) -> list[str]:
    return named_inputs([word for command in commands for word in command], declared, folder)


def _by_content(names: Iterable[str], folder: Path, ours: Collection[Path]) -> Mapping[str, str]:
    """Digest of a file's content → the name by which it is read; empty files are nothing to be trained with."""
    return {
        found: str(Path(name, below)) for name in names for found, below in file_digests(folder / name, ours).items()
    }
