"""What trimtab builds is what ``cargo build`` builds, in workspaces of every shape.

``cargo build -v`` runs where somebody stands, with what they would write; trimtab prepares and builds with the same.
Held against each other are the packages and binaries, the target, every rustc call to the last flag (but for the place
of the target directory; paths in it are relative to rustc's working directory, which is so compared too), and the
compiler. What Cargo refuses, trimtab refuses; what it refuses beyond that, it has a reason for.

A sample runs with the other tests; ``TRIMTAB_WORKSPACES=300`` tries as many as one likes.
"""

from __future__ import annotations

import collections
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.integration.workspaces import LINKER, Workspace, installed_targets, workspaces
from trimtab.cargo import messages
from trimtab.errors import InputError
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.prepare import prepare
from trimtab.experiment.request import Request
from trimtab.measure.effect import check_effect
from trimtab.model.plan import ProbeKind
from trimtab.model.trial import Built, Invocation
from trimtab.system.paths import default_folders
from trimtab.system.process import SystemRunner

pytestmark = [pytest.mark.integration, pytest.mark.slow]

COUNT = int(os.environ.get("TRIMTAB_WORKSPACES", "12"))
OURS = (
    "CARGO_PROFILE_",
    "CARGO_BUILD_",
    "CARGO_TARGET_",
    "CARGO_INCREMENTAL",
    "RUSTFLAGS",
    "CARGO_ENCODED",
    "MAKEFLAGS",
)
SHIPS = {"bin", "cdylib", "staticlib"}
LENIENT = ("no bin target named", "is ambiguous")
"""Cargo does not look for a binary in members that are no default ones, nor takes a member before a dependency."""
TALLY: collections.Counter[str] = collections.Counter()


@dataclass(frozen=True, kw_only=True)
class CargoBuild:
    """What ``cargo build`` did."""

    ok: bool
    stderr: str
    made: frozenset[tuple[str, str]]
    """Package id and name of each program or library to ship."""
    programs: tuple[tuple[str, str], ...]
    platforms: tuple[str, ...]
    calls: tuple[Invocation, ...]


def cargo_build(folder: Path, arguments: tuple[str, ...], target: Path, environment: Mapping[str, str]) -> CargoBuild:
    argv = ("cargo", "build", "--verbose", "--frozen", "--message-format=json-render-diagnostics", *arguments)
    around = {**environment, "CARGO_TARGET_DIR": str(target)}
    done = subprocess.run(argv, cwd=folder, env=around, capture_output=True, text=True, check=False)
    made, programs, platforms = set(), [], set()
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message.get("reason") == "compiler-artifact" and SHIPS & set(message["target"]["kind"]):
            artifact = (message["package_id"], message["target"]["name"])
            made.add(artifact)
            programs += [artifact] if message["executable"] else []
            file = Path(message["executable"] or message["filenames"][0]).relative_to(target)
            platforms.add(file.parts[0] if len(file.parts) > 2 else "")
    calls = tuple(relative(call, target) for call in messages.invocations(done.stderr))
    return CargoBuild(
        ok=done.returncode == 0, stderr=done.stderr, made=frozenset(made), programs=tuple(programs),
        platforms=tuple(sorted(platforms)), calls=calls,
    )  # fmt: skip


def relative(call: Invocation, target: Path) -> Invocation:
    """A call with the target directory under one name."""
    return Invocation(crate=call.crate, arguments=tuple(word.replace(str(target), "TARGET") for word in call.arguments))


def test_the_same_is_built() -> None:
    differences: list[str] = []

    @given(workspaces())
    @settings(
        max_examples=COUNT,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        derandomize="TRIMTAB_WORKSPACES" not in os.environ,
        suppress_health_check=list(HealthCheck),
    )
    def hold_against_cargo(workspace: Workspace) -> None:
        try:
            in_a_folder(workspace)
        except AssertionError as difference:
            differences.append(f"{difference}\n{workspace}")

    hold_against_cargo()
    print("\nworkspaces:", {**TALLY, "differences": len(differences)})
    assert not differences, "\n\n".join(differences)


def in_a_folder(workspace: Workspace) -> None:
    """Hold trimtab against Cargo in a workspace with a home of its own."""
    with tempfile.TemporaryDirectory(prefix="trimtab-as-cargo-") as scratch:
        place = Path(scratch).resolve()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        plain = {
            **kept, "CARGO_TERM_COLOR": "never", "CARGO_HOME": str(place / "cargo-home"),
            "XDG_CACHE_HOME": str(place / "cache"), "XDG_DATA_HOME": str(place / "data"),
        }  # fmt: skip
        linker = place / "linker"
        linker.write_text(LINKER)
        linker.chmod(0o755)
        for triple in installed_targets():
            plain[f"CARGO_TARGET_{triple.upper().replace('-', '_')}_LINKER"] = str(linker)
        try:
            stand = workspace.write(place, plain)
        except subprocess.CalledProcessError:  # such as a target that is a list in one file and a string in another
            TALLY["not read by Cargo"] += 1
            return
        with mock.patch.dict(os.environ, {**plain, **workspace.environment}, clear=True):
            compare(workspace, stand, place)


