"""Sentences about trained programs and aging profiles, the same in a terminal and in JSON."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.commands.pgo.model import AgedBench, Aging, Gain, Kept, OptimizedBuild
from trimtab.model.trial import TrainingStep
from trimtab.units import format_bytes, format_change, format_seconds


def age_headline(aging: Aging) -> str:
    """The share of the gain that is left at the last revision, on the bench where it is least."""
    name, last = aging.project.name, aging.revisions[-1]
    if last.failure:
        return f"{name}: nothing is known of {last.name}: {last.failure}"
    shares = [(bench.kept, bench) for bench in last.benches]
    found = [(kept, bench) for kept, bench in shares if kept]
    if not found:
        return f"{name}: at {last.name} profile-guided optimization gains nothing that can be told from noise"
    kept, bench = min(found, key=lambda one: one[0].share)
    return f"{name}: at {last.name} a profile of {aging.source} keeps {kept_text(kept)} of the gain on {bench.bench}"


def kept_text(kept: Kept | None) -> str:
    """A share in percent with its interval."""
    if kept is None:
        return "–"
    share = f"{100 * kept.share:.0f} %"
    if kept.low is None or kept.high is None:
        return f"{share} (no interval)"
    if kept.low == kept.high:
        return share
    return f"{share} [{100 * kept.low:.0f}, {100 * kept.high:.0f}]"


def gain_text(gain: Gain) -> str:
    """A change of time with its interval."""
    change = format_change(gain.ratio)
    if gain.low is None or gain.high is None:
        return f"{change} (no interval)"
    return f"{change} [{100 * (gain.low - 1):+.1f}, {100 * (gain.high - 1):+.1f}]"


def lost(aging: Aging) -> Iterator[str]:
    """Benches with the revisions at which a part of the gain is lost, as far as their intervals go."""
    at: dict[str, list[str]] = {}
    for revision in aging.revisions:
        for bench in revision.benches:
            if _has_lost(bench):
                at.setdefault(bench.bench, []).append(revision.name)
    for name, revisions in at.items():
        yield f"{name}: a part of the gain is lost at {', '.join(revisions)}: train again by then"
    if not at and any(revision.benches for revision in aging.revisions):
        yield "no revision is seen to have lost a part of the gain"


def _has_lost(bench: AgedBench) -> bool:
    kept = bench.kept
    return kept is not None and kept.high is not None and kept.high < 1


def steps(built: OptimizedBuild) -> Iterator[str]:
    """The steps of a build with what each took."""
    account = built.account
    for name, step in (("pgo", account.pgo), ("bolt", account.bolt)):
        if step:
            yield from _step(name, step)
    yield f"optimized build: {format_seconds(account.optimized.cpu)} of CPU"
    yield f"in all {format_seconds(built.cost.cpu)} of CPU, {format_seconds(built.cost.wall)}"
    if account.functions and account.covered is not None:
        yield f"the profile covers {account.covered} of {account.functions} functions"


def _step(name: str, step: TrainingStep) -> Iterator[str]:
    size = format_bytes(step.instrumented_size)
    yield f"instrumented for {name}: {format_seconds(step.instrumented.cpu)} of CPU, {size}"
    slower = f", {step.slowdown:.1f} times slower than the program that ships" if step.slowdown else ""
    yield f"trained for {name}: {format_seconds(step.training.cpu)} of CPU{slower}"
