"""Building the executables of ``cargo bench`` without running them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trimtab.builders.overlay import Overlay
from trimtab.cargo import messages
from trimtab.cargo.calls import Calls
from trimtab.errors import InputError
from trimtab.model.profile import Profile
from trimtab.system.toml import parse_toml


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchTarget:
    """A bench target that was built."""

    name: str
    package: str
    path: Path
    """The executable."""
    cwd: Path
    """The package's root, in which Cargo runs its benches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchBuilder:
    """Builds the bench targets of a project in a work folder, settings given from outside and the tree left alone."""

    calls: Calls
    benches: tuple[str, ...] = ("*",)
    """Names of bench targets; Cargo knows ``*``."""
    overlay: Overlay | None = None
    """Keeps builds from changing the tree; ``None`` where the system has none for us."""

    def build(self, profile: Profile, folder: str) -> tuple[BenchTarget, ...]:
        """Build the bench targets, in order of package and name.

        Args:
            profile: the settings. Cargo itself sees to it that ``panic`` stays as it is for benches.
            folder: a target directory in the work folder, for this build alone. It must stay: executables may look
                there for the package's binaries (``CARGO_BIN_EXE_…``).

        Raises:
            InputError: Cargo cannot build them, or there are none.
        """
        if self.overlay:
            self.overlay.renew()
        argv = (
            *(self.overlay.within if self.overlay else ()),
            *("cargo", "bench", "--no-run", "--frozen", "--message-format=json-render-diagnostics"),
            # Targets that are named, if only by a pattern, come without the tests of libraries and binaries.
            *(argument for bench in self.benches for argument in ("--bench", bench)),
        )
        finished = self.calls.runner.run(self.calls.command(argv, profile, self.calls.work / folder))
        if not finished.ok:
            failure = messages.failure(
                finished.stderr,
                finished.exit_code,
                timed_out=finished.timed_out,
                oom_killed=finished.oom_killed,
                wall=finished.wall,
            )
            raise InputError(
                f"the benches cannot be built: {failure.message}",
                where=str(self.calls.project.manifest),
                hint="see what `cargo bench --no-run` says, or name other targets",
            )
        return tuple(sorted(bench_targets(finished.stdout), key=lambda target: (target.package, target.name)))


def bench_targets(stdout: str) -> Iterator[BenchTarget]:
    """The bench targets among what Cargo says it has made; binaries that they need are there too."""
    for line in stdout.splitlines():
        if not line.startswith('{"reason":"compiler-artifact"'):
            continue
        message = json.loads(line)
        if message["target"]["kind"] == ["bench"] and message["executable"]:
            manifest = Path(message["manifest_path"])
            yield BenchTarget(
                name=message["target"]["name"],
                package=parse_toml(manifest.read_text("utf-8"))["package"]["name"],
                path=Path(message["executable"]),
                cwd=manifest.parent,
            )
