"""The profiles worth asking about: the product of the values chosen on each axis, around today's profile."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

from trimtab.errors import InputError
from trimtab.model.profile import AxisKind, Profile, Switch, axis_kind, parse_axis_value


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """One axis with the values to try on it, in the order given."""

    kind: AxisKind
    values: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Space:
    """Axes to explore; every axis that is not named keeps the baseline's value."""

    axes: tuple[Axis, ...]

    def profiles(self, baseline: Profile) -> tuple[Profile, ...]:
        """Every profile of the product but the baseline itself, fewest changes from the baseline first.

        The order matters under a budget: single changes tell most about what each axis does, combinations come after.
        """
        candidates = []
        for values in itertools.product(*(axis.values for axis in self.axes)):
            profile = baseline
            for axis, value in zip(self.axes, values, strict=True):
                profile = axis.kind.set(profile, value)
            candidates.append(profile if profile.pgo is Switch.ON else replace(profile, pgo_hot=None))
        distinct = [profile for profile in dict.fromkeys(candidates) if profile != baseline]
        return tuple(sorted(distinct, key=lambda profile: len(profile.differing(baseline))))


def parse_axis(text: str) -> Axis:
    """An axis from ``lto=local,thin,fat``; ``rustflags`` variants are separated by ``;``.

    Raises:
        InputError: no such axis or value, or no value at all.
    """
    name, _, values = text.partition("=")
    kind = axis_kind(name.strip())
    listed = [value for value in values.split(kind.separator) if value.strip()]
    if not listed:
        raise InputError(
            f"the axis {kind.name} has no values", hint=f"write it like --axis {kind.name}=…; {kind.examples}"
        )
    return axis_of(kind, listed)


def axis_of(kind: AxisKind, values: list[str]) -> Axis:
    """An axis from its values as text, duplicates dropped.

    Raises:
        InputError: a value that the axis does not take.
    """
    return Axis(kind=kind, values=tuple(dict.fromkeys(parse_axis_value(kind, value) for value in values)))


def default_space(baseline: Profile) -> Space:
    """LTO without off, codegen units and optimizing for size, around today's profile.

    ``panic = "abort"`` changes what the program does and is only tried when asked for. ``strip`` is not an axis here
    because each trial is weighed stripped as well, without another build.
    """

    def around(name: str, *values: str) -> Axis:
        kind = axis_kind(name)
        texts = [str(kind.show(kind.get(baseline))), *values]
        return axis_of(kind, texts)

    return Space(
        axes=(around("lto", "local", "thin", "fat"), around("codegen-units", "16", "1"), around("opt-level", "3", "s"))
    )
