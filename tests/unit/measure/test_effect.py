"""The effect check: every way in which a setting is known to be dropped silently must be seen."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given

from tests import strategies
from trimtab.measure.effect import check_effect, codegen_options, compiled_with
from trimtab.model.profile import Debug, Lto, OptLevel, Panic, Profile, Strip
from trimtab.model.trial import Effect, Invocation

DEPS = "/build/target/release/deps"
ASKED = Profile(lto=Lto.FAT, codegen_units=1)


def call(crate: str, words: str, *, kind: str = "lib", needs: tuple[str, ...] = ()) -> Invocation:
    """A rustc call as Cargo makes it; the hash of a crate's files is made from its name."""
    externs = [f"--extern {name}={DEPS}/lib{name}-{hash_of(name)}.rlib" for name in needs]
    text = (
        f"--edition=2021 src/lib.rs --crate-type {kind} --emit=dep-info,link {words} -C metadata={hash_of(crate)}"
        f" -C extra-filename=-{hash_of(crate)} --out-dir {DEPS} -L dependency={DEPS} {' '.join(externs)}"
    )
    return Invocation(crate=crate, arguments=tuple(shlex.split(text)))


def hash_of(crate: str) -> str:
    return f"{sum(crate.encode()):016x}"


def main(
    words: str = "-C opt-level=3 -C lto=fat -C codegen-units=1 -C strip=debuginfo", **rest: tuple[str, ...]
) -> Invocation:
    return call("my_app", words, kind="bin", **rest)


DEP = call("dep", "-C opt-level=3 -C linker-plugin-lto -C codegen-units=1 -C strip=debuginfo")


def check(*invocations: Invocation, asked: Profile = ASKED) -> Effect:
    found = check_effect(invocations, "my-app", asked)
    assert found is not None
    return found


def test_what_was_asked_and_told_gives_no_warning() -> None:
    found = check(DEP, main(needs=("dep",)))
    assert found == Effect(
        binary="my-app", lto="fat", codegen_units=1, opt_level="3", panic="unwind", strip="debuginfo", debug="none"
    )


@pytest.mark.parametrize(
    ("case", "told", "warning"),
    [
        (
            "Cargo gave no -C lto at all: the package mixes crate types",
            "-C opt-level=3 -C codegen-units=1 -C strip=debuginfo -C embed-bitcode=no",
            "my-app: lto was asked as fat but rustc was told local",
        ),
        (
            "RUSTFLAGS stand last and win",
            "-C opt-level=3 -C lto=fat -C codegen-units=1 -C strip=debuginfo -C lto=off -C embed-bitcode=no",
            "my-app: lto was asked as fat but rustc was told off",
        ),
        (
            "RUSTFLAGS in one word",
            "-C opt-level=3 -C lto=fat -C codegen-units=1 -C strip=debuginfo -Copt-level=2",
            "my-app: opt-level was asked as 3 but rustc was told 2",
        ),
        (
            "incremental compilation has 256 units where none are named",
            "-C opt-level=3 -C lto=fat -C strip=debuginfo -C incremental=/build/target/release/incremental",
            "my-app: codegen-units was asked as 1 but rustc was told 256",
        ),
        (
            "the wrong profile",
            "-C opt-level=3 -C lto=fat -C codegen-units=1 -C debuginfo=2",
            "my-app: strip was asked as debuginfo but rustc was told none",
        ),
        (
            "-g",
            "-C opt-level=3 -C lto=fat -C codegen-units=1 -C strip=debuginfo -g",
            "my-app: debug was asked as none but rustc was told full",
        ),
    ],
)
def test_a_setting_dropped_or_overridden_is_told(case: str, told: str, warning: str) -> None:
    assert warning in check(main(told)).warnings, case


def test_a_dependency_with_settings_of_its_own_is_told() -> None:
    odd = call("dep", "-C opt-level=s -C linker-plugin-lto -C codegen-units=1")
    assert check(odd, main(needs=("dep",))).warnings == ("dependencies with another opt-level than asked: dep",)


def test_many_dependencies_are_counted() -> None:
    names = tuple(f"dep{number}" for number in range(5))
    odd = [call(name, "-C opt-level=3 -C linker-plugin-lto -C codegen-units=16") for name in names]
    (warning,) = check(*odd, main(needs=names)).warnings
    assert warning == "dependencies with another codegen-units than asked: dep0, dep1, dep2 and 2 more"


def test_dependencies_of_dependencies_count() -> None:
    deep = call("deep", "-C opt-level=1 -C linker-plugin-lto -C codegen-units=1")
    middle = call("middle", "-C opt-level=3 -C linker-plugin-lto -C codegen-units=1", needs=("deep",))
    assert check(deep, middle, main(needs=("middle",))).warnings == (
        "dependencies with another opt-level than asked: deep",
    )


def test_procedural_macros_and_build_scripts_do_not_count() -> None:
    macro = call("macros", "-C opt-level=0", kind="proc-macro")
    script = call("build_script_build", "-C opt-level=0", kind="bin")
    final = Invocation(
        crate="my_app", arguments=(*main().arguments, "--extern", f"macros={DEPS}/libmacros-{hash_of('macros')}.so")
    )
    assert check(macro, script, final).warnings == ()


