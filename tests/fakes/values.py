"""Ready-made values: trials and studies with the numbers that a test cares about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from trimtab.model.identity import build_identity
from trimtab.model.machine import Machine, Timing, Toolchain
from trimtab.model.metric import Absent, Measurement, ratio_metric, run_metric
from trimtab.model.plan import Bench, Goal, Limits, ProbeKind
from trimtab.model.profile import Lto, OptLevel, Panic, Profile
from trimtab.model.study import ProjectInfo, Study
from trimtab.model.trial import Artifact, BuildFailed, Cause, Effect, Trial

TODAY = Profile()
THIN = Profile(lto=Lto.THIN)
FAT = Profile(lto=Lto.FAT)
FAT1 = Profile(lto=Lto.FAT, codegen_units=1)
SMALL = Profile(lto=Lto.FAT, codegen_units=1, opt_level=OptLevel.S)
ABORT = Profile(panic=Panic.ABORT)

BASIS = "basis"
CHECK = Bench(name="check", command=("{bin}", "check", "corpus"))
MACHINE = Machine(
    cpu="Imaginary CPU 9000", cores=2, memory=8 * 1024**3, os="Debian GNU/Linux 12", kernel="6.1.0", arch="x86_64"
)
TOOLCHAIN = Toolchain(
    rustc="rustc 1.95.0 (59807616e)",
    cargo="cargo 1.95.0",
    host="x86_64-unknown-linux-gnu",
    llvm="22.1.2",
    linker="cc (Debian 12.2.0-14+deb12u1) 12.2.0",
)
PROJECT = ProjectInfo(name="sounding-cli", root="/home/ann/sounding", binaries=("sounding",), sources="abc123")


def size(value: int, metric: str = "size.file") -> Measurement:
    """A size in bytes."""
    return Measurement(name=metric, value=value, unit="bytes", method="bytes of the file as shipped")


def seconds(name: str, value: float) -> Measurement:
    """A build time."""
    return Measurement(name=name, value=value, unit="s", method="clean build in an empty target directory")


def runtime(bench: str, wall: float, ratio: float, low: float, high: float) -> tuple[Measurement, ...]:
    """A bench's wall time and its paired ratio to today's."""
    method = "{bin} check corpus; 20 pairs of random order with today's binary"
    return (
        Measurement(
            name=run_metric(bench, "wall"),
            value=wall,
            unit="s",
            low=wall * 0.99,
            high=wall * 1.01,
            samples=20,
            method=method,
        ),
        Measurement(
            name=ratio_metric(bench, "wall"), value=ratio, unit="ratio", low=low, high=high, samples=20, method=method
        ),
    )


def artifact(name: str = "sounding", size: int = 1000, content: str = "0") -> Artifact:
    """A kept binary that is not really there."""
    return Artifact(name=name, size=size, sha256=content * 64, path=f"/nowhere/{content * 64}/{name}")


def trial(
    profile: Profile = TODAY,
    *,
    file: int | None = 1_000_000,
    stripped: int | None = 800_000,
    cpu: float | None = 40.0,
    touch: float | None = None,
    runs: Mapping[str, tuple[float, float, float]] | None = None,
    more: Sequence[Measurement] = (),
    **rest: Any,
) -> Trial:
    """A built trial. ``runs`` maps a bench to the paired ratio with its interval."""
    measurements: list[Measurement] = []
    measurements += [size(file)] if file else []
    measurements += [size(stripped, "size.stripped")] if stripped else []
    measurements += [seconds("build.clean.cpu", cpu), seconds("build.clean.wall", cpu / 2)] if cpu else []
    measurements += [seconds("build.touch.wall", touch), seconds("build.touch.cpu", touch * 1.5)] if touch else []
    for bench, (ratio, low, high) in (runs or {}).items():
        measurements += runtime(bench, 0.2 * ratio, ratio, low, high)
    values: dict[str, Any] = {
        "id": build_identity(BASIS, profile),
        "profile": profile,
        "status": "ok",
        "started": "2026-05-01T10:00:00+00:00",
        "seconds": 60.0,
        "measurements": (*measurements, *more),
        "artifacts": (artifact(size=file or 1000),),
        "probes": tuple(sorted(ProbeKind)),
        "timing": Timing(machine=MACHINE),
    }
    return _trial({**values, **rest})


def failed(profile: Profile, cause: Cause = Cause.COMPILER, message: str = "error[E0308]: mismatched types") -> Trial:
    """A trial whose build failed."""
    failure = BuildFailed(cause=cause, message=message, log=(message, "error: could not compile `sounding`"), wall=12.5)
    return _trial(
        {
            "id": build_identity(BASIS, profile),
            "profile": profile,
            "status": cause.status,
            "started": "2026-05-01T10:00:00+00:00",
            "seconds": 12.5,
            "failure": failure,
            "timing": Timing(machine=MACHINE),
        }
    )


def study(*trials: Trial, **rest: Any) -> Study:
    """A study of these trials, today's profile being `TODAY`."""
    values: dict[str, Any] = {
        "id": "sounding-1a2b3c",
        "created": "2026-05-01T10:00:00+00:00",
        "project": PROJECT,
        "machine": MACHINE,
        "toolchain": TOOLCHAIN,
        "basis": BASIS,
        "baseline": build_identity(BASIS, TODAY),
        "baseline_profile": TODAY,
        "benches": (),
        "goal": Goal.BALANCED,
        "limits": Limits(),
        "planned": len(trials),
        "command": "trimtab explore",
        "trials": trials,
    }
    return Study(**{**values, **rest})


