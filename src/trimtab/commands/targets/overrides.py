"""Settings for the targets that cannot have what the others get.

Cargo has no settings of a profile for one target (rust-lang/cargo#4897). What does it is a second profile that inherits
from the first, and a build command that chooses it for that target. Compiler flags are no setting of a profile; these
Cargo's configuration has for each target.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Sequence

from trimtab.choice.table import label
from trimtab.commands.targets.known_issues import axes_in_question
from trimtab.commands.targets.model import KnownIssue, Proposal, TargetAttempt, TargetResult
from trimtab.model.profile import Profile
from trimtab.model.release_target import ReleaseTarget

_SIGNS = re.compile(r"[^A-Za-z0-9]+")
"""Characters that cannot be in the name of a profile."""


def narrower(base: Profile, candidate: Profile, known: Sequence[KnownIssue]) -> tuple[Profile, ...]:
    """Profiles to try where the candidate breaks a target: one of its changes taken back at a time.

    Those that a known issue blames come first. Where the candidate changes one thing only there is nothing between it
    and today's profile, which is known to work.
    """
    changed = candidate.differing(base)
    if len(changed) <= 1:
        return ()
    blamed = axes_in_question(known)
    ordered = sorted(changed, key=lambda axis: axis.name not in blamed)
    return tuple(axis.set(candidate, axis.get(base)) for axis in ordered)


def attempt_for(base: TargetAttempt, narrowed: Sequence[TargetAttempt]) -> TargetAttempt:
    """The attempt to propose for a broken target: the first of the narrower profiles that works, else today's."""
    return next((attempt for attempt in narrowed if attempt.works), base)


def proposals(results: Iterable[TargetResult], name: str) -> tuple[Proposal, ...]:
    """A profile for each group of targets that need the same settings.

    Args:
        results: of targets that work today and not with the candidate.
        name: of the profile that all others get.
    """
    groups: dict[str, list[tuple[TargetResult, TargetAttempt]]] = {}
    for result in results:
        chosen = attempt_for(result.attempts[0], result.narrowed)
        # Beside the candidate as this target's toolchain has it: its defaults may be others than those of the next.
        candidate = result.attempts[-1].profile
        settled, wanted = chosen.profile.in_cargo, candidate.in_cargo
        if settled != wanted:
            suffix = _SIGNS.sub("-", label(settled, wanted)).strip("-")
            groups.setdefault(suffix, []).append((result, chosen))
    return tuple(_proposal(f"{name}-{suffix}", members, name) for suffix, members in groups.items())


def flag_notes(results: Iterable[TargetResult]) -> tuple[str, ...]:
    """Advice on targets that work without the candidate's compiler flags, which no profile can take back."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for result in results:
        flags = result.attempts[-1].profile.rustflags
        if flags != attempt_for(result.attempts[0], result.narrowed).profile.rustflags:
            groups.setdefault(flags, []).append(result.target.triple)
    return tuple(
        f"{', '.join(triples)} cannot have {shlex.join(flags)}, and no profile holds compiler flags: give them to each "
        "of the other targets by `[target.TRIPLE] rustflags` in .cargo/config.toml"
        for flags, triples in groups.items()
    )


def training_notes(results: Iterable[TargetResult]) -> tuple[str, ...]:
    """Advice on targets that work untrained only, which is no matter of profiles."""
    triples = [
        result.target.triple
        for result in results
        if result.attempts[-1].profile.is_trained
        and not attempt_for(result.attempts[0], result.narrowed).profile.is_trained
    ]
    text = "fail with the trained program: build them by plain `cargo build`"
    return (f"{', '.join(triples)} {text}",) if triples else ()


def _proposal(own: str, members: Sequence[tuple[TargetResult, TargetAttempt]], name: str) -> Proposal:
    """One profile, for targets that differ from the candidate in the same settings."""
    result, chosen = members[0]
    differing = chosen.profile.differing(result.attempts[-1].profile)
    axes = [axis for axis in differing if axis.in_cargo]
    settings = {axis.name: axis.cargo(axis.get(chosen.profile)) for axis in axes}
    targets = tuple(result.target.triple for result, _ in members)
    manifest = [
        f"# trimtab: {', '.join(targets)} cannot have what {name} has",
        f"[profile.{own}]",
        f'inherits = "{name}"',
        *(f"{key} = {json.dumps(value)}" for key, value in settings.items()),
    ]
    return Proposal(
        profile=own,
        targets=targets,
        settings=settings,
        manifest=tuple(manifest),
        workflow=tuple(line for result, _ in members for line in _workflow(result.target, own, name)),
        proven=all(attempt.ran and attempt.was_told(axes) for _, attempt in members),
    )


def _workflow(target: ReleaseTarget, own: str, name: str) -> list[str]:
    """Changes to the workflow, or the command, that builds the target."""
    command = f"cargo build --profile {own} --target {target.triple}"
    folder = f"target/{target.triple}/{own}"
    place = next((place for place in target.places if ".github/workflows/" in place.file), None)
    if place is None:
        return [f"{command}  # into {folder}"]
    at = f"{place.file}:{place.line}"
    return [
        f"{at}: beside the target {place.said}, add `profile: {own}`",
        f"{place.file}: where it is built, `--profile ${{{{ matrix.profile || '{name}' }}}}` "
        f"in place of {'--release' if name == 'release' else f'--profile {name}'}: {command}",
        f"{place.file}: the program is then in {folder}",
    ]
