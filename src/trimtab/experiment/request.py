"""Request: what a user asks for, before it is held against a project."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.plan import Bench, Goal, Limits, ProbeKind
from trimtab.model.space import Axis


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Request of a user; whatever is left out comes from ``trimtab.toml`` or from the defaults of `Plan`."""

    path: str = "."
    """A folder of a Cargo project, or ``crate:NAME[@VERSION]``."""
    binaries: tuple[str, ...] = ()
    all_binaries: bool = False
    packages: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    default_features: bool = True
    profile: str = ""
    target: str = ""
    """Triple to build for; the one that Cargo is configured to build for if empty."""
    each_target: bool = False
    """Whether what is asked for chooses targets by itself, so that Cargo may be configured for several."""
    wheel: bool = False
    """Whether what ships is the wheel of the Python project; the only choice where there is no program."""
    python: str = ""
    """The interpreter that wheels are for."""
    axes: tuple[Axis, ...] | None = None
    """``()`` is today's profile alone; ``None`` takes those of the file, or a sensible space."""
    benches: tuple[Bench, ...] = ()
    training: tuple[tuple[str, ...], ...] = ()
    """Commands for training, in the place of those of ``trimtab.toml``."""
    shared_inputs: tuple[str, ...] = ()
    """Files that benches and training may both read, beside those of ``trimtab.toml``."""
    profile_data: str = ""
    """File with a merged profile, to take in place of training."""
    probes: frozenset[ProbeKind] = frozenset()
    goal: Goal | None = None
    limits: Limits = Limits()
    jobs: int | None = None
    timeout: float | None = None
    bench_time: float | None = None
    budget: float | None = None
    exact: bool = False
    """Build every profile cleanly, instead of screening them first."""
    fresh: bool = False
    """Measure everything again instead of taking up what is known."""
    command: str = ""
    """Command line that repeats it."""