def a_full_study() -> Study:
    """One of everything that a report can show: several binaries, failures, warnings, unclear and real runtimes."""
    warning = "sounding: lto was asked as fat but rustc was told local"
    memory = Measurement(
        name="build.peak_memory",
        value=688_000_000,
        unit="bytes",
        method="control group (v2), anonymous and shared memory every 20 ms",
    )
    load = Measurement(name="build.clean.other_load", value=0.7, unit="cores", method="busy cores less ours")

    def made(profile: Profile, scale: float, cpu: float, touch: float, runs: tuple[float, float, float]) -> Trial:
        kept = (
            artifact("sounding", int(4_000_000 * scale)),
            artifact("sounding-index", int(1_000_000 * scale)),
        )
        found = trial(
            profile,
            file=int(5_000_000 * scale),
            stripped=int(4_500_000 * scale),
            cpu=cpu,
            touch=touch,
            runs={"check": runs, "startup": (1.0, 0.98, 1.02)},
            artifacts=kept,
            more=(
                size(int(2_000_000 * scale), "size.gzip"),
                size(int(1_600_000 * scale), "size.xz"),
                memory,
                load,
                Measurement(
                    name="run.check.instructions",
                    value=int(812_345_678 * scale),
                    unit="instructions",
                    method="callgrind",
                ),
            ),
        )
        told = Effect(
            binary="sounding",
            lto=profile.lto,
            codegen_units=profile.codegen_units,
            opt_level=profile.opt_level,
            panic=profile.panic,
            strip=profile.strip,
            debug=profile.debug,
        )
        return replace(found, effects=(told,), benches=(CHECK,))

    odd = made(FAT, 0.84, 71.0, 30.1, (0.93, 0.91, 0.95))
    return study(
        made(TODAY, 1.0, 47.2, 12.4, (1.0, 0.995, 1.004)),
        made(THIN, 1.04, 71.3, 16.0, (0.998, 0.985, 1.011)),
        replace(
            odd,
            effects=(replace(odd.effects[0], lto="local", warnings=(warning,)),),
            absent=(Absent(name="run.check.instructions", reason="valgrind is not installed"),),
            measurements=tuple(one for one in odd.measurements if one.name != "run.check.instructions"),
        ),
        made(FAT1, 0.79, 61.5, 33.3, (0.91, 0.89, 0.93)),
        made(SMALL, 0.62, 45.0, 28.0, (1.31, 1.29, 1.34)),
        failed(ABORT, Cause.OUT_OF_MEMORY, "the kernel killed a process of the build for want of memory"),
        project=replace(
            PROJECT,
            binaries=("sounding", "sounding-index"),
            overrides=("sounding-lex",),
            notes=("there is no Cargo.lock: a copy of the project was locked and measured",),
        ),
        benches=(CHECK, Bench(name="startup", command=("{bin}", "--version"))),
        planned=8,
        command="trimtab explore --bins --axis lto=local,thin,fat",
    )


def _trial(values: dict[str, Any]) -> Trial:
    from trimtab.model.trial import Status

    return Trial(**{**values, "status": Status(values["status"])})
