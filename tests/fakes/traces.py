"""Ready-made units and traces of builds, with the numbers that a test cares about."""

from __future__ import annotations

from dataclasses import replace

from trimtab.model.trace import Phase, Trace, Unit, UnitCost, UnitKind


def library(name: str, *needs: str, front: float = 1.0, cpu: float = 2.0, codegen_units: int = 1) -> Unit:
    """A library whose metadata is there after ``front`` seconds of CPU; its code is one part unless told otherwise."""
    cost = UnitCost(wall=cpu, cpu=cpu, metadata=Phase(begun=0.0, wall=front, cpu=front))
    return Unit(
        id=name, package=name, version="1.0.0", crate=name, kind=UnitKind.LIBRARY, cost=cost, begun=0.0, needs=needs,
        arguments=("--crate-name", name), codegen_units=codegen_units,
    )  # fmt: skip


def other(kind: UnitKind, name: str, *needs: str, cpu: float = 2.0, wall: float | None = None) -> Unit:
    """A unit that is no library; it took as long as it worked unless told otherwise."""
    cost = UnitCost(wall=cpu if wall is None else wall, cpu=cpu)
    return replace(library(name, *needs), kind=kind, cost=cost)


def program(name: str = "app", *needs: str, cpu: float = 2.0, wall: float | None = None, beside: float = 0.0) -> Unit:
    """A program without steps that were seen apart; it had the machine for itself unless told otherwise."""
    made = other(UnitKind.PROGRAM, name, *needs, cpu=cpu, wall=wall)
    return replace(made, cost=replace(made.cost, beside=beside))


def hungry(unit: Unit, memory: int | None) -> Unit:
    """The same with so many bytes of its own at one moment."""
    return replace(unit, cost=replace(unit.cost, peak_memory=memory))


def trace(*units: Unit, jobs: int = 2, cargo_cpu: float = 0.0) -> Trace:
    """A build of these units."""
    return Trace(units=units, cargo_cpu=cargo_cpu, jobs=jobs)


def a_full_trace() -> Trace:
    """One unit of each kind; the program has all steps."""
    cost = UnitCost(
        wall=6.0, cpu=9.0, lto=Phase(begun=2.0, wall=3.0, cpu=5.0), link=Phase(begun=5.0, wall=1.0, cpu=1.0),
        peak_memory=900 << 20,
    )  # fmt: skip
    run = replace(
        other(UnitKind.RUN, "run of words", "words script", cpu=0.5, wall=1.0), package="words", crate="words"
    )
    script = replace(other(UnitKind.SCRIPT, "words script", cpu=1.0), package="words", crate="build_script_build")
    return trace(
        replace(library("itoa", cpu=1.5, front=0.5), begun=0.1),
        replace(script, begun=0.1),
        replace(hungry(other(UnitKind.MACRO, "derive", cpu=3.0), 200 << 20), begun=1.0),
        replace(run, begun=1.2),
        replace(
            hungry(library("words", "itoa", "derive", "run of words", cpu=8.0, front=2.0, codegen_units=16), 300 << 20),
            begun=4.0,
        ),
        replace(program("app", "words"), cost=cost, begun=9.0, codegen_units=16),
        jobs=2,
        cargo_cpu=0.25,
    )
