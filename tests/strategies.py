"""Hypothesis strategies for trimtab's values."""

from __future__ import annotations

from hypothesis import strategies as st

from trimtab.model.machine import Machine, Toolchain
from trimtab.model.metric import Absent, Measurement
from trimtab.model.plan import Bench, Goal, Limits, ProbeKind
from trimtab.model.profile import Debug, Lto, OptLevel, Panic, Profile, Strip, axis_kind
from trimtab.model.space import Axis, Space
from trimtab.model.study import ProjectInfo, Study
from trimtab.model.trial import Artifact, BuildFailed, Cause, Effect, Status, Trial

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=12)
flags = st.lists(st.sampled_from(["-C", "target-cpu=native", "-Clink-arg=-s", "--cfg", 'feature="a b"']), max_size=3)
numbers = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 2**53)

profiles = st.builds(
    Profile,
    lto=st.sampled_from(Lto),
    codegen_units=st.integers(1, 256),
    opt_level=st.sampled_from(OptLevel),
    panic=st.sampled_from(Panic),
    strip=st.sampled_from(Strip),
    debug=st.sampled_from(Debug),
    rustflags=flags.map(tuple),
)


def _axis(name: str, values: st.SearchStrategy[object]) -> st.SearchStrategy[Axis]:
    chosen = st.lists(values, min_size=1, max_size=3, unique=True).map(tuple)
    return st.builds(Axis, kind=st.just(axis_kind(name)), values=chosen)


spaces = st.builds(
    Space,
    axes=st.tuples(
        _axis("lto", st.sampled_from(Lto)),
        _axis("codegen-units", st.sampled_from([1, 2, 16])),
        _axis("panic", st.sampled_from(Panic)),
    ),
)

benches = st.builds(
    Bench, name=names, command=st.lists(words, min_size=1, max_size=3).map(tuple), smallest_change=numbers
)
measurements = st.builds(
    Measurement, name=names, value=st.one_of(counts, numbers), unit=st.sampled_from(["s", "bytes", "ratio"]),
    low=st.none() | numbers, high=st.none() | numbers, samples=st.integers(0, 1000), method=words,
)  # fmt: skip
artifacts = st.builds(Artifact, name=names, size=counts, sha256=names, path=words)
effects = st.builds(
    Effect, binary=names, lto=names, codegen_units=counts, opt_level=names, panic=names, strip=names, debug=names,
    rustflags=flags.map(tuple), warnings=st.lists(words, max_size=2).map(tuple),
)  # fmt: skip
failures = st.builds(
    BuildFailed, cause=st.sampled_from(Cause), message=words, log=st.lists(words, max_size=3).map(tuple), wall=numbers
)


def _several(one: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(one, max_size=3).map(tuple)


trials = st.builds(
    Trial, id=names, profile=profiles, status=st.sampled_from(Status), started=words, seconds=numbers,
    measurements=_several(measurements), absent=_several(st.builds(Absent, name=names, reason=words)),
    effects=_several(effects), artifacts=_several(artifacts), failure=st.none() | failures,
    probes=st.sets(st.sampled_from(ProbeKind)).map(sorted).map(tuple), benches=_several(benches),
)  # fmt: skip
studies = st.builds(
    Study, id=names, created=words,
    project=st.builds(
        ProjectInfo, name=words, root=words, binaries=_several(names), sources=names, profile_name=names, target=names,
        overrides=_several(names), notes=_several(words),
    ),
    machine=st.builds(Machine, cpu=words, cores=counts, memory=counts, os=words, kernel=words, arch=words),
    toolchain=st.builds(Toolchain, rustc=words, cargo=words, host=words, llvm=words),
    basis=names, baseline=names, baseline_profile=profiles, benches=_several(benches), goal=st.sampled_from(Goal),
    limits=st.builds(Limits, build=st.none() | numbers, touch=st.none() | numbers, size=st.none() | numbers),
    planned=counts, command=words,
    trials=st.lists(trials, max_size=3, unique_by=lambda trial: trial.id).map(tuple),
)  # fmt: skip
