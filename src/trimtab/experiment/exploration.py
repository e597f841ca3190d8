"""Exploration: a request, settled and checked against the real project."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from trimtab.builders.bolt import find_bolt
from trimtab.builders.build_inputs import InputReader
from trimtab.builders.builder import Builder
from trimtab.builders.cargo import CargoBuilder
from trimtab.builders.overlay import Overlay
from trimtab.builders.profile_data import find_profile_tools
from trimtab.builders.rustc_wrapper.compiler import UnitSharing, WrappedRustc
from trimtab.builders.rustc_wrapper.embed_bitcode import embeds_alike, mergeable
from trimtab.builders.rustc_wrapper.executable import wrapper
from trimtab.builders.rustc_wrapper.key_context import KeyContext
from trimtab.builders.rustc_wrapper.unit_cache import UnitCache
from trimtab.builders.trained import TrainedBuilder
from trimtab.builders.training import Stage, Trainer, program_at
from trimtab.builders.wheel import WheelBuilder
from trimtab.builders.work_folder import ArtifactStore
from trimtab.cargo.calls import Calls
from trimtab.cargo.profiles.effective import EffectiveProfile
from trimtab.cargo.project import Binary, Project
from trimtab.cargo.sources import Sources
from trimtab.cargo.toolchain import ask, find_compiler
from trimtab.errors import MissingError
from trimtab.experiment.known import KnownTrials
from trimtab.experiment.provenance import CheckoutProvenance
from trimtab.experiment.wheels import WheelSetup
from trimtab.measure.installed import BENCH_VARIABLES
from trimtab.model.identity import digest
from trimtab.model.plan import Plan
from trimtab.model.profile import Profile, Switch
from trimtab.model.space import Space
from trimtab.model.study import Study
from trimtab.store.protocol import Store
from trimtab.system.orphans import WORK_VARIABLE, work_mark
from trimtab.system.paths import Folders
from trimtab.system.process import Runner

_MOST_KEPT = 8 << 30
"""Bytes of compiled units that are kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exploration:
    """A request, settled and checked against the real project: ready to run."""

    plan: Plan
    project: Project
    home: Path
    """The folder in which benches are run: the workspace's root, or the Python project's where a wheel ships."""
    binaries: tuple[Binary, ...]
    wheels: WheelSetup | None
    """Set where wheels ship."""
    today: EffectiveProfile
    sources: Sources
    study: Study
    space: Space
    touched: Path
    rustflags: tuple[str, ...]
    """The compiler flags in force; only asked for where the space adds to them."""
    folders: Folders
    runner: Runner
    environment: dict[str, str]
    overlay: Overlay | None = None
    """Keeps builds from changing the tree, where the system has one for us; wheels are built in copies."""

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """Today's profile and all others that will be tried, in order."""
        return (self.today.profile, *self.space.profiles(self.today.profile))

    def builder(self, work: Path, artifacts: Path, stage: Stage = program_at) -> Builder:
        """Builder of its trials.

        Args:
            work: the work folder.
            artifacts: folder in which binaries are kept.
            stage: puts what was built where training can run it.

        Raises:
            MissingError: a program that training needs is not here.
        """
        plain = self._plain_builder(work, artifacts)
        wanted = [profile for profile in self.profiles if profile.is_trained]
        if not wanted:
            return plain
        triple = self.study.project.target
        targeted: CargoBuilder | WheelBuilder
        if isinstance(plain, CargoBuilder):
            targeted = replace(plain, target=triple)
        else:
            named = {**plain.calls.environment, "CARGO_BUILD_TARGET": triple}
            targeted = replace(plain, calls=replace(plain.calls, environment=named))
        return self.trained_builder(plain, targeted, wanted, work, stage)

    def trained_builder(
        self,
        plain: CargoBuilder | WheelBuilder,
        targeted: CargoBuilder | WheelBuilder,
        profiles: Sequence[Profile],
        work: Path,
        stage: Stage = program_at,
    ) -> TrainedBuilder:
        """Builder that trains some profiles.

        Args:
            plain: builder of all other profiles.
            targeted: the same for a target that is named.
            profiles: those that are to be trained.
            work: the work folder.
            stage: puts what was built where training can run it.

        Raises:
            MissingError: a program that training needs is not here.
        """
        folder, environment = self.project.folder, dict(targeted.calls.environment)
        tools = None
        if any(profile.pgo is Switch.ON for profile in profiles):
            sysroot = Path(ask(self.runner, ("rustc", "--print", "sysroot"), folder, environment))
            tools = find_profile_tools(self.runner, sysroot, self.study.toolchain.host, environment)
        return TrainedBuilder(
            plain=plain,
            targeted=targeted,
            trainer=Trainer(
                runner=self.runner,
                training=self.plan.training,
                folder=self.home,
                environment={
                    **self.environment,
                    **(BENCH_VARIABLES if self.wheels else {}),
                    WORK_VARIABLE: work_mark(work),
                },
                timeout=self.plan.run_timeout,
                stage=stage,
            ),
            tools=tools,
            bolt=find_bolt(self.runner, folder, self.environment)
            if any(profile.bolt is Switch.ON for profile in profiles)
            else None,
            crates=tuple(binary.name for binary in self.binaries),
            held_out=self.study.held_out,
        )

    def _plain_builder(self, work: Path, artifacts: Path) -> CargoBuilder | WheelBuilder:
        if self.wheels:
            kept = ArtifactStore(artifacts)
            builder = self.wheels.builder(self.calls(work), kept, self.touched, self.folders.kept, self.inputs)
            return replace(builder, compiler=self._compiler_if_any(work), rustc_calls=self.today.rustc_calls)
        return replace(self.cargo_builder(work, artifacts), compiler=self._compiler_if_any(work))

    def _compiler_if_any(self, work: Path) -> WrappedRustc | None:
        """rustc behind the tracing wrapper; ``None`` where there is no wrapper: builds are then not traced."""
        with contextlib.suppress(MissingError):
            return self.compiler(work)
        return None

    def sharing_builder(self, work: Path, artifacts: Path, sharing: UnitSharing) -> CargoBuilder:
        """Builder in a work folder that takes units from other builds.

        Raises:
            MissingError: nothing can stand between Cargo and rustc here.
        """
        compiler = replace(self.compiler(work), sharing=sharing)
        return replace(self.cargo_builder(work, artifacts), compiler=compiler)

    def compiler(self, work: Path) -> WrappedRustc:
        """Rustc with somebody before it who notes what each call takes.

        Raises:
            MissingError: nobody can stand there.
        """
        toolchain = self.study.toolchain
        stand_in = wrapper(self.runner, self.folders.cache, str(toolchain), self.project.folder, self.environment)
        return WrappedRustc(wrapper=stand_in, host=toolchain.host, folder=work / "compiler")

    def sharing(self, *, merging: bool = True) -> UnitSharing:
        """Units that the builds of its profiles may share.

        Args:
            merging: whether one unit may serve several ``lto``, and one compilation several ``strip``.

        Raises:
            MissingError: there is no rustc.
        """
        profiles, cache = self.profiles, self.folders.cache / "compiled"
        compiler = find_compiler(self.runner, self.project.folder, self.environment)
        # Some flags ("native") mean this machine, and what a unit took is of this machine too.
        toolchain = digest(asdict(self.study.toolchain), compiler.files, asdict(self.study.machine.machine_class))
        strips = tuple(dict.fromkeys(profile.strip for profile in profiles))
        answers = cache / "embedding"
        embeds = (
            lto
            for lto in (mergeable(profiles) if merging else ())
            if embeds_alike(lto, self.runner, answers, toolchain, self.project.folder, self.environment)
        )
        return UnitSharing(
            entries=UnitCache(cache, _MOST_KEPT),
            basis=KeyContext(
                toolchain=toolchain,
                sources=self.sources.digest,
                tree=self.sources.stamps,
                compilers=compiler.names,
                since=self.sources.begun,
                sweep=self.study.created,
                fresh=self.study.fresh,
                strips=strips if merging and len(strips) > 1 else (),
                embeds=next(embeds, None),
            ),
        )

    def tracing(self, jobs: int) -> UnitSharing:
        """Units that traced builds may share: only the same work, as it was done with so many jobs.

        Nothing is merged, since units that serve several profiles, and links for several ways to strip, cost more.

        Raises:
            MissingError: there is no rustc.
        """
        sharing = self.sharing(merging=False)
        toolchain = digest(sharing.basis.toolchain, jobs)
        return replace(sharing, basis=replace(sharing.basis, toolchain=toolchain))

    def cargo_builder(self, work: Path, artifacts: Path) -> CargoBuilder:
        """Builder of the bare binaries."""
        return CargoBuilder(
            calls=self.calls(work),
            binaries=self.binaries,
            artifacts=ArtifactStore(artifacts),
            touched=self.touched,
            inputs=self.inputs,
            rustc_calls=self.today.rustc_calls,
            overlay=self.overlay_in(work),
        )

    def overlay_in(self, work: Path) -> Overlay | None:
        """The overlay whose changes lie in a work folder."""
        return self.overlay.at(work / "tree") if self.overlay else None

    @property
    def inputs(self) -> InputReader:
        """Reader of what its builds have read."""
        return InputReader(
            root=self.project.root,
            packages=self.sources.packages,
            known=self.sources.stamps.keys(),
            immutable=self.sources.unpacked,
            ours=self.ours,
            environment=self.environment,
        )

    @property
    def provenance(self) -> CheckoutProvenance:
        """Provenance of its trials: all that they are tied to beside their build identity."""
        cargo_home = self.environment.get("CARGO_HOME") or str(Path.home() / ".cargo")
        places = (self.project.root, self.home, *self.sources.outside, cargo_home, self.folders.cache)
        return CheckoutProvenance(
            root=self.project.root,
            home=self.home,
            paths=tuple(sorted({str(place) for place in places})),
            machine_class=self.study.machine.machine_class,
            environment=self.environment,
            ours=self.ours,
        )

    @property
    def ours(self) -> tuple[Path, ...]:
        """Folders of trimtab and of Cargo's builds, which are no input of anything."""
        return (*self.folders.kept, self.folders.cache, self.project.target_directory)

    def known(self, store: Store) -> KnownTrials:
        """Trials of its study that a store holds already."""
        return KnownTrials(store=store, study=self.study, provenance=self.provenance)

    def calls(self, work: Path) -> Calls:
        """Calls of its Cargo, with target directories in a work folder."""
        return Calls(
            runner=self.runner,
            project=self.project,
            selection=self.plan.selection,
            today=self.today.profile,
            rustflags=self.rustflags,
            environment=self.environment,
            work=work,
            jobs=self.plan.jobs,
            timeout=self.plan.build_timeout,
            workspace_wrapper="rustc-workspace-wrapper" in self.today.configuration.get("build", {}),
        )
