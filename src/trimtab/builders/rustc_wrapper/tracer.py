"""Tracing a build as it is: each call of rustc is run with Cargo's own words."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trimtab.builders.rustc_wrapper.invocation import RustcCall
from trimtab.builders.rustc_wrapper.recorder import Recorder, cost_of
from trimtab.builders.rustc_wrapper.server import AlreadyMade, Report, RunInstruction
from trimtab.model.trace import Phase, UnitKind

_LINKER = "cc"
"""What rustc calls on Linux, unless told otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tracer:
    """Has all calls run as they are."""

    recorder: Recorder
    links: LinkWatch

    @contextlib.contextmanager
    def called(self, call: RustcCall) -> Iterator[_Plainly]:
        """A call of rustc."""
        with self.links.watching(call) as link, self.recorder.activity.running() as beside:
            yield _Plainly(self.recorder, call, link, beside)


class _Plainly:
    """One call, run with Cargo's own words."""

    def __init__(self, recorder: Recorder, call: RustcCall, link: WatchedLink, beside: Callable[[], float]) -> None:
        self._recorder, self._call, self._link, self._beside = recorder, call, link, beside
        self._begun = recorder.now()

    def answer(self) -> RunInstruction | AlreadyMade:
        """Run it."""
        return RunInstruction(
            argv=(self._call.program, *self._call.arguments, *self._link.arguments), environment=self._link.environment
        )

    def ended(self, report: Report) -> None:
        """Note what it took."""
        self._recorder.ran(report)
        cost = cost_of(self._call, report, self._link.phase(report), self._beside())
        if report.ok:
            self._recorder.add(self._call, self._begun, cost, reused=False)
        else:
            self._recorder.fail(self._call, self._begun, cost, report)


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkWatch:
    """Has the wrapper stand between rustc and the linker where a program is linked."""

    wrapper: Path
    folder: Path
    """Where the linker of the same name is put."""
    host: str
    """The triple that Cargo builds for by itself."""

    @contextlib.contextmanager
    def watching(self, call: RustcCall, strips: tuple[str, ...] = ()) -> Iterator[WatchedLink]:
        """Watch the link of a call, if it has one that matters.

        Args:
            call: of rustc.
            strips: values of ``strip`` to link for, besides the way that the call says.
        """
        linker = call.codegen("linker") or (_LINKER if call.value("--target") in ("", self.host) else "")
        if call.kind is not UnitKind.PROGRAM or not linker or "linux" not in self.host:
            yield WatchedLink()
            return
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            # rustc reads from a linker's name which options it understands.
            place, record = Path(scratch) / Path(linker).name, Path(scratch) / ".record"
            place.symlink_to(self.wrapper)
            yield WatchedLink(
                arguments=("-C", f"linker={place}"),
                environment={
                    "TRIMTAB_LINKER": linker,
                    "TRIMTAB_LINK_RECORD": str(record),
                    "TRIMTAB_STRIPS": ",".join(strips),
                },
                record=record,
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchedLink:
    """What rustc is told besides, so that its link is watched."""

    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    record: Path | None = None

    def phase(self, report: Report) -> Phase | None:
        """The link's part of a unit's time."""
        if not self.record or not self.record.exists():
            return None
        since, wall, cpu = map(float, self.record.read_text().split())
        return Phase(begun=max(0.0, since - report.fields["since"]), wall=wall, cpu=cpu)