@pytest.mark.parametrize(("lto", "warned"), [(Lto.FAT, True), (Lto.THIN, True), (Lto.LOCAL, False), (Lto.OFF, False)])
def test_lto_cannot_see_into_dependencies_without_bitcode(lto: Lto, *, warned: bool) -> None:
    dep = call("dep", "-C opt-level=3 -C embed-bitcode=no -C codegen-units=1")
    told = "" if lto is Lto.LOCAL else f"-C lto={lto}"
    final = main(f"-C opt-level=3 {told} -C codegen-units=1 -C strip=debuginfo", needs=("dep",))
    warnings = check(dep, final, asked=Profile(lto=lto, codegen_units=1)).warnings
    assert warnings == (("dependencies without bitcode, so that LTO cannot see into them: dep",) if warned else ())


def test_flags_that_did_not_arrive_are_told() -> None:
    asked = Profile(lto=Lto.FAT, codegen_units=1, rustflags=("-C", "target-cpu=native"))
    assert check(main(), asked=asked).warnings == ("my-app: rustc was not given target-cpu=native",)
    arrived = check(
        main("-C opt-level=3 -C lto=fat -C codegen-units=1 -C strip=debuginfo -C target-cpu=native"), asked=asked
    )
    assert arrived.warnings == ()
    assert arrived.rustflags == ("-C", "target-cpu=native")


def test_flags_that_change_a_setting_are_told() -> None:
    asked = Profile(lto=Lto.FAT, codegen_units=1, rustflags=("-Copt-level=2",))
    told = "-C opt-level=3 -C lto=fat -C codegen-units=1 -C strip=debuginfo -Copt-level=2"
    assert check(main(told), asked=asked).warnings == ("my-app: opt-level was asked as 3 but rustc was told 2",)


def test_only_the_last_call_of_the_named_binary_counts() -> None:
    library = call("my_app", "-C opt-level=0")
    other = call("other", "-C opt-level=0", kind="bin")
    assert check(library, main("-C opt-level=0"), main(), other).warnings == ()


def test_a_binary_that_was_not_built_here_has_no_effect() -> None:
    assert check_effect((DEP,), "my-app", ASKED) is None
    assert check_effect((call("my_app", ""),), "my-app", ASKED) is None


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("-C lto=fat", {"lto": "fat"}),
        ("-Clto=fat -C lto=thin", {"lto": "thin"}),
        ("--codegen lto=fat", {"lto": "fat"}),
        ("--codegen=opt_level=s", {"opt-level": "s"}),
        ("-C lto", {"lto": ""}),
        ("-O -g", {"opt-level": "3", "debuginfo": "2"}),
        ("-C link-arg=-Wl,-O1 --cfg opt-level=1", {"link-arg": "-Wl,-O1"}),
        ("-C", {}),
    ],
)
def test_codegen_options(words: str, options: dict[str, str]) -> None:
    assert codegen_options(shlex.split(words)) == options


@pytest.mark.parametrize(
    ("words", "profile"),
    [
        ("", Profile(opt_level=OptLevel.O0, strip=Strip.NONE)),
        ("-C opt-level=3 -C lto", Profile(lto=Lto.FAT, strip=Strip.NONE)),
        ("-C opt-level=3 -C lto=no", Profile(lto=Lto.OFF, strip=Strip.NONE)),
        ("-C opt-level=3 -C lto=yes", Profile(lto=Lto.FAT, strip=Strip.NONE)),
        ("-C opt-level=3 -C panic=abort -C strip=symbols", Profile(panic=Panic.ABORT, strip=Strip.SYMBOLS)),
        ("-C opt-level=3 -C debuginfo=line-tables-only", Profile(debug=Debug.LINE_TABLES_ONLY, strip=Strip.NONE)),
        ("-C opt-level=3 -C panic=immediate-abort", Profile(panic=Panic.ABORT, strip=Strip.NONE)),
    ],
)
def test_what_a_call_amounts_to(words: str, profile: Profile) -> None:
    assert compiled_with(Invocation(crate="a", arguments=tuple(shlex.split(words)))) == profile


@given(strategies.profiles, strategies.profiles)
def test_exactly_the_differing_axes_are_warned_about(asked: Profile, told: Profile) -> None:
    options = [f"opt-level={told.opt_level}", f"panic={told.panic}", f"strip={told.strip}", f"debuginfo={told.debug}"]
    options += [f"codegen-units={told.codegen_units}", *([f"lto={told.lto}"] if told.lto is not Lto.LOCAL else [])]
    arguments = ("--crate-type", "bin", *(word for option in options for word in ("-C", option)), *asked.rustflags)
    found = check_effect([Invocation(crate="my_app", arguments=arguments)], "my-app", asked)
    assert found is not None
    differing = [axis.name for axis in asked.differing(told) if axis.name != "rustflags"]
    assert [warning.split()[1] for warning in found.warnings] == differing
