"""Wiring: which probes measure a trial; the place to name a new one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trimtab.cargo.toolchain import ask, runs_on
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.wheels import (
    WheelInspection,
)
from trimtab.measure.installed import BENCH_VARIABLES, Installer
from trimtab.measure.probe import Probe
from trimtab.measure.runtime import Binaries, InstructionProbe, NotRun, RunContext, RunProbe
from trimtab.measure.size import SizeProbe, WheelSizeProbe, find_strip_tool
from trimtab.model.plan import Bench, ProbeKind
from trimtab.system.orphans import WORK_VARIABLE, work_mark
from trimtab.system.process import Runner


def wheel_inspection(exploration: Exploration, installer: Installer) -> WheelInspection:
    """Inspection of each wheel of an exploration before it is measured."""
    imports = any("{python}" in word for bench in exploration.study.benches for word in bench.command)
    return WheelInspection(installer, exploration.home if imports else None)


@dataclass(frozen=True, slots=True)
class ProbeFactory:
    """Chooses the probes: the place to name a new one."""

    exploration: Exploration
    work: Path
    installer: Installer | None
    """Set where wheels are built."""
    timed: Runner | None = None
    """Runs what is timed; the exploration's own runner if left out."""

    def make(self, kinds: frozenset[ProbeKind], benches: tuple[Bench, ...], *, more: float = 0.0) -> tuple[Probe, ...]:
        """Probes for these groups of metrics, running these benches; ``more``: only so many seconds of further runs."""
        runner, root = self.exploration.runner, self.exploration.home
        probes: list[Probe] = []
        if ProbeKind.SIZE in kinds:
            folder = self.exploration.project.folder
            sysroot = Path(ask(runner, ("rustc", "--print", "sysroot"), folder, self.exploration.environment))
            binaries = SizeProbe(runner, find_strip_tool(runner, sysroot, self.exploration.study.toolchain.host))
            probes.append(WheelSizeProbe(binaries) if self.installer else binaries)
        idle = tuple(bench for bench in benches if self._why_not_run(bench))
        if idle:
            probes.append(NotRun(idle, self._why_not_run(idle[0])))
        benches = tuple(bench for bench in benches if bench not in idle)
        if benches:
            surroundings = RunContext(
                runner=runner,
                timed=self.timed,
                cwd=root,
                environment={
                    **self.exploration.environment,
                    **(BENCH_VARIABLES if self.installer else {}),
                    WORK_VARIABLE: work_mark(self.work),
                },
                timeout=self.exploration.plan.run_timeout,
                stage=self.installer or Binaries(),
            )
            probes.append(
                RunProbe(
                    surroundings,
                    benches,
                    more or self.exploration.plan.bench_time,
                    self.exploration.study.interval_error,
                )
            )
            if not more:
                probes.append(InstructionProbe(surroundings, benches))
        return tuple(probes)

    def _why_not_run(self, bench: Bench) -> str:
        """The reason why a bench's program cannot be run here; empty where it can."""
        exploration = self.exploration
        project, toolchain = exploration.study.project, exploration.study.toolchain
        if self.installer or "{bin}" not in bench.command[0]:
            return ""
        if exploration.binaries[0].is_library:
            return "a library is not run by itself"
        if runs_on(project.target, toolchain.host):
            return ""
        return f"only programs for {toolchain.host} and its like are run, not for {project.target}"
