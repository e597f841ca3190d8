"""One target after the other: built under both profiles and run, and narrowed down where the candidate breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from trimtab.builders.bolt import bolt_version
from trimtab.builders.cargo import CargoBuilder
from trimtab.builders.overlay import Overlay
from trimtab.builders.routes import CROSS, BuildRoute, TargetToolchain, Unavailable, choose_way, linkers_in_force
from trimtab.builders.work_folder import ArtifactStore
from trimtab.cargo.profiles.effective import effective_profile
from trimtab.cargo.profiles.rustflags import flags_in_force
from trimtab.cargo.toolchain import runs_on
from trimtab.choice.table import label
from trimtab.commands.targets.cache import AttemptStore
from trimtab.commands.targets.known_issues import hints
from trimtab.commands.targets.model import TargetAttempt, TargetResult, TargetStatus
from trimtab.commands.targets.overrides import narrower
from trimtab.commands.targets.smoke_run import SmokeRunner
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.held_out import training_identity
from trimtab.measure.effect import check_effect
from trimtab.model.identity import digest
from trimtab.model.plan import Selection
from trimtab.model.profile import Profile, Switch, axis_kind
from trimtab.model.release_target import ReleaseTarget
from trimtab.model.trial import BuildFailed


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileRequest:
    """A profile as it is asked for: by name, and by what changes on top of it."""

    selection: Selection
    changes: tuple[tuple[str, object], ...] = ()
    """Axis → value."""
    whole: Profile | None = None
    """A complete profile, where a trial names it."""

    def applied(self, today: Profile) -> Profile:
        """The requested profile.

        Args:
            today: the named profile as Cargo resolves it now.
        """
        profile = self.whole or today
        for name, value in self.changes:
            profile = axis_kind(name).set(profile, value)
        return profile


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetTrials:
    """Builds and runs targets, one after the other."""

    exploration: Exploration
    base: ProfileRequest
    candidate: ProfileRequest | None
    fresh: bool
    work: Path
    overlay: Overlay | None
    compilers: tuple[TargetToolchain, ...]
    attempts: AttemptStore
    smoke_runner: SmokeRunner
    on_message: Callable[[str], None]

    def result(self, target: ReleaseTarget) -> TargetResult:
        """Build and run a target under both profiles, and narrow the candidate down where it breaks it."""
        exploration = self.exploration
        linkers = linkers_in_force(exploration.today.configuration, exploration.environment, [target.triple])
        route = choose_way(target.triple, self.compilers, linkers)
        if isinstance(route, Unavailable):
            self.on_message(f"{target.triple}: not tried: {route.reason}")
            return TargetResult(target=target, reason=route.reason, how=route.how)
        base = self._attempt(target.triple, route, self.base)
        tried = [base]
        if self.candidate:
            tried.append(self._attempt(target.triple, route, self.candidate, base))
        result = TargetResult(target=target, way=str(route), attempts=tuple(tried), hints=hints(target.triple, tried))
        if result.standing is TargetStatus.BREAKS and self.candidate:
            narrowed = self._narrow(result, route, self.candidate)
            result = replace(result, narrowed=tuple(narrowed), hints=hints(target.triple, (*tried, *narrowed)))
        self.on_message(f"{target.triple}: {result.standing}")
        return result

    def _narrow(self, broken: TargetResult, route: BuildRoute, candidate: ProfileRequest) -> list[TargetAttempt]:
        """Profiles between the candidate and today's, until one of them works for this target."""
        base, judged_attempt = broken.attempts
        tried: list[TargetAttempt] = []
        for profile in narrower(base.profile, judged_attempt.profile, broken.hints):
            settings = ProfileRequest(selection=candidate.selection, whole=profile)
            tried.append(self._attempt(broken.target.triple, route, settings, base))
            if tried[-1].works:
                break
        return tried

    def today(self, compiler: TargetToolchain, selection: Selection) -> Profile:
        """A named profile as a toolchain's Cargo has it: defaults differ between their versions."""
        exploration = self.exploration
        if compiler is self.compilers[0] and selection == self.base.selection:
            return exploration.today.profile
        environment = dict(compiler.environment)
        binaries = exploration.binaries
        return effective_profile(exploration.runner, exploration.project, binaries, selection, environment).profile

    def _attempt(
        self, triple: str, route: BuildRoute, settings: ProfileRequest, before: TargetAttempt | None = None
    ) -> TargetAttempt:
        """A target under a profile: built, unless that was done before, and run."""
        today = self.today(route.compiler, settings.selection)
        asked = settings.applied(today)
        profile = asked if self.trains(triple, route) else asked.untrained
        own = self.today(route.compiler, self.base.selection)
        name = label(profile, own) if profile != own or settings is self.base else settings.selection.profile
        if profile != asked:
            name = f"{name}, left untrained"
        exploration = self.exploration
        identity = digest(
            exploration.study.basis, triple, str(route), route.more, asdict(route.compiler.toolchain),
            settings.selection.profile, profile.spelled(), bool(self.overlay), *self._learned(profile),
        )  # fmt: skip
        built = None if self.fresh else self.attempts.find(identity)
        if built is None:
            self.on_message(f"{triple}: building {name} with {route}")
            built = self._build(triple, route, settings.selection, today, profile, name)
            if not built.failure:
                self.attempts.keep(identity, built)
        if built.failure:
            return built
        return replace(built, label=name, runs=self.smoke_runner.runs(triple, built.artifacts, before))

    def trains(self, triple: str, route: BuildRoute) -> bool:
        """Whether programs of a target can be trained here: they run, and nobody else's container builds them."""
        return route.name != CROSS and runs_on(triple, self.exploration.study.toolchain.host)

    def _learned(self, profile: Profile) -> Iterator[str]:
        """Digest of what training does and reads, for a profile that is trained."""
        exploration = self.exploration
        if profile.is_trained:
            folder, environment = exploration.project.folder, exploration.environment
            bolt = bolt_version(exploration.runner, folder, environment) if profile.bolt is Switch.ON else ""
            yield training_identity(exploration.plan.training, exploration.home, exploration.ours, bolt)

    def _build(
        self, triple: str, route: BuildRoute, selection: Selection, today: Profile, profile: Profile, name: str
    ) -> TargetAttempt:
        exploration, environment = self.exploration, dict(route.compiler.environment)
        flags = (
            flags_in_force(exploration.runner, exploration.project, environment, triple) if profile.rustflags else ()
        )
        over = self.overlay if route.name != CROSS else None
        calls = replace(
            exploration.calls(self.work), selection=selection, today=today, rustflags=flags, environment=environment
        )
        builder = CargoBuilder(
            calls=calls,
            binaries=exploration.binaries,
            artifacts=ArtifactStore(self.attempts.artifacts),
            touched=exploration.touched,
            target=triple,
            program=route.program,
            more=route.more,
            overlay=over,
        )
        if profile.is_trained:
            trained = exploration.trained_builder(builder, builder, (profile,), self.work)
            built = trained.build(profile, touch=False)
        else:
            built = builder.build(profile, touch=False)
        exploration.sources.check_unchanged()
        if isinstance(built, BuildFailed):
            return TargetAttempt(label=name, profile=profile, failure=built, wrote=built.wrote)
        effects = (check_effect(built.invocations, artifact.name, profile) for artifact in built.artifacts)
        return TargetAttempt(
            label=name,
            profile=profile,
            artifacts=built.artifacts,
            cost=built.clean,
            effects=tuple(effect for effect in effects if effect),
            wrote=built.wrote,
        )
