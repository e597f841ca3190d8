"""Installing the rustc wrapper for one build: its server is started before, and stopped after it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trimtab.builders.rustc_wrapper.key_context import KeyContext
from trimtab.builders.rustc_wrapper.recorder import Activity, Recorder
from trimtab.builders.rustc_wrapper.server import Listener, listening
from trimtab.builders.rustc_wrapper.sharing import SharingListener
from trimtab.builders.rustc_wrapper.tracer import LinkWatch, Tracer
from trimtab.builders.rustc_wrapper.unit_cache import UnitCache
from trimtab.model.build_progress import OnBuildProgress, ignore_progress


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitSharing:
    """The unit cache, with what its keys are made of, for several builds of one sweep."""

    entries: UnitCache
    basis: KeyContext
    activity: Activity = field(default_factory=Activity)
    """Of all builds of the sweep."""
    packages: dict[Path, str] = field(default_factory=dict)
    """Folder of a package → digest of its files, filled as they are read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ActiveWrapper:
    """The wrapper during one build."""

    recorder: Recorder
    environment: Mapping[str, str]
    """Variables that make Cargo use it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WrappedRustc:
    """rustc behind the tracing wrapper."""

    wrapper: Path
    host: str
    """Triple of the machine's own target."""
    folder: Path
    """Folder for the socket and the links to the linker."""
    sharing: UnitSharing | None = None
    """If left out, every call runs unchanged, and is traced."""

    @contextlib.contextmanager
    def active(
        self,
        target: Path,
        on_progress: OnBuildProgress = ignore_progress,
        total: int | None = None,
        written: Callable[[Path], Path | None] | None = None,
    ) -> Iterator[ActiveWrapper]:
        """Serve the wrapper for one build.

        Args:
            target: the target directory.
            on_progress: gets the state of the build whenever a unit begins or ends; several threads call it.
            total: expected number of rustc calls.
            written: tells where that lies which the build has written at a path, where it sees other files than we do.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        activity = self.sharing.activity if self.sharing else Activity()
        recorder = Recorder(activity, on_progress, total)
        ended = threading.Event()
        links = LinkWatch(wrapper=self.wrapper, folder=self.folder, host=self.host)
        listener: Listener = Tracer(recorder=recorder, links=links)
        if self.sharing:
            listener = SharingListener(
                recorder=recorder,
                links=links,
                entries=self.sharing.entries,
                basis=self.sharing.basis,
                packages=self.sharing.packages,
                target=target,
                ended=ended,
                **({"written": written} if written else {}),
            )
        with listening(listener, self.folder, ended) as socket:
            yield ActiveWrapper(
                recorder=recorder, environment={"RUSTC_WRAPPER": str(self.wrapper), "TRIMTAB_SOCKET": str(socket)}
            )