def compare(workspace: Workspace, stand: Path, place: Path, target: str = "") -> None:
    arguments = (*workspace.arguments, *(("--target", target) if target else ()))
    cargo = cargo_build(stand, arguments, place / f"reference{target}", os.environ)
    try:
        ours = prepare(request(workspace, stand, target), default_folders(), SystemRunner())
    except InputError as refused:
        TALLY["refused"] += 1
        why_refused(refused, cargo, workspace)
        if cargo.ok and refused.what.startswith("Cargo is configured to build for several targets"):
            compare(workspace, stand, place, target=cargo.platforms[0])
        return
    if not cargo.ok:
        is_found = any(words in cargo.stderr for words in LENIENT)
        assert is_found or not built(ours, place).ok, cargo.stderr
        TALLY["found though Cargo does not" if is_found else "fails for both"] += 1
        return
    if ours.binaries[0].is_library and workspace.all_binaries:  # libraries count where there is no program
        plain = tuple(word for word in arguments if word != "--bins")
        cargo = cargo_build(stand, plain, place / "libraries", os.environ)
        if not cargo.ok:
            assert not built(ours, place).ok, cargo.stderr
            TALLY["fails for both"] += 1
            return
    TALLY["built"] += 1
    same_files(ours, cargo, workspace)
    assert ours.study.toolchain.rustc.split()[1] == rustc_version(stand)
    assert set(ours.today.targets) == set(filter(None, cargo.platforms))
    made = built(ours, place)
    assert made.ok, made.stderr
    for call in made.calls:
        assert call in cargo.calls, difference(call, cargo)
    TALLY["rustc calls"] += len(made.calls)
    for binary in ours.binaries:
        effect = check_effect(made.calls, binary.name.replace("-", "_"), ours.today.profile)
        assert effect, binary
        TALLY["profiles as told"] += not effect.warnings


def difference(call: Invocation, cargo: CargoBuild) -> str:
    """A rustc call of ours beside the ones that Cargo made of that crate."""
    others = [other for other in cargo.calls if other.crate == call.crate]
    sides = [
        f"{sorted(set(call.arguments) - set(o.arguments))} {sorted(set(o.arguments) - set(call.arguments))}"
        for o in others
    ]
    return f"{call.crate}: {'; '.join(sides) or 'not compiled by Cargo'}"


def same_files(ours: Exploration, cargo: CargoBuild, workspace: Workspace) -> None:
    """The binaries are those that Cargo made, or the one of them that is meant."""
    chosen = {(ours.project.ids[binary.package], binary.name) for binary in ours.binaries}
    if workspace.binaries or (workspace.all_binaries and cargo.programs):
        assert chosen == set(cargo.programs)
    else:
        assert chosen <= cargo.made


def why_refused(refused: InputError, cargo: CargoBuild, workspace: Workspace) -> None:
    """What trimtab refuses, Cargo refuses too; or there are two things of one name, none, or several to choose from."""
    names = [name for _, name in set(cargo.programs) or cargo.made]
    if "several targets" in refused.what:
        assert len(cargo.platforms) > 1 or not cargo.ok
    elif "two packages have a binary called" in refused.what:
        assert len(set(names)) < len(names) or not cargo.ok
    elif "several binaries and none chosen" in refused.what:
        assert len(names) > 1 or not cargo.ok
        assert not workspace.binaries
        assert not workspace.all_binaries
    elif "no binary to ship" in refused.what:
        assert not cargo.programs or not cargo.ok
    else:
        assert not cargo.ok, (refused.what, refused.where)


def request(workspace: Workspace, stand: Path, target: str) -> Request:
    return Request(
        path=str(stand), binaries=workspace.binaries, all_binaries=workspace.all_binaries, packages=workspace.packages,
        features=workspace.features, default_features=workspace.default_features, profile=workspace.profile,
        target=target, axes=(), probes=frozenset({ProbeKind.BUILD}),
    )  # fmt: skip


def built(ours: Exploration, place: Path) -> CargoBuild:
    """What trimtab's own build of today's profile did."""
    work = place / "work"
    made = ours.cargo_builder(work, place / "kept").build(ours.today.profile, touch=False)
    if not isinstance(made, Built):
        return CargoBuild(
            ok=False, stderr="\n".join((made.message, *made.log)), made=frozenset(), programs=(), platforms=(), calls=()
        )
    calls = tuple(relative(call, work / "target") for call in made.invocations)
    return CargoBuild(ok=True, stderr="", made=frozenset(), programs=(), platforms=(), calls=calls)


def rustc_version(stand: Path) -> str:
    return subprocess.run(["rustc", "-V"], cwd=stand, capture_output=True, text=True, check=True).stdout.split()[1]
