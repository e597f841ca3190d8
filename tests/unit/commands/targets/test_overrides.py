"""Standings, known troubles, and the settings of their own that broken targets get."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from importlib import resources

import pytest

from tests.fakes.targets import (
    HOST,
    RELEASE,
    WASM,
    WINDOWS,
    a_full_report,
    attempt,
    broken,
    not_tried,
    ran,
    report,
    result,
)  # fmt: skip
from tests.fakes.values import ABORT, FAT, FAT1, SMALL, THIN, TODAY
from trimtab.cli.targets import exit_code
from trimtab.commands.targets.known_issues import hints
from trimtab.commands.targets.model import SmokeStatus, TargetResult, TargetStatus
from trimtab.commands.targets.overrides import attempt_for, flag_notes, narrower, proposals
from trimtab.errors import MissingError, NothingBuiltError
from trimtab.model.profile import AXES, Lto, OptLevel, Profile, Strip, axis_kind, parse_axis_value
from trimtab.model.release_target import Place, ReleaseTarget

FLAGS = Profile(rustflags=("-C", "target-cpu=native"))
CRASHES = ran(SmokeStatus.FAILED, "wine", "signal 11")
NO_RUNNER = ran(SmokeStatus.NOT_RUN, "", "there is no wine to run it")


@pytest.mark.parametrize(
    ("found", "standing"),
    [
        (result(HOST, attempt(), attempt(FAT1)), TargetStatus.PASSES),
        (result(HOST, attempt()), TargetStatus.PASSES),
        (result(HOST, attempt(run=NO_RUNNER), attempt(FAT1, run=NO_RUNNER)), TargetStatus.BUILT),
        (result(HOST, attempt(), attempt(FAT1, run=CRASHES)), TargetStatus.BREAKS),
        (result(HOST, attempt(run=NO_RUNNER), broken()), TargetStatus.BREAKS),
        (result(HOST, attempt(run=CRASHES), broken()), TargetStatus.FAILS),
        (result(HOST, broken(TODAY), broken()), TargetStatus.FAILS),
        (result(HOST, broken(TODAY)), TargetStatus.FAILS),
        (result(HOST, broken(TODAY), attempt(FAT1)), TargetStatus.PASSES),
        (not_tried(), TargetStatus.NOT_TRIED),
        (result(HOST, attempt(), attempt(FAT1, told=TODAY)), TargetStatus.NOT_IN_EFFECT),
        (result(HOST, attempt(), attempt(FAT1, told=FAT)), TargetStatus.NOT_IN_EFFECT),
        (result(HOST, attempt(), replace(attempt(FAT1), effects=())), TargetStatus.NOT_IN_EFFECT),
        (result(HOST, attempt(run=NO_RUNNER), attempt(FAT, told=TODAY, run=NO_RUNNER)), TargetStatus.NOT_IN_EFFECT),
        (result(HOST, attempt(), attempt(FLAGS, told=TODAY)), TargetStatus.NOT_IN_EFFECT),
        (result(HOST, attempt(), attempt(FLAGS)), TargetStatus.PASSES),
        (result(HOST, attempt(), attempt(FAT, told=TODAY, run=CRASHES)), TargetStatus.BREAKS),
        (result(HOST, attempt(told=SMALL), attempt(FAT, told=replace(FAT, opt_level=OptLevel.S))), TargetStatus.PASSES),
        (result(HOST, replace(attempt(), effects=())), TargetStatus.PASSES),
    ],
)
def test_standings(found: TargetResult, standing: TargetStatus) -> None:
    assert found.standing is standing


def test_nothing_but_what_ran_counts_as_passing() -> None:
    found = a_full_report()
    assert set(found.counts.values()) == {1}
    assert found.headline == (
        "1 of 6 release targets pass with lto fat, codegen-units 1; 1 breaks that works today; 1 fails today; "
        "1 not known to have all of it; 1 built but not run; 1 not tried"
    )


class TestExitCode:
    GOOD = result(HOST, attempt(), attempt(FAT1))

    @pytest.mark.parametrize(
        ("results", "code", "strict"),
        [
            ((GOOD,), 0, 0),
            ((GOOD, not_tried()), 0, 1),
            ((GOOD, result(WASM, attempt(run=NO_RUNNER), attempt(FAT1, run=NO_RUNNER))), 0, 1),
            ((GOOD, result(WINDOWS, broken(TODAY), broken())), 0, 1),
            ((GOOD, result(WINDOWS, attempt(), attempt(FAT1, told=TODAY))), 0, 1),
            ((GOOD, result(WINDOWS, attempt(), broken())), 1, 1),
            ((GOOD, result(WINDOWS, attempt(), attempt(FAT1, run=CRASHES))), 1, 1),
        ],
    )
    def test_tells_of_what_the_candidate_breaks(
        self, results: tuple[TargetResult, ...], code: int, strict: int
    ) -> None:
        assert exit_code(report(*results), strict=False) == code
        assert exit_code(report(*results), strict=True) == strict

    def test_without_a_candidate_of_what_fails(self) -> None:
        found = report(result(HOST, attempt()), result(WINDOWS, broken(TODAY)), candidate=None)
        assert exit_code(found, strict=False) == 1

    def test_nothing_that_can_be_tried_or_built_is_an_error(self) -> None:
        with pytest.raises(MissingError, match="none of the 1 release targets can be built here"):
            exit_code(report(not_tried()), strict=False)
        with pytest.raises(NothingBuiltError):
            exit_code(report(result(HOST, broken(TODAY), broken()), not_tried()), strict=False)


class TestTroubles:
    def test_every_fact_is_whole(self) -> None:
        text = resources.files("trimtab.commands.targets").joinpath("known_issues.toml").read_text("utf-8")
        facts = tomllib.loads(text)["trouble"]
        assert len(facts) >= 8
        for fact in facts:
            assert set(fact) - {"causes"} == {"targets", "settings", "says", "remedy", "source"}
            assert "#" in fact["source"] or "doc.rust-lang.org" in fact["source"]
            for axis, values in fact["settings"].items():
                kind = axis_kind(axis)
                assert [str(kind.show(parse_axis_value(kind, value))) for value in values] == values

    def test_fit_target_and_profile(self) -> None:
        (thin,) = hints(WINDOWS, [attempt(), broken(THIN)])
        assert thin.source == "astral-sh/ruff#9245, rust-lang/rust#109797"
        assert [one.source for one in hints("powerpc64le-unknown-linux-musl", [broken(FAT)])] == [
            "astral-sh/uv#5984", "gyscos/zstd-rs#201",
        ]  # fmt: skip
        assert any("target_features" in one.says for one in hints(WASM, [broken(Profile(strip=Strip.SYMBOLS))]))
        assert [one.source for one in hints(HOST, [attempt(ABORT, run=CRASHES)])] == ["pmcfadin/cqlite#1440"]

    def test_are_silent_where_all_is_well(self) -> None:
        assert hints(WINDOWS, [attempt(), attempt(THIN)]) == ()
        assert hints(WINDOWS, []) == ()

    def test_are_silent_where_it_fails_without_the_setting_too(self) -> None:
        assert hints(WINDOWS, [broken(TODAY), broken(THIN)]) == ()

    def test_are_silent_where_it_works_with_the_setting(self) -> None:
        both = Profile(panic=ABORT.panic, lto=Lto.FAT)
        assert hints(HOST, [attempt(), attempt(both, run=CRASHES)]) != ()
        assert hints(HOST, [attempt(ABORT), attempt(both, run=CRASHES)]) == ()

    def test_are_silent_where_a_linker_fails_that_takes_the_setting(self) -> None:
        assert hints("riscv64gc-unknown-linux-gnu", [attempt(FAT), broken(FAT1)]) == ()


class TestNarrower:
    def test_one_change_leaves_only_today(self) -> None:
        assert narrower(TODAY, FAT, ()) == ()

    def test_each_change_is_taken_back_the_blamed_one_first(self) -> None:
        candidate = Profile(codegen_units=1, opt_level=AXES[2].parse("s"), lto=Lto.THIN)
        known = hints(WINDOWS, [broken(THIN)])
        tried = narrower(TODAY, candidate, known)
        assert [profile.lto for profile in tried] == [Lto.LOCAL, Lto.THIN, Lto.THIN]
        assert tried[1] == Profile(codegen_units=16, opt_level=candidate.opt_level, lto=Lto.THIN)

    def test_the_first_that_works_is_taken_or_else_today(self) -> None:
        works = attempt(Profile(codegen_units=1))
        assert attempt_for(attempt(), [broken(FAT), works]) is works
        assert attempt_for(attempt(), [broken(FAT)]) == attempt()


class TestProposals:
    def test_a_profile_and_the_line_that_uses_it(self) -> None:
        (found,) = proposals([result(WINDOWS, attempt(), broken(FAT))], "release")
        assert found.manifest == (
            f"# trimtab: {WINDOWS} cannot have what release has",
            "[profile.release-lto-local]",
            'inherits = "release"',
            "lto = false",
        )
        assert tomllib.loads("\n".join(found.manifest))["profile"]["release-lto-local"]["lto"] is False
        assert found.workflow == (
            f"{RELEASE}:12: beside the target {WINDOWS}, add `profile: release-lto-local`",
            f"{RELEASE}: where it is built, `--profile ${{{{ matrix.profile || 'release' }}}}` in place of --release: "
            f"cargo build --profile release-lto-local --target {WINDOWS}",
            f"{RELEASE}: the program is then in target/{WINDOWS}/release-lto-local",
        )
        assert found.proven

    def test_targets_with_the_same_need_share_one(self) -> None:
        one, other = result(WINDOWS, attempt(), broken(FAT)), result(WASM, attempt(run=NO_RUNNER), broken(FAT))
        (found,) = proposals([one, other], "release")
        assert found.targets == (WINDOWS, WASM)
        assert not found.proven

    def test_only_what_differs_from_the_candidate_is_said(self) -> None:
        narrowed = [broken(FAT), attempt(Profile(codegen_units=1))]
        (found,) = proposals([result(WINDOWS, attempt(), broken(FAT1), narrowed=narrowed)], "dist")
        assert (found.profile, found.settings) == ("dist-lto-local", {"lto": False})
        assert "in place of --profile dist" in found.workflow[1]

    def test_what_was_tried_without_its_settings_proves_nothing(self) -> None:
        narrowed = [attempt(Profile(codegen_units=1), told=FAT1)]
        (found,) = proposals([result(WINDOWS, attempt(), broken(FAT1), narrowed=narrowed)], "release")
        assert not found.proven

    def test_flags_are_no_setting_of_a_profile(self) -> None:
        broken_ones = [result(WINDOWS, attempt(), broken(FLAGS)), result(WASM, attempt(), broken(FLAGS))]
        assert proposals(broken_ones, "release") == ()
        assert flag_notes(broken_ones) == (
            f"{WINDOWS}, {WASM} cannot have -C target-cpu=native, and no profile holds compiler flags: give them to "
            "each of the other targets by `[target.TRIPLE] rustflags` in .cargo/config.toml",
        )

    def test_settings_beside_flags_are(self) -> None:
        broken_one = result(WINDOWS, attempt(), broken(replace(FLAGS, lto=Lto.FAT)))
        (found,) = proposals([broken_one], "release")
        assert (found.profile, found.settings, found.proven) == ("release-lto-local", {"lto": False}, True)
        assert len(flag_notes([broken_one])) == 1

    def test_flags_that_a_target_keeps_are_not_spoken_of(self) -> None:
        candidate = replace(FLAGS, lto=Lto.FAT)
        assert flag_notes([result(WINDOWS, attempt(), broken(candidate), narrowed=[attempt(FLAGS)])]) == ()

    def test_without_a_workflow_there_is_the_command(self) -> None:
        target = ReleaseTarget(triple=WINDOWS, places=(Place(file="--target", line=0, said=WINDOWS),))
        (found,) = proposals([TargetResult(target=target, attempts=(attempt(), broken(FAT)))], "release")
        assert found.workflow == (
            f"cargo build --profile release-lto-local --target {WINDOWS}  # into target/{WINDOWS}/release-lto-local",
        )
