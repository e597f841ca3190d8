"""Building trained programs: profile-guided optimization by the compiler, then BOLT after linking.

Per profile: an instrumented build with the same settings, training, merging, and the optimized build. The counters of
one profile serve no other: with other inlining, other functions are counted (a profile taken under thin LTO and used
under fat LTO loses most of the gain). The flags are given for a named target, so that Cargo keeps them from build
scripts and procedural macros. The clean build's cost is the sum of all steps: that is what a release job pays.

Source: the rustc book, "Profile Guided Optimization"; the Cargo book, "build.rustflags" and ``--target``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.builders.bolt import Bolt
from trimtab.builders.cargo import CargoBuilder
from trimtab.builders.costs import sum_of
from trimtab.builders.profile_data import ProfileTools
from trimtab.builders.training import StepFailedError, Trainer
from trimtab.builders.wheel import WheelBuilder
from trimtab.builders.work_folder import TRAINING_FOLDER, ArtifactStore
from trimtab.errors import InputError, MissingError
from trimtab.model.build_progress import OnBuildProgress, ignore_progress
from trimtab.model.profile import Profile, Strip, Switch
from trimtab.model.trial import Artifact, BuildFailed, Built, Cause, Cost, TrainedBuild, TrainingStep
from trimtab.system.paths import clear
from trimtab.system.process import out_of_space

_TELL_UNPROFILED = ("-Cllvm-args=-pgo-warn-missing-function",)
_RELOCATIONS = ("-Clink-arg=-Wl,--emit-relocs",)
_COUNTERS = "%p-%m.profraw"
"""A file for each process: one that is cut short spoils no other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainedBuilder:
    """Builder that trains the profiles for which that is asked, and leaves all others to the plain one."""

    plain: CargoBuilder | WheelBuilder
    targeted: CargoBuilder | WheelBuilder
    """The same for a target that is named: flags are then kept from build scripts and procedural macros."""
    trainer: Trainer
    tools: ProfileTools | None
    """Set where a profile wants ``pgo``."""
    bolt: Bolt | None
    """Set where a profile wants ``bolt``."""
    crates: tuple[str, ...] = ()
    """Names of what is built, one of which a given profile must know."""
    held_out: tuple[tuple[str, ...], ...] = ()
    """Commands of benches that training is to serve; run once each, instrumented, to see what they execute."""

    def build(
        self, profile: Profile, *, touch: bool, on_progress: OnBuildProgress = ignore_progress
    ) -> Built | BuildFailed:
        """A clean build with all its training, and if asked for a rebuild after a touch with what was learned."""
        if not profile.is_trained:
            return self.plain.build(profile, touch=touch, on_progress=on_progress)
        folder = self.plain.calls.work / TRAINING_FOLDER
        try:
            clear(folder)
            folder.mkdir(parents=True)
            return _TrainedRun(self, profile, folder, touch, on_progress).result()
        except StepFailedError as step:
            return step.failure
        except (InputError, MissingError) as error:
            return BuildFailed(cause=Cause.TRAINING, message=f"{error.what}{'; ' * bool(error.hint)}{error.hint}")
        except OSError as error:
            if not out_of_space(error):
                raise
            return BuildFailed(cause=Cause.DISK_FULL, message=f"{error.strerror}: {error.filename or folder}")
        finally:
            clear(folder)


