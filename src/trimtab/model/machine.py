"""Machines and toolchains: what times and builds depend on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineClass:
    """Machines whose times may stand side by side: one CPU model, core count and architecture."""

    cpu: str
    cores: int
    arch: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """A machine: its class, and what is told of it beside."""

    cpu: str
    cores: int
    """Cores this process may use."""
    memory: int
    """Bytes."""
    os: str
    kernel: str
    arch: str

    @property
    def machine_class(self) -> MachineClass:
        """The class of machines that its times may be set beside."""
        return MachineClass(cpu=self.cpu, cores=self.cores, arch=self.arch)

    def unlike(self, other: Machine) -> tuple[str, ...]:
        """Reasons why times of another machine cannot be set beside those of this one; empty where they can."""
        return _differences(
            (
                ("CPU", self.cpu, other.cpu),
                ("cores", self.cores, other.cores),
                ("architecture", self.arch, other.arch),
            )
        )

    def provenance_unlike(self, other: Machine) -> tuple[str, ...]:
        """Differences to a machine of the same class that do not forbid comparing times, but deserve a note."""
        return _differences(
            (
                ("bytes of memory", self.memory, other.memory),
                ("system", self.os, other.os),
                ("kernel", self.kernel, other.kernel),
            )
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """Conditions under which a trial was timed."""

    machine: Machine
    jobs: int | None = None
    """Cargo's ``--jobs``; ``None`` is one per core."""
    touched: str = ""
    """Source file whose edit is played, relative to the project; empty for the binary's own root source file."""

    def holds_for_runs(self, other: Timing) -> bool:
        """Whether times of runs may stand beside those of other conditions: on machines of one class."""
        return self.machine.machine_class == other.machine.machine_class

    def holds_for_builds(self, other: Timing) -> bool:
        """Whether times of builds may stand beside those of other conditions: one class, as many jobs, one edit."""
        return self.holds_for_runs(other) and (self.jobs, self.touched) == (other.jobs, other.touched)


def _differences(facts: tuple[tuple[str, object, object], ...]) -> tuple[str, ...]:
    return tuple(f"{name} {ours}, not {theirs}" for name, ours, theirs in facts if ours != theirs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Toolchain:
    """The compiler and what drives it."""

    rustc: str
    """First line of ``rustc -vV``, with its commit."""
    cargo: str
    host: str
    """Host target triple."""
    llvm: str
    linker: str = ""
    """Name and version of the C compiler that drives the linker."""
