"""Writing a chosen profile into ``Cargo.toml``: prepare, show, write atomically, ask Cargo whether it holds."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from trimtab.cargo.profiles.edit import edit_profile
from trimtab.cargo.profiles.effective import profiles_of, unit_graph
from trimtab.cargo.project import Binary, Project, choose_binaries, load_project
from trimtab.cargo.registry import PREFIX
from trimtab.choice.recommend import gains_and_costs
from trimtab.commands.apply.comment import manifest_comment
from trimtab.errors import InputError
from trimtab.model.profile import AXES, CargoValue, Profile
from trimtab.model.study import Study
from trimtab.model.trial import Trial
from trimtab.system.process import Runner, SystemRunner

_NOT_INHERITING = ("dev", "test")


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """A change to ``Cargo.toml``, ready to be shown and written."""

    project: Project
    study: Study
    before: str
    after: str
    expected: Mapping[str, Profile]
    """Profile name → what Cargo must make of it afterwards."""
    notes: tuple[str, ...]
    runner: Runner
    environment: dict[str, str]


def prepare_application(
    study: Study, trial: Trial, environment: dict[str, str], runner: Runner | None = None
) -> Application:
    """Work out the change.

    Raises:
        InputError: the study is of a published crate, the trial cannot be applied, or ``Cargo.toml`` is no longer what
            was measured.
    """
    runner = runner or SystemRunner()
    name = study.project.profile_name
    if study.project.root.startswith(PREFIX):
        raise InputError(
            f"{study.project.root} is a published crate", hint="explore a checkout of its repository, then apply that"
        )
    if trial.failure:
        raise InputError(
            f"trial {trial.id} could not be built: {trial.failure.message}", hint="`trimtab show` lists the others"
        )
    project = load_project(runner, Path(study.project.root) / "Cargo.toml", environment)
    if not project.lock.exists():
        raise InputError(
            "there is no Cargo.lock, without which Cargo cannot be asked whether the change holds",
            where=str(project.root),
            hint="run `cargo generate-lockfile` first",
        )
    effective = _effective(runner, project, study, environment)
    wanted = replace(trial.profile, rustflags=())
    if effective[name] not in (study.baseline_profile, wanted):
        raise InputError(
            f"the profile {name} has changed since the study",
            where=str(project.manifest),
            hint="run trimtab explore again",
        )
    settings = _settings(wanted, effective[name])
    before = project.manifest.read_bytes().decode("utf-8")
    comment = manifest_comment(study, gains_and_costs(study, trial), date.today().isoformat())
    after = edit_profile(before, name=name, settings=settings, comment=comment, bench_targets=project.has_bench_targets)
    return Application(
        project=project,
        study=study,
        before=before,
        after=after,
        expected={**effective, name: wanted},
        notes=tuple(_notes(trial, settings, project)),
        runner=runner,
        environment=environment,
    )


def write(application: Application) -> None:
    """Write the change in one step and ask Cargo what it makes of it; put the old text back if that is not as meant.

    Raises:
        InputError: the file changed since it was read, cannot be written, or Cargo disagrees.
    """
    manifest = application.project.manifest
    if manifest.read_bytes().decode("utf-8") != application.before:
        raise InputError("the file changed while the change was being shown", where=str(manifest), hint="apply again")
    _replace(manifest, application.after)
    try:
        effective = _effective(application.runner, application.project, application.study, application.environment)
        wrong = [
            name for name, meant in application.expected.items() if not _as_meant(name, effective.get(name), meant)
        ]
    except InputError:
        wrong = ["it, which Cargo then cannot read"]
    except BaseException:
        _replace(manifest, application.before)
        raise
    if wrong:
        _replace(manifest, application.before)
        raise InputError(
            f"the old text was put back: the change does not come out as meant for {', '.join(wrong)}",
            where=str(manifest),
            hint="look for the same setting in .cargo/config.toml or in CARGO_PROFILE_… variables",
        )


def _as_meant(name: str, actual: Profile | None, meant: Profile) -> bool:
    """Whether Cargo makes of a profile what it shall; it takes no ``panic`` of the profile bench's own."""
    if actual and name == "bench":
        meant = replace(meant, panic=actual.panic)
    return actual == meant


def _settings(wanted: Profile, today: Profile) -> dict[str, CargoValue]:
    """Settings to write; with ``debug`` goes ``strip``, since Cargo's default for that depends on it."""
    changed = {axis.name for axis in wanted.differing(today)}
    if "debug" in changed:
        changed.add("strip")
    return {axis.name: axis.cargo(axis.get(wanted)) for axis in AXES if axis.name in changed}


def _notes(trial: Trial, settings: Mapping[str, object], project: Project) -> Iterator[str]:
    if trial.profile.rustflags:
        flags = ", ".join(f'"{flag}"' for flag in trial.profile.rustflags)
        yield f"compiler flags have no place in a profile: put rustflags = [{flags}] in [build] of .cargo/config.toml"
    if "panic" in settings and project.has_bench_targets:
        yield "Cargo ignores panic in the profile bench: `cargo bench` will build libraries and binaries with this one"


def _effective(runner: Runner, project: Project, study: Study, environment: dict[str, str]) -> dict[str, Profile]:
    """Effective profile, as Cargo has it, of the changed one and of those that may inherit from it."""
    tables = tomllib.loads(project.manifest.read_text("utf-8")).get("profile", {})
    names = {study.project.profile_name, *tables, *(("bench",) if project.has_bench_targets else ())}
    binaries = _shipped(project, study)
    profiles = {}
    for name in sorted(names - set(_NOT_INHERITING)):
        graph = unit_graph(runner, project, binaries, replace(study.selection, profile=name), environment)
        profiles[name] = profiles_of(graph, binaries)[0]
    return profiles


def _shipped(project: Project, study: Study) -> tuple[Binary, ...]:
    """Binaries that the study built; of a wheel, those that Cargo builds for it."""
    if not study.selection.wheel:
        return choose_binaries(project, study.selection, project.root)
    shipped = tuple(
        binary
        for binary in (*project.binaries, *project.libraries)
        if binary.package == study.project.name and binary.name in study.project.binaries
    )
    if not shipped:
        raise InputError(f"the package {study.project.name} is not as it was", hint="run trimtab explore again")
    return shipped


def _replace(path: Path, text: str) -> None:
    """Write a file so that at any moment it holds either the old or the new text."""
    real = path.resolve()
    try:
        descriptor, draft = tempfile.mkstemp(dir=real.parent, prefix=".Cargo.toml.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
            shutil.copymode(real, draft)
            Path(draft).replace(real)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(draft).unlink()
            raise
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(path)) from None