@dataclass(frozen=True, slots=True)
class _TrainedRun:
    """One build with its training."""

    builder: TrainedBuilder
    profile: Profile
    folder: Path
    touch: bool
    on_progress: OnBuildProgress

    def result(self) -> Built:
        builder, profile = self.builder, self.profile
        training = builder.trainer.training
        settings = profile.untrained
        if profile.bolt is Switch.ON:  # from the first build on: Cargo makes settings part of the names of functions
            settings = replace(_with_flags(settings, _RELOCATIONS), strip=Strip.NONE)
        data, step, coverage, executed = None, None, None, None
        notes: tuple[str, ...] = ()
        if profile.pgo is Switch.ON:
            assert builder.tools, "looked for wherever a profile wants them"
            data = self.folder / "merged.profdata"
            if training.profile_data:
                data.write_bytes(_read(training.profile_data))
                builder.tools.require_profile_of(data, builder.crates)
            else:
                step, executed, notes = self._profiled(settings, builder.tools, data)
            coverage = builder.tools.coverage(data)
            settings = _with_flags(settings, _use(data, profile.pgo_hot))
            if training.profile_data:
                settings = _with_flags(settings, _TELL_UNPROFILED)
        if profile.bolt is Switch.ON:
            assert builder.bolt, "looked for wherever a profile wants it"
            built, laid_out = self._laid_out(settings, builder.bolt)
        else:
            built, laid_out = self._cargo(settings, builder.targeted.artifacts, touch=self.touch), None
        if step:
            step = replace(step, slowdown=self._slowdown(step, built.artifacts[0]))
        matched = None
        if data and training.profile_data and builder.tools:
            matched = builder.tools.matched(data, built.unprofiled, builder.crates)
            if matched is not None and matched < 1:
                notes = (*notes, f"{1 - matched:.0%} of the program's own functions in the profile are others by now")
        account = TrainedBuild(
            pgo=step,
            bolt=laid_out,
            optimized=built.clean,
            functions=coverage.functions if coverage else None,
            covered=coverage.covered if coverage else None,
            executed=executed,
            held_out=builder.held_out if executed is not None else (),
            matched=matched,
            profile_data=self._kept(built.artifacts[0].name, data) if data else None,
            notes=notes,
        )
        steps = [one for one in (step, laid_out) if one]
        others = [cost for one in steps for cost in (one.instrumented, one.training, one.merging)]
        return replace(built, clean=sum_of((built.clean, *others)), trained=account)

    def _kept(self, program: str, data: Path) -> Artifact:
        return self.builder.targeted.artifacts.keep(f"{program}.profdata", data)

    def _profiled(
        self, settings: Profile, tools: ProfileTools, data: Path
    ) -> tuple[TrainingStep, float | None, tuple[str, ...]]:
        """Instrument, train and merge; with the share of what benches execute that training ran."""
        raw = self.folder / "raw"
        raw.mkdir()
        instrumented = self._cargo(_with_flags(settings, (f"-Cprofile-generate={raw}",)), self._drafts, touch=False)
        trained = self.builder.trainer.train(instrumented.artifacts[0], {"LLVM_PROFILE_FILE": str(raw / _COUNTERS)})
        notes, merging = tools.merge(raw, data)
        clear(raw)
        step = TrainingStep(
            instrumented=instrumented.clean,
            instrumented_size=instrumented.size,
            training=trained,
            merging=merging,
        )
        return step, self._executed(instrumented.artifacts[0], tools, data), notes

    def _executed(self, instrumented: Artifact, tools: ProfileTools, data: Path) -> float | None:
        """Share of what held-out benches execute that training ran; ``None`` where they do not run for that."""
        trainer, commands = self.builder.trainer, self.builder.held_out
        if not commands:
            return None
        raw, merged = self.folder / "held-out", self.folder / "held-out.profdata"
        raw.mkdir()
        benches = replace(trainer, training=replace(trainer.training, commands=commands, repetitions=1))
        try:
            benches.train(instrumented, {"LLVM_PROFILE_FILE": str(raw / _COUNTERS)})
            tools.merge(raw, merged)
            return tools.executed_share(data, merged)
        except (StepFailedError, InputError, MissingError):  # the benches themselves tell what is wrong with them
            return None
        finally:
            clear(raw)

    def _laid_out(self, settings: Profile, bolt: Bolt) -> tuple[Built, TrainingStep]:
        """Link, instrument, train, and lay the program out anew."""
        linked = self._cargo(settings, self._drafts, touch=self.touch)
        program = Path(linked.artifacts[0].path)
        instrumented, counters = self.folder / "instrumented" / program.name, self.folder / "counters"
        instrumented.parent.mkdir()
        counters.mkdir()
        instrumenting = bolt.instrument(program, instrumented, counters)
        artifact = self._drafts.keep(program.name, instrumented, _beside(program))
        training = self.builder.trainer.train(artifact, {})
        data, optimized = self.folder / "merged.fdata", self.folder / program.name
        merging = bolt.merge(counters, data)
        laying_out = bolt.optimize(program, data, optimized, self.profile.strip)
        final = self.builder.targeted.artifacts.keep(program.name, optimized, _beside(program))
        step = TrainingStep(
            instrumented=instrumenting, instrumented_size=artifact.size, training=training, merging=merging
        )
        step = replace(step, slowdown=self._slowdown(step, final))
        touch = sum_of((linked.touch, laying_out)) if isinstance(linked.touch, Cost) else linked.touch
        return replace(linked, artifacts=(final,), clean=sum_of((linked.clean, laying_out)), touch=touch), step

    @property
    def _drafts(self) -> ArtifactStore:
        """Programs on the way to the one that ships."""
        return ArtifactStore(self.folder / "drafts")

    def _cargo(self, settings: Profile, artifacts: ArtifactStore, *, touch: bool) -> Built:
        builder = replace(self.builder.targeted, artifacts=artifacts)
        built = builder.build(settings, touch=touch, on_progress=self.on_progress)
        if isinstance(built, BuildFailed):
            raise StepFailedError(built)
        return built

    def _slowdown(self, step: TrainingStep, finished: Artifact) -> float | None:
        """CPU time of training over that of the same commands with the finished program."""
        again = self.builder.trainer.train(finished, {})
        return step.training.cpu / again.cpu if again.cpu else None


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"the profile cannot be read: {error.strerror}", where=path) from None


def _with_flags(profile: Profile, flags: Iterable[str]) -> Profile:
    return replace(profile, rustflags=(*profile.rustflags, *flags))


def _use(data: Path, hot: int | None) -> tuple[str, ...]:
    cutoff = () if hot is None else (f"-Cllvm-args=-profile-summary-cutoff-hot={hot}",)
    return (f"-Cprofile-use={data}", *cutoff)


def _beside(program: Path) -> dict[str, Path]:
    """Files and folders that lie beside a kept program."""
    return {path.name: path for path in program.parent.iterdir() if path.name != program.name}
