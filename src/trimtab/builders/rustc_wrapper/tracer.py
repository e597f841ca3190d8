"""Tracing a build as it is: each rustc call runs with Cargo's own arguments, but for the path of the linker."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trimtab.builders.rustc_wrapper.invocation import RustcCall
from trimtab.builders.rustc_wrapper.recorder import Recorder, cost_of
from trimtab.builders.rustc_wrapper.server import CachedResult, Report, RunInstruction
from trimtab.model.build_progress import Stage
from trimtab.model.trace import Phase, UnitKind

_LINKER = "cc"
"""rustc's default linker on Linux."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tracer:
    """Listener that has all calls run as they are."""

    recorder: Recorder
    links: LinkWatch

    @contextlib.contextmanager
    def called(self, call: RustcCall) -> Iterator[_TracedCall]:
        """A rustc call."""
        with (
            self.recorder.running(call) as begun,
            self.links.watching(call) as link,
            self.recorder.activity.running() as beside,
        ):
            yield _TracedCall(self.recorder, call, begun, link, beside)


class _TracedCall:
    """One call, run with Cargo's own arguments."""

    def __init__(
        self, recorder: Recorder, call: RustcCall, begun: float, link: LinkTracing, beside: Callable[[], float]
    ) -> None:
        self._recorder, self._call, self._begun, self._link, self._beside = recorder, call, begun, link, beside

    def answer(self) -> RunInstruction | CachedResult:
        """Run it as it is."""
        return RunInstruction(
            argv=(self._call.program, *self._call.arguments, *self._link.arguments), environment=self._link.environment
        )

    def reached(self, stage: Stage) -> None:
        """Record the stage."""
        self._recorder.reached(self._call, stage)

    def ended(self, report: Report) -> None:
        """Record its cost."""
        self._recorder.ran(report)
        cost = cost_of(self._call, report, self._link.phase(report), self._beside())
        if report.ok:
            self._recorder.add(self._call, self._begun, cost, reused=False)
        else:
            self._recorder.fail(self._call, self._begun, cost, report)


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkWatch:
    """Makes the wrapper the linker of rustc calls that link a program, to time the link."""

    wrapper: Path
    folder: Path
    """Folder for links to the wrapper that have the linker's name."""
    host: str
    """Triple of the machine's own target."""

    @contextlib.contextmanager
    def watching(self, call: RustcCall, strips: tuple[str, ...] = ()) -> Iterator[LinkTracing]:
        """Watch the link of a call, if it links a program for this machine.

        Args:
            call: of rustc.
            strips: values of ``strip`` to link for, besides the call's own.
        """
        linker = call.codegen("linker") or (_LINKER if call.value("--target") in ("", self.host) else "")
        if call.kind is not UnitKind.PROGRAM or not linker or "linux" not in self.host:
            yield LinkTracing()
            return
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            # rustc infers the linker's flavor from its name.
            path, record = Path(scratch) / Path(linker).name, Path(scratch) / ".record"
            path.symlink_to(self.wrapper)
            yield LinkTracing(
                arguments=("-C", f"linker={path}"),
                environment={
                    "TRIMTAB_LINKER": linker,
                    "TRIMTAB_LINK_RECORD": str(record),
                    "TRIMTAB_STRIPS": ",".join(strips),
                },
                record=record,
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkTracing:
    """Additional arguments and variables of a rustc call whose link is watched; empty for others."""

    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    record: Path | None = None
    """File that the wrapper writes when the link has ended."""

    def phase(self, report: Report) -> Phase | None:
        """The link as a phase of its unit; ``None`` if it was not watched or not reached."""
        if not self.record or not self.record.exists():
            return None
        since, wall, cpu = map(float, self.record.read_text().split())
        return Phase(begun=max(0.0, since - report.fields["since"]), wall=wall, cpu=cpu)
