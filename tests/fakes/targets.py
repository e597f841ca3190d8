"""A report of `trimtab targets` with everything that it can have, and toolchains that are not there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.fakes.values import FAT1, MACHINE, TODAY, TOOLCHAIN, artifact
from trimtab.builders.routes import TargetToolchain
from trimtab.choice.table import label
from trimtab.commands.targets.known_issues import hints
from trimtab.commands.targets.model import (
    SmokeRun,
    SmokeStatus,
    TargetAttempt,
    TargetResult,
    TargetsReport,
    TargetStatus,
)
from trimtab.commands.targets.overrides import proposals
from trimtab.model.profile import Profile
from trimtab.model.release_target import Place, ReleaseTarget
from trimtab.model.trial import BuildFailed, Cause, Cost, Effect

HOST = "x86_64-unknown-linux-gnu"
WINDOWS = "x86_64-pc-windows-gnu"
WASM = "wasm32-wasip1"
ARM = "aarch64-unknown-linux-gnu"
RELEASE = ".github/workflows/release.yml"


def target(triple: str, line: int = 12) -> ReleaseTarget:
    """A target of a workflow's matrix."""
    return ReleaseTarget(triple=triple, places=(Place(file=RELEASE, line=line, said=triple),))


def ran(
    state: SmokeStatus = SmokeStatus.OK,
    runner: str = "native",
    said: str = "--version: app 0.1.0",
    how: tuple[str, ...] = (),
    exit_code: int | None = None,
) -> SmokeRun:
    """A binary that was run."""
    code = 0 if state is SmokeStatus.OK else exit_code
    return SmokeRun(binary="app", state=state, runner=runner, said=said, exit_code=code, how=how)


def attempt(
    profile: Profile = TODAY,
    *,
    told: Profile | None = None,
    size: int = 1000,
    run: SmokeRun | None = None,
    warnings: tuple[str, ...] = (),
) -> TargetAttempt:
    """A build that succeeded; rustc was told what the profile says, or something else."""
    found = told or profile
    effect = Effect(
        binary="app", lto=found.lto.value, codegen_units=found.codegen_units, opt_level=found.opt_level.value,
        panic=found.panic.value, strip=found.strip.value, debug=found.debug.value, rustflags=found.rustflags,
        warnings=warnings,
    )  # fmt: skip
    return TargetAttempt(
        label=label(profile, TODAY),
        profile=profile,
        artifacts=(artifact("app", size, "0123456789abcdef"[size % 16]),),
        cost=Cost(wall=2.0, cpu=3.5, peak_memory=1 << 20, memory_method="played", other_load=0.1),
        effects=(effect,),
        runs=(run or ran(),),
    )


def broken(profile: Profile = FAT1, message: str = "linking with `x86_64-w64-mingw32-gcc` failed") -> TargetAttempt:
    """A build that failed."""
    failure = BuildFailed(cause=Cause.LINKER, message=message, log=("error: one", "error: two"), wall=1.5)
    return TargetAttempt(label=label(profile, TODAY), profile=profile, failure=failure)


def result(
    triple: str, *attempts: TargetAttempt, narrowed: Sequence[TargetAttempt] = (), line: int = 12
) -> TargetResult:
    """A target that was tried."""
    found = hints(triple, (*attempts, *narrowed))
    return TargetResult(
        target=target(triple, line), way="cargo, rustc 1.95.0", attempts=attempts, narrowed=tuple(narrowed), hints=found
    )


def not_tried(triple: str = ARM) -> TargetResult:
    """A target that cannot be built here."""
    return TargetResult(
        target=target(triple, 15),
        reason="its standard library is not installed",
        how=(f"rustup target add {triple}", "cargo install cross, which needs docker or podman"),
    )


def report(*results: TargetResult, candidate: Profile | None = FAT1) -> TargetsReport:
    """A report of some results."""
    bad = [one for one in results if one.standing is TargetStatus.BREAKS]
    return TargetsReport(
        project="app",
        root="/home/ann/app",
        profile_name="release",
        base=TODAY,
        candidate=candidate,
        candidate_label=label(candidate, TODAY) if candidate else "",
        results=results,
        proposals=proposals(bad, "release"),
        machine=MACHINE,
        seconds=75.0,
        notes=("toolchains: rustc 1.95.0 (59807616e)",),
        command="trimtab targets --candidate lto=fat --candidate codegen-units=1",
    )


def a_full_report() -> TargetsReport:
    """Every standing, a proposal, and a build that meddles with its own sources."""
    units = Profile(codegen_units=1)
    vandal = broken(TODAY, "couldn't read src/main.rs")
    meddled = TargetAttempt(
        label="today", profile=TODAY, failure=vandal.failure, wrote=("deleted build.rs", "deleted src/main.rs")
    )
    unknown = ran(SmokeStatus.NOT_RUN, "", "there is no wasmtime to run it", ("pip install 'trimtab[wasm]'",))
    dropped = attempt(FAT1, told=units, warnings=("app: lto was asked as fat but rustc was told local",))
    wine = ran(runner="wine")
    narrowed = (broken(Profile(lto=FAT1.lto)), attempt(units, size=4900, run=wine))
    return report(
        result(HOST, attempt(), attempt(FAT1, size=800), line=11),
        result(WINDOWS, attempt(size=5000, run=wine), broken(), narrowed=narrowed),
        result(WASM, attempt(run=unknown), attempt(FAT1, size=700, run=unknown), line=13),
        result("i686-unknown-linux-gnu", attempt(), dropped, line=16),
        result("s390x-unknown-linux-gnu", meddled, broken(FAT1, "couldn't read src/main.rs"), line=14),
        not_tried(),
    )


def compiler(folder: Path, *libraries: str, programs: Sequence[str] = (), known: Sequence[str] = ()) -> TargetToolchain:
    """A toolchain whose programs are empty files."""
    tools = folder / "bin"
    tools.mkdir(parents=True, exist_ok=True)
    for name in programs:
        (tools / name).touch()
        (tools / name).chmod(0o755)
    return TargetToolchain(
        toolchain=TOOLCHAIN,
        environment={"PATH": str(tools)},
        sysroot=folder,
        known=frozenset((*libraries, *known, HOST, WINDOWS, WASM, ARM)),
        libraries=frozenset(libraries),
    )
