"""Profiles and their axes: every spelling that Cargo takes, and what people are told about others."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import strategies
from trimtab.errors import InputError
from trimtab.model.profile import (
    AXES,
    CargoValue,
    Debug,
    Lto,
    OptLevel,
    Panic,
    Profile,
    Strip,
    axis_kind,
    parse_axis_value,
    profile_from_spelled,
)


@pytest.mark.parametrize(
    ("axis", "text", "value"),
    [
        ("lto", "off", Lto.OFF),
        ("lto", "n", Lto.OFF),
        ("lto", "no", Lto.OFF),
        ("lto", "local", Lto.LOCAL),
        ("lto", "false", Lto.LOCAL),
        ("lto", "thin", Lto.THIN),
        ("lto", "fat", Lto.FAT),
        ("lto", "true", Lto.FAT),
        ("lto", " FAT ", Lto.FAT),
        ("codegen-units", "1", 1),
        ("codegen-units", " 16 ", 16),
        ("opt-level", "3", OptLevel.O3),
        ("opt-level", "s", OptLevel.S),
        ("opt-level", "Z", OptLevel.Z),
        ("panic", "abort", Panic.ABORT),
        ("strip", "false", Strip.NONE),
        ("strip", "none", Strip.NONE),
        ("strip", "debuginfo", Strip.DEBUGINFO),
        ("strip", "true", Strip.SYMBOLS),
        ("debug", "false", Debug.NONE),
        ("debug", "0", Debug.NONE),
        ("debug", "line-tables-only", Debug.LINE_TABLES_ONLY),
        ("debug", "1", Debug.LIMITED),
        ("debug", "2", Debug.FULL),
        ("debug", "true", Debug.FULL),
        ("rustflags", "none", ()),
        ("rustflags", "", ()),
        ("rustflags", "-C target-cpu=native", ("-C", "target-cpu=native")),
        ("rustflags", """--cfg 'feature="a b"'""", ("--cfg", 'feature="a b"')),
    ],
)
def test_values_are_read(axis: str, text: str, value: Any) -> None:
    assert parse_axis_value(axis_kind(axis), text) == value


@pytest.mark.parametrize(
    ("axis", "text"),
    [
        ("lto", "fast"),
        ("lto", ""),
        ("codegen-units", "0"),
        ("codegen-units", "-1"),
        ("codegen-units", "1.5"),
        ("codegen-units", "many"),
        ("opt-level", "4"),
        ("panic", "never"),
        ("strip", "all"),
        ("debug", "3"),
        ("rustflags", "-C 'unclosed"),
    ],
)
def test_other_values_are_refused_with_those_that_are_taken(axis: str, text: str) -> None:
    kind = axis_kind(axis)
    with pytest.raises(InputError) as caught:
        parse_axis_value(kind, text)
    assert repr(text) in caught.value.what
    assert axis in caught.value.what
    assert kind.examples in caught.value.hint


@pytest.mark.parametrize(
    ("name", "meant"), [("LTO", ""), ("codegen_units", "codegen-units"), ("opt", ""), ("strp", "strip"), ("xyz", "")]
)
def test_an_unknown_axis_names_the_nearest_or_all(name: str, meant: str) -> None:
    with pytest.raises(InputError, match=f"there is no axis '{name}'") as caught:
        axis_kind(name)
    if meant:
        assert caught.value.hint == f"did you mean {meant!r}?"
    else:
        assert "lto, codegen-units, opt-level" in caught.value.hint


@pytest.mark.parametrize(
    ("profile", "axis", "value"),
    [
        (Profile(lto=Lto.LOCAL), "lto", False),
        (Profile(lto=Lto.OFF), "lto", "off"),
        (Profile(lto=Lto.FAT), "lto", "fat"),
        (Profile(codegen_units=4), "codegen-units", 4),
        (Profile(opt_level=OptLevel.O2), "opt-level", 2),
        (Profile(opt_level=OptLevel.Z), "opt-level", "z"),
        (Profile(strip=Strip.NONE), "strip", "none"),
        (Profile(debug=Debug.LINE_TABLES_ONLY), "debug", "line-tables-only"),
    ],
)
def test_values_are_written_as_cargo_takes_them(profile: Profile, axis: str, value: CargoValue) -> None:
    kind = axis_kind(axis)
    written = kind.cargo(kind.get(profile))
    assert written == value
    assert type(written) is type(value)


def test_the_defaults_are_cargos_own_for_release() -> None:
    assert Profile().spelled() == {
        "lto": "local",
        "codegen-units": 16,
        "opt-level": "3",
        "panic": "unwind",
        "strip": "debuginfo",
        "debug": "none",
        "rustflags": "",
    }


def test_differing_axes_come_in_the_order_of_the_axes() -> None:
    one, other = Profile(), Profile(debug=Debug.FULL, lto=Lto.FAT, codegen_units=1)
    assert [axis.name for axis in one.differing(other)] == ["lto", "codegen-units", "debug"]
    assert one.differing(one) == ()


@given(strategies.profiles)
def test_a_spelled_profile_is_read_back(profile: Profile) -> None:
    assert profile_from_spelled(profile.spelled()) == profile


@given(strategies.profiles, strategies.profiles)
def test_setting_the_differing_axes_makes_one_profile_the_other(one: Profile, other: Profile) -> None:
    for axis in one.differing(other):
        one = axis.set(one, axis.get(other))
    assert one == other


@given(st.sampled_from(AXES), st.text(max_size=12))
def test_any_text_is_a_value_or_refused(axis: Any, text: str) -> None:
    try:
        value = parse_axis_value(axis, text)
    except InputError:
        return
    assert parse_axis_value(axis, str(axis.show(value))) == value
