"""A Cargo that compiles nothing but tells of it over the wrapper's socket."""

from __future__ import annotations

from pathlib import Path

from tests.fakes.cargo import FakeCargo
from tests.fakes.runner import finished
from tests.fakes.rustc import FIELDS, Crate, Wrapper
from trimtab.system.process import Finished

MEMORY = 300 << 20
"""Peak memory of each call of rustc, in bytes."""
PAGES = {"own": MEMORY / 4096, "largest": MEMORY / 1024, "shared": 0.0}


class Compiling(FakeCargo):
    """Has its wrapper tell of one library and one program in each build."""

    silent = False
    killed = False
    """Whether builds within limits end for want of memory."""
    late = False
    """Whether they come to no end."""

    def _build(self, arguments: list[str], target: Path) -> Finished:
        command = self.commands[-1]
        place = command.environment.get("TRIMTAB_SOCKET")
        held = command.limits is not None
        if place and not self.silent:
            self._compile(Path(place), target, killed=held and self.killed)
        if held and self.late:
            return finished(exit_code=-9, wall=command.timeout or 0.0, timed_out=True)
        if held and self.killed:
            return finished(stderr="error: signal: 9, SIGKILL: kill", exit_code=101, oom_killed=True, wall=3.0)
        return super()._build(arguments, target)

    def _compile(self, place: Path, target: Path, *, killed: bool) -> None:
        library = Crate(name="dep", package=self.root, target=target)
        program = Crate(name="app", types=("bin",), package=self.root, target=target, unit="f" * 16, needs=(library,))
        library.out.mkdir(parents=True, exist_ok=True)
        for crate in (library, program):
            with Wrapper(place) as wrapper:
                if len(wrapper.ask(crate.call)) > 1:
                    ending = {"signal": 9.0, "code": -1.0} if killed and crate is program else {}
                    wrapper.tell({**FIELDS, **PAGES, **ending})
