"""Writing a chosen profile into ``Cargo.toml``: prepare, show, write atomically, ask Cargo whether it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from trimtab.cargo.profiles.edit import edit_profile, profiles_in
from trimtab.cargo.profiles.effective import configuration, profile_tables, profiles_of, unit_graph
from trimtab.cargo.profiles.inheritance import Changes, ancestry, heirs, with_heirs_kept
from trimtab.cargo.profiles.origin import SettingOrigin, winning_origin
from trimtab.cargo.profiles.rustflags import rustflags_place
from trimtab.cargo.project import Binary, Project, choose_binaries, find_manifest, load_project
from trimtab.cargo.registry import PREFIX
from trimtab.cargo.toolchain import ask
from trimtab.choice.recommend import gains_and_costs, needs_pair
from trimtab.commands.apply.comment import manifest_comment
from trimtab.commands.apply.iteration import iteration_profile, new_iteration_profile, with_iteration_profile
from trimtab.commands.apply.training import workflow_steps
from trimtab.config.file import read_config
from trimtab.errors import InputError
from trimtab.model.profile import AXES, AxisKind, CargoValue, Profile
from trimtab.model.study import Study
from trimtab.model.trial import Trial
from trimtab.release.targets import find_targets
from trimtab.system.file import replace_text
from trimtab.system.process import Runner, SystemRunner


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
    study: Study, trial: Trial, environment: dict[str, str], runner: Runner | None = None, *, pair: bool | None = None
) -> Application:
    """Work out the change.

    Args:
        study: of the project.
        trial: the profile to ship.
        environment: the user's.
        runner: of processes; those of this machine if left out.
        pair: whether a profile to iterate with keeps what is shipped today, and is made where there is none; if left
            out, where touch-and-rebuild would get dear.

    Raises:
        InputError: the study is of a published crate, the trial cannot be applied, ``Cargo.toml`` is no longer what was
            measured, or something else sets what is to be changed.
    """
    runner = runner or SystemRunner()
    name = study.project.profile_name
    _require_applicable(study, trial)
    folder = Path(study.project.folder or study.project.root)
    project = load_project(runner, find_manifest(folder), environment, folder)
    if not project.lock.exists():
        raise InputError(
            "there is no Cargo.lock, without which Cargo cannot be asked whether the change holds",
            where=str(project.root),
            hint="run `cargo generate-lockfile` first",
        )
    cargo = _Profiles(runner=runner, project=project, study=study, environment=environment)
    today, wanted = cargo.effective(name), trial.profile.in_cargo
    if today not in (study.baseline_profile, wanted):
        raise InputError(
            f"the profile {name} has changed since the study",
            where=str(project.manifest),
            hint="run trimtab explore again",
        )
    settings = _settings(wanted, today)
    before = project.manifest.read_bytes().decode("utf-8")
    profiles_in(before)  # a manifest that cannot be edited is refused before Cargo is asked about it
    notes, added, text = list(_notes(trial, settings, cargo)), Changes(), before
    if settings and (needs_pair(study, trial) if pair is None else pair):
        iteration = iteration_profile(cargo.tables)
        if iteration is None:
            added, text = new_iteration_profile(name), with_iteration_profile(before, name)
            iteration = next(iter(added))
        notes.append(f"iterate with `cargo build --profile {iteration}`, which keeps what {name} had")

    def effective(profile: str, changes: Changes) -> Profile:
        merged = {key: {**added.get(key, {}), **changes.get(key, {})} for key in {**added, **changes}}
        return cargo.effective(profile, merged)

    tables = {**cargo.tables, **{profile: dict(values) for profile, values in added.items()}}
    used = ("bench",) if project.has_bench_targets else ()
    changes = with_heirs_kept(tables, name, settings, effective, used=used) if settings else {}
    if settings:
        cargo.require_winning(name, settings, wanted)
    comment = manifest_comment(study, gains_and_costs(study, trial), date.today().isoformat())
    kept = {heir: effective(heir, {}) for heir in heirs(tables, name) if heir in tables or heir in used}
    return Application(
        project=project,
        study=study,
        before=before,
        after=edit_profile(text, name=name, changes=changes, comment=comment),
        expected={name: wanted, **kept},
        notes=tuple(notes),
        runner=runner,
        environment=environment,
    )


def _require_applicable(study: Study, trial: Trial) -> None:
    if study.project.root.startswith(PREFIX):
        raise InputError(
            f"{study.project.root} is a published crate", hint="explore a checkout of its repository, then apply that"
        )
    if trial.failure:
        raise InputError(
            f"trial {trial.id} could not be built: {trial.failure.message}", hint="`trimtab show` lists the others"
        )


@dataclass(frozen=True, kw_only=True)
class _Profiles:
    """The profiles of a project, as Cargo has them for the program of a study."""

    runner: Runner
    project: Project
    study: Study
    environment: dict[str, str]

    @cached_property
    def configuration(self) -> dict[str, Any]:
        return configuration(self.runner, self.project, self.environment)

    @cached_property
    def tables(self) -> dict[str, dict[str, Any]]:
        return profile_tables(self.project, self.configuration)

    @cached_property
    def binaries(self) -> tuple[Binary, ...]:
        return _shipped(self.project, self.study)

    def effective(self, name: str, changes: Changes | None = None) -> Profile:
        """Profile as Cargo has it, under changes of the manifest if there are some."""
        selection = replace(self.study.selection, profile=name)
        graph = unit_graph(self.runner, self.project, self.binaries, selection, self.environment, changes)
        return profiles_of(graph, self.binaries)[0]

    def require_winning(self, name: str, settings: Mapping[str, CargoValue], wanted: Profile) -> None:
        """Raise where something comes before the manifest's own settings of a profile.

        Raises:
            InputError: names the setting that wins, and where it stands.
        """
        for axis in AXES:
            if axis.name in settings:
                origin = self.origin(name, axis.name)
                if origin and (origin.key.startswith("CARGO_") or self._loses(name, axis, settings, wanted, origin)):
                    raise InputError(
                        f"{axis.name} of the profile {name} would not come out as meant: {origin} comes before it",
                        where=str(self.project.manifest),
                        hint=f"change {origin.key} in its place, or take it away and apply again",
                    )

    def _loses(
        self, name: str, axis: AxisKind, settings: Mapping[str, CargoValue], wanted: Profile, origin: SettingOrigin
    ) -> bool:
        """Whether a setting in the manifest has no effect; what is asked of Cargo comes before configuration files."""
        if ".package." not in origin.key:
            return True
        return bool(axis.get(self.effective(name, {name: dict(settings)})) != axis.get(wanted))

    def origin(self, name: str, key: str) -> SettingOrigin | None:
        """Setting that comes before the manifest's own of a key, if there is one."""
        return winning_origin(
            self.runner,
            self.project,
            self.environment,
            tables=self.tables,
            configuration=self.configuration,
            profile=name,
            key=key,
            package=self.binaries[0].package,
        )


