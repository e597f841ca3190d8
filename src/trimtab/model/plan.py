"""Plan of an exploration: all that the user asked for, complete and checked, before anything is built."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from trimtab.model.metric import STARTUP
from trimtab.model.space import Space

TRAINING = "training"
"""Beginning of the names of the rows that show the gain on what was trained."""


class Goal(StrEnum):
    """Goal to optimize for; `choice/recommend.py` gives each its rule in words."""

    SIZE = "size"
    SPEED = "speed"
    BALANCED = "balanced"
    BUILD = "build"


class ProbeKind(StrEnum):
    """The groups of metrics that ``--measure`` chooses from."""

    SIZE = "size"
    BUILD = "build"
    TOUCH = "touch"
    RUN = "run"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """A command that exercises the program; ``{bin}`` stands for the binary.

    Where a wheel ships, that is its console script, and ``{python}`` the interpreter of an environment with the wheel.
    """

    name: str
    command: tuple[str, ...]
    stdin: str = ""
    """A file to read as standard input, from the folder in which the bench runs; empty for none."""
    smallest_change: float = 0.01
    """The smallest change in runtime that matters, as a fraction of the baseline's."""
    inputs: tuple[str, ...] = ()
    """Files and folders that its runs read, relative to the project, beside those that the command names."""
    environment: tuple[tuple[str, str], ...] = ()
    """Variables on top of the user's."""
    trained: bool = False
    """Whether it runs what a program was trained with: its gain is shown, marked, and decides nothing."""

    @property
    def is_judged(self) -> bool:
        """Whether it counts: neither the start-up smoke run nor training does."""
        return not self.trained and self.name != STARTUP


STARTUP_BENCH = Bench(name=STARTUP, command=("{bin}", "--version"))
"""The smoke run that is shown where no bench is given; ``--help`` takes its place where that is what works."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """Commands that are run with an instrumented program."""

    commands: tuple[tuple[str, ...], ...] = ()
    """With ``{bin}``, or ``{python}`` where a wheel ships."""
    inputs: tuple[str, ...] = ()
    """Files and folders that they read, relative to the project, beside those that they name."""
    environment: tuple[tuple[str, str], ...] = ()
    """Variables on top of the user's."""
    repetitions: int = 1
    """Runs of each command."""
    shared_inputs: tuple[str, ...] = ()
    """Files and folders that benches may read too: settings rather than data."""
    untrained: tuple[str, ...] = ()
    """Names of benches that use what training never touches."""
    profile_data: str = ""
    """Path of a merged profile to take in place of training; absolute."""

    @property
    def benches(self) -> tuple[Bench, ...]:
        """The commands as benches, which show the gain on what was trained and are not judged."""
        numbers = range(1, len(self.commands) + 1)
        return tuple(
            Bench(
                name=f"{TRAINING}-{number}",
                command=command,
                inputs=self.inputs,
                environment=self.environment,
                trained=True,
            )
            for number, command in zip(numbers, self.commands, strict=True)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Limits on the costs of a recommended profile, as ratios to today's; ``None`` takes the goal's own limit."""

    build: float | None = None
    touch: float | None = None
    size: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Economics:
    """Numbers of builds and downloads in a month, so that build time and size can be told in one month's terms."""

    builds_per_month: float = 0.0
    downloads_per_month: float = 0.0
    minute_price: float | None = None
    """Of a build's wall time, in whatever currency."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which binaries of the workspace are meant, in Cargo's terms."""

    packages: tuple[str, ...] = ()
    binaries: tuple[str, ...] = ()
    all_binaries: bool = False
    features: tuple[str, ...] = ()
    default_features: bool = True
    target: str = ""
    """Triple to build for; empty for the one that Cargo is configured to build for, else this machine's own."""
    profile: str = "release"
    wheel: bool = False
    """Whether the wheel of the Python project ships; `binaries` then name its console script that benches run."""
    python: str = ""
    """The interpreter that wheels are built for and tried with; trimtab's own if empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """An exploration, settled."""

    selection: Selection
    space: Space | None = None
    """``None`` asks for the default space around today's profile."""
    benches: tuple[Bench, ...] = ()
    probes: frozenset[ProbeKind] = field(default_factory=lambda: frozenset(ProbeKind))
    goal: Goal = Goal.BALANCED
    limits: Limits = Limits()
    jobs: int | None = None
    """Cargo's ``--jobs``; ``None`` is one per core."""
    build_timeout: float | None = None
    """Seconds that one build may take; ``None`` where it may take any time."""
    run_timeout: float = 3600.0
    """Seconds that one run of a bench may take."""
    bench_time: float = 4.0
    """Seconds to spend on each bench of each trial, at least eight pairs."""
    training: Training = Training()
    """Training of the profiles that are trained."""
    budget: float | None = None
    """Seconds for the whole exploration; no new trial is begun that would not end within it."""
    economics: Economics | None = None
    exact: bool = False
    """Whether every profile is built cleanly, rather than only today's and those that a goal may take."""
    fresh: bool = False
    """Whether everything is measured again instead of taking up what is known."""
