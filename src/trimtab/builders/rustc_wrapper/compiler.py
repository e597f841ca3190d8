"""What stands between Cargo and rustc in a build: put in place, and taken down again."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trimtab.builders.rustc_wrapper.recorder import Activity, Recorder
from trimtab.builders.rustc_wrapper.server import Listener, listening
from trimtab.builders.rustc_wrapper.sharing import KeyContext, SharingConversation
from trimtab.builders.rustc_wrapper.tracer import LinkWatch, Tracer
from trimtab.builders.rustc_wrapper.unit_cache import UnitCache


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitSharing:
    """Where the results of calls are taken from and kept."""

    entries: UnitCache
    basis: KeyContext
    activity: Activity = field(default_factory=Activity)
    """Of all builds that share."""
    packages: dict[Path, str] = field(default_factory=dict)
    """Digests of packages that were read already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ActiveWrapper:
    """What is in place during one build."""

    recorder: Recorder
    environment: Mapping[str, str]
    """What Cargo is told, besides the rest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WrappedRustc:
    """Rustc with somebody before it."""

    wrapper: Path
    host: str
    """The triple that Cargo builds for by itself."""
    folder: Path
    """A work folder."""
    sharing: UnitSharing | None = None
    """If left out, every call is run as it is, and traced."""

    @contextlib.contextmanager
    def standing(self, target: Path) -> Iterator[ActiveWrapper]:
        """Stand between Cargo and rustc, for one build in a target directory."""
        self.folder.mkdir(parents=True, exist_ok=True)
        recorder = Recorder(self.sharing.activity if self.sharing else Activity())
        ended = threading.Event()
        links = LinkWatch(wrapper=self.wrapper, folder=self.folder, host=self.host)
        listener: Listener = Tracer(recorder=recorder, links=links)
        if self.sharing:
            listener = SharingConversation(
                recorder=recorder,
                links=links,
                entries=self.sharing.entries,
                basis=self.sharing.basis,
                packages=self.sharing.packages,
                target=target,
                ended=ended,
            )
        with listening(listener, self.folder, ended) as socket:
            yield ActiveWrapper(
                recorder=recorder, environment={"RUSTC_WRAPPER": str(self.wrapper), "TRIMTAB_SOCKET": str(socket)}
            )