def write(application: Application) -> None:
    """Write the change in one step and ask Cargo what it makes of it; put the old text back if that is not as meant.

    Raises:
        InputError: the file changed since it was read, cannot be written, or Cargo disagrees.
    """
    manifest = application.project.manifest
    if manifest.read_bytes() != application.before.encode("utf-8"):
        raise InputError("the file changed while the change was being shown", where=str(manifest), hint="apply again")
    replace_text(manifest, application.after)
    try:
        trouble = _trouble(application)
    except BaseException:
        _put_back(application)
        raise
    if trouble:
        what = "the old text was put back" if _put_back(application) else "somebody else has edited the file meanwhile"
        hint = "look for other settings of it: in .cargo/config.toml, in CARGO_PROFILE_… variables, for packages"
        raise InputError(f"{what}: {trouble}", where=str(manifest), hint=hint)


def _put_back(application: Application) -> bool:
    """Write the old text again, unless the file is no longer as it was written."""
    manifest = application.project.manifest
    if manifest.read_bytes() != application.after.encode("utf-8"):
        return False
    replace_text(manifest, application.before)
    return True


def _trouble(application: Application) -> str:
    """The difference between the profiles that were meant and those that Cargo has; empty if there is none."""
    cargo = _Profiles(
        runner=application.runner,
        project=application.project,
        study=application.study,
        environment=application.environment,
    )
    for name, meant in application.expected.items():
        try:
            actual = cargo.effective(name)
        except InputError as error:
            return f"Cargo cannot read the change: {error.what}"
        if name in ("bench", "test"):  # Cargo takes no panic of theirs
            meant = replace(meant, panic=actual.panic)  # noqa: PLW2901
        for axis in meant.differing(actual):
            origin = cargo.origin(name, axis.name)
            because = f", for {origin} comes before it" if origin else ""
            return f"{axis.name} of the profile {name} would be {axis.show(axis.get(actual))}{because}"
    return ""


def _settings(wanted: Profile, today: Profile) -> dict[str, CargoValue]:
    """Settings to write; with ``debug`` goes ``strip``, since Cargo's default for that depends on it."""
    changed = {axis.name for axis in wanted.differing(today)}
    if "debug" in changed:
        changed.add("strip")
    return {axis.name: axis.cargo(axis.get(wanted)) for axis in AXES if axis.name in changed}


def _notes(trial: Trial, settings: Mapping[str, object], cargo: _Profiles) -> Iterator[str]:
    if trial.profile.rustflags:
        place = rustflags_place(cargo.project, cargo.environment, cargo.configuration, cargo.study.project.target)
        yield f"compiler flags have no place in a profile: {place.advice(trial.profile.rustflags)}"
    if trial.profile.is_trained:
        known = ask(cargo.runner, ("rustc", "--print", "target-list"), cargo.project.folder, cargo.environment)
        targets = find_targets(cargo.project.root, known.split()).targets
        triples = [target.triple for target in targets]
        yield from workflow_steps(cargo.study, trial, triples, read_config(cargo.project.root).training)
    name = cargo.study.project.profile_name
    if "panic" in settings and cargo.project.has_bench_targets and name in ancestry(cargo.tables, "bench"):
        yield "Cargo ignores panic in the profile bench: `cargo bench` will build libraries and binaries with this one"


def _shipped(project: Project, study: Study) -> tuple[Binary, ...]:
    """Binaries that the study built; of a wheel, those that Cargo builds for it."""
    if not study.selection.wheel:
        return choose_binaries(project, study.selection)
    shipped = tuple(
        binary
        for binary in (*project.binaries, *project.libraries)
        if binary.package == study.project.name and binary.name in study.project.binaries
    )
    if not shipped:
        raise InputError(f"the package {study.project.name} is not as it was", hint="run trimtab explore again")
    return shipped
