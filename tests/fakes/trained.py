"""A trained build and the aging of a profile, with everything that they can have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.fakes.values import MACHINE, PROJECT, TODAY, TOOLCHAIN
from trimtab.commands.pgo.model import AgedBench, AgedRevision, Aging, Gain, OptimizedBuild
from trimtab.model.profile import Switch
from trimtab.model.trial import Cost, TrainedBuild, TrainingStep

STEP = TrainingStep(
    instrumented=Cost(wall=10.0, cpu=12.0),
    instrumented_size=9_000_000,
    training=Cost(wall=2.0, cpu=2.5),
    merging=Cost(wall=0.1, cpu=0.1),
    slowdown=2.5,
)


def an_optimized_build(folder: Path = Path("/home/ann/sounding/target/pgo")) -> OptimizedBuild:
    """One with the accounts of PGO and of BOLT."""
    return OptimizedBuild(
        project=PROJECT,
        profile=replace(TODAY, pgo=Switch.ON),
        files=(folder / "sounding",),
        profile_data=folder / "sounding.profdata",
        account=TrainedBuild(pgo=STEP, bolt=STEP, optimized=Cost(wall=12.0, cpu=14.0), functions=3000, covered=1200),
        cost=Cost(wall=36.0, cpu=43.0),
        notes=("a counter file of training was left out: empty",),
    )


def an_aging() -> Aging:
    """Three revisions: all of the gain, less of it, and a failure."""
    own = Gain(ratio=0.8, low=0.79, high=0.81)
    return Aging(
        project=PROJECT,
        machine=MACHINE,
        toolchain=TOOLCHAIN,
        source="1.0.0",
        revisions=(
            AgedRevision(
                name="1.0.0",
                benches=(AgedBench(bench="check", own=own, aged=own),),
                known=1.0,
                sizes=(5e6, 4.8e6, 4.8e6),
            ),
            AgedRevision(
                name="1.1.0",
                benches=(
                    AgedBench(bench="check", own=own, aged=Gain(ratio=0.9, low=0.89, high=0.91)),
                    AgedBench(bench="list", own=Gain(ratio=1.0, low=0.98, high=1.02), aged=own),
                    AgedBench(bench="held", own=own, aged=Gain(ratio=0.85, low=None, high=None)),
                ),
                known=0.75,
            ),
            AgedRevision(name="1.2.0", failure="the training command `'{bin}'` failed: exit code 1"),
        ),
        notes=("busy",),
        command="trimtab pgo age crate:sounding --versions 1.0.0,1.1.0,1.2.0",
    )
