"""Writing a project's first ``trimtab.toml``."""

from __future__ import annotations

import os
from pathlib import Path

from trimtab.cargo.profiles.effective import buildable, effective_profile
from trimtab.cargo.project import choose_binaries, fetch, find_manifest, load_project
from trimtab.cargo.toolchain import find_toolchain
from trimtab.commands.init.config_file import config_file
from trimtab.config.file import NAME
from trimtab.errors import InputError
from trimtab.experiment.wheels import (
    binaries_in,
    wheel_beside,
    wheel_meant,
)
from trimtab.model.plan import Selection
from trimtab.model.profile import Profile
from trimtab.system.process import Runner, SystemRunner


def inspect_project(path: Path, runner: Runner | None = None) -> tuple[Path, tuple[str, ...], Profile, bool]:
    """A project's root, its programs, today's release profile of the first of them, and whether a wheel ships.

    Raises:
        InputError: no project, or no binary.
        MissingError: Cargo is missing.
    """
    runner, environment = runner or SystemRunner(), dict(os.environ)
    wheel = wheel_meant(path, asked=False)
    manifest = wheel.manifest if wheel else find_manifest(path)
    folder = path.resolve() if path.is_dir() and not wheel else manifest.parent
    find_toolchain(runner, folder, environment)
    project = load_project(runner, manifest, environment, folder)
    wheel = wheel or wheel_beside(path, project)
    if not project.lock.exists():
        raise InputError("there is no Cargo.lock", where=str(project.root), hint="run `cargo generate-lockfile` first")
    fetch(runner, project, environment)
    selection = Selection(all_binaries=True, profile=wheel.profile if wheel else "release")
    if not wheel:
        project = buildable(runner, project, selection, environment)
    binaries = binaries_in(wheel, project) if wheel else choose_binaries(project, selection)
    today = effective_profile(runner, project, binaries[:1], selection, environment)
    programs = tuple(binary.name for binary in binaries if not binary.is_library)
    return wheel.root if wheel else project.root, programs, today.profile, wheel is not None


def init(path: str | Path = ".", *, dry_run: bool = False, runner: Runner | None = None) -> tuple[Path, str]:
    """Write a commented ``trimtab.toml`` at a project's root.

    Args:
        path: a folder of a Cargo or Python project.
        dry_run: make the text and write nothing.
        runner: runs Cargo; the system's own if left out.

    Returns:
        The file and its text.

    Raises:
        InputError: no project, no binary, there is such a file already, or it cannot be written.
        MissingError: Cargo is missing.
    """
    root, binaries, today, ships_wheel = inspect_project(Path(path), runner)
    file, text = root / NAME, config_file(binaries, today, ships_wheel=ships_wheel)
    if dry_run:
        return file, text
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
    except FileExistsError:
        raise InputError(f"there is a {NAME} already", where=str(file), hint="--dry-run shows a new one") from None
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(file)) from None
    return file, text
