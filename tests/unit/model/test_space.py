"""The profiles that are tried: the product of the axes around today's profile."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests import strategies
from trimtab.errors import InputError
from trimtab.model.profile import Lto, OptLevel, Panic, Profile
from trimtab.model.space import Space, default_space, parse_axis


def test_an_axis_is_read() -> None:
    axis = parse_axis("lto=local,thin,fat,true")
    assert axis.kind.name == "lto"
    assert axis.values == (Lto.LOCAL, Lto.THIN, Lto.FAT)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("rustflags=none;-C target-cpu=native", ((), ("-C", "target-cpu=native"))),
        ("rustflags=-C link-args=-s,-x", (("-C", "link-args=-s,-x"),)),
        (" codegen-units = 1 , 16 ", (1, 16)),
        ("lto=thin,", (Lto.THIN,)),
    ],
)
def test_separators(text: str, values: tuple[object, ...]) -> None:
    assert parse_axis(text).values == values


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("lto", "the axis lto has no values"),
        ("lto=,", "the axis lto has no values"),
        ("lto=thin,medium", "'medium' is not a value of the axis lto"),
        ("ltoo=thin", "there is no axis 'ltoo'"),
        ("=thin", "there is no axis ''"),
        ("", "there is no axis ''"),
    ],
)
def test_a_wrong_axis_is_refused(text: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        parse_axis(text)


def test_single_changes_come_before_combinations() -> None:
    space = Space(axes=(parse_axis("lto=local,fat"), parse_axis("codegen-units=16,1")))
    assert space.profiles(Profile()) == (
        Profile(codegen_units=1),
        Profile(lto=Lto.FAT),
        Profile(lto=Lto.FAT, codegen_units=1),
    )


@given(strategies.spaces, strategies.profiles)
def test_every_other_profile_of_the_product_once(space: Space, today: Profile) -> None:
    profiles = space.profiles(today)
    assert today not in profiles
    assert len(set(profiles)) == len(profiles)
    changes = [len(profile.differing(today)) for profile in profiles]
    assert changes == sorted(changes)
    product = {(lto, units, panic) for lto in space.axes[0].values for units in space.axes[1].values
               for panic in space.axes[2].values}  # fmt: skip
    today_is_in_it = (today.lto, today.codegen_units, today.panic) in product
    assert len(profiles) == len(product) - today_is_in_it
    assert {(one.lto, one.codegen_units, one.panic) for one in profiles} == product - {
        (today.lto, today.codegen_units, today.panic)
    }


@given(strategies.profiles)
def test_the_default_space_surrounds_today_and_never_asks_for_abort(today: Profile) -> None:
    profiles = default_space(today).profiles(today)
    assert {profile.panic for profile in profiles} == {today.panic}
    assert {profile.strip for profile in profiles} == {today.strip}
    assert {Lto.LOCAL, Lto.THIN, Lto.FAT} <= {profile.lto for profile in (*profiles, today)}
    assert {OptLevel.O3, OptLevel.S} <= {profile.opt_level for profile in (*profiles, today)}
    assert today not in profiles


def test_the_default_space_of_cargos_defaults_has_twelve_profiles() -> None:
    assert len(default_space(Profile()).profiles(Profile())) == 11


def test_an_axis_keeps_what_today_has_elsewhere() -> None:
    today = Profile(panic=Panic.ABORT, opt_level=OptLevel.Z)
    (only,) = Space(axes=(parse_axis("lto=thin"),)).profiles(today)
    assert only == Profile(panic=Panic.ABORT, opt_level=OptLevel.Z, lto=Lto.THIN)
