"""A Cargo release profile as a value, and the axes along which profiles differ.

The model keeps four kinds of link-time optimization apart that Cargo's spelling blurs: ``off`` (``lto = "off"``),
``local`` (``lto = false``: thin-local LTO among the codegen units of each crate), ``thin`` and ``fat``
(``lto = "fat"`` or ``true``). Source: the Cargo book, chapter "Profiles", and ``rustc --help -C``.

To add an axis, add a field to :class:`Profile` and a row to :data:`AXES`; `cargo/profiles/arguments.py` writes it out
and `measure/effect.py` checks that it took effect. Profile-guided optimization and BOLT are axes too, though Cargo has
no setting for them: `builders/trained.py` builds such programs.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

from trimtab.errors import InputError

CargoValue = str | int | bool
E = TypeVar("E", bound=StrEnum)
_MILLIONTHS = 1_000_000


class Lto(StrEnum):
    """Link-time optimization. ``local`` is Cargo's ``false``, ``fat`` is Cargo's ``true``."""

    OFF = "off"
    LOCAL = "local"
    THIN = "thin"
    FAT = "fat"


class OptLevel(StrEnum):
    """Optimization level, as rustc names it."""

    O0 = "0"
    O1 = "1"
    O2 = "2"
    O3 = "3"
    S = "s"
    Z = "z"


class Panic(StrEnum):
    """Behaviour of a panic."""

    UNWIND = "unwind"
    ABORT = "abort"


class Strip(StrEnum):
    """Parts that are removed from the linked binary."""

    NONE = "none"
    DEBUGINFO = "debuginfo"
    SYMBOLS = "symbols"


class Debug(StrEnum):
    """Amount of debug information that the compiler writes."""

    NONE = "none"
    LINE_DIRECTIVES_ONLY = "line-directives-only"
    LINE_TABLES_ONLY = "line-tables-only"
    LIMITED = "limited"
    FULL = "full"


class Switch(StrEnum):
    """A step of the build that is taken or not."""

    OFF = "off"
    ON = "on"


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """One complete setting of the release profile. Defaults are Cargo's own for ``release``."""

    lto: Lto = Lto.LOCAL
    codegen_units: int = 16
    opt_level: OptLevel = OptLevel.O3
    panic: Panic = Panic.UNWIND
    strip: Strip = Strip.DEBUGINFO
    debug: Debug = Debug.NONE
    rustflags: tuple[str, ...] = ()
    """Compiler flags on top of those that the project's configuration already sets."""
    pgo: Switch = Switch.OFF
    """Profile-guided optimization: built twice, with a training run in between."""
    pgo_hot: int | None = None
    """Share of all counts, in millionths, that the hottest code has, down to which code counts as hot; LLVM's own
    (``-profile-summary-cutoff-hot``, 990,000 in LLVM 22) if ``None``."""
    bolt: Switch = Switch.OFF
    """BOLT: the linked program laid out anew, by another training run."""

    @property
    def is_trained(self) -> bool:
        """Whether building it takes a training run."""
        return Switch.ON in (self.pgo, self.bolt)

    @property
    def untrained(self) -> Profile:
        """The profile without training runs."""
        return replace(self, **{axis.field: axis.get(Profile()) for axis in AXES if axis.in_training})

    @property
    def in_cargo(self) -> Profile:
        """Settings that Cargo's profiles have too; the others as if they had not been asked for."""
        absent = {axis.field: axis.get(Profile()) for axis in AXES if not axis.in_cargo}
        return replace(self, **absent)

    def differing(self, other: Profile) -> tuple[AxisKind, ...]:
        """The axes on which two profiles differ, in the order of :data:`AXES`."""
        return tuple(axis for axis in AXES if axis.get(self) != axis.get(other))

    def spelled(self) -> dict[str, CargoValue]:
        """Each axis with its value as people and Cargo's documentation name it (``lto: "local"``).

        Steps that Cargo knows nothing of, such as ``pgo``, are left out where they are not taken: profiles of before
        there were such axes keep their spelling, and with it their identity.
        """
        return {axis.name: axis.show(axis.get(self)) for axis in AXES if axis.get(self) != axis.unsaid}


@dataclass(frozen=True, kw_only=True, slots=True)
class AxisKind:
    """One axis: its name in Cargo's spelling, and how its values are read and written."""

    name: str
    parse: Callable[[str], Any]
    cargo: Callable[[Any], CargoValue] = str
    """The value as ``Cargo.toml`` takes it."""
    show: Callable[[Any], CargoValue] = str
    examples: str
    separator: str = ","
    in_cargo: bool = True
    """Whether Cargo's profiles have this setting."""
    in_training: bool = False
    """Whether it says how a program is trained, so that a plain build cannot have it."""
    unsaid: Any = None
    """Value that goes without saying."""

    @property
    def field(self) -> str:
        """The name of its field in :class:`Profile`."""
        return self.name.replace("-", "_")

    def get(self, profile: Profile) -> Any:
        """This axis' value in a profile."""
        return getattr(profile, self.field)

    def set(self, profile: Profile, value: Any) -> Profile:
        """The profile with this axis at another value."""
        return replace(profile, **{self.field: value})


def _choice(kind: type[E], **synonyms: E) -> Callable[[str], E]:
    """A parser for one of an enumeration's values or of Cargo's other spellings for them."""
    table = {member.value: member for member in kind} | synonyms

    def parse(text: str) -> E:
        return table[text.strip().lower()]

    return parse


def _codegen_units(text: str) -> int:
    units = int(text)
    if units < 1:
        raise ValueError(text)
    return units


def _rustflags(text: str) -> tuple[str, ...]:
    return () if text.strip() in ("", "none") else tuple(shlex.split(text))


def _pgo_hot(text: str) -> int | None:
    if text.strip() == "default":
        return None
    share = int(text)
    if not 0 < share <= _MILLIONTHS:
        raise ValueError(text)
    return share


def _pgo_hot_shown(value: int | None) -> CargoValue:
    return "default" if value is None else value


def _lto_in_cargo(value: Lto) -> CargoValue:
    return False if value is Lto.LOCAL else value.value


def _opt_level_in_cargo(value: OptLevel) -> CargoValue:
    return int(value) if value.value.isdigit() else value.value


AXES: tuple[AxisKind, ...] = (
    AxisKind(
        name="lto",
        parse=_choice(
            Lto, false=Lto.LOCAL, true=Lto.FAT, on=Lto.FAT, y=Lto.FAT, yes=Lto.FAT, n=Lto.OFF, no=Lto.OFF
        ),  # as Cargo and rustc (`-C lto=on`) take it
        cargo=_lto_in_cargo,
        examples="off, local, thin, fat",
    ),
    AxisKind(
        name="codegen-units", parse=_codegen_units, cargo=int, show=int, examples="a whole number such as 16 or 1"
    ),
    AxisKind(name="opt-level", parse=_choice(OptLevel), cargo=_opt_level_in_cargo, examples="0, 1, 2, 3, s, z"),
    AxisKind(name="panic", parse=_choice(Panic), examples="unwind, abort"),
    AxisKind(
        name="strip",
        parse=_choice(Strip, false=Strip.NONE, true=Strip.SYMBOLS),
        examples="none, debuginfo, symbols",
    ),
    AxisKind(
        name="debug",
        parse=_choice(
            Debug,
            **{"0": Debug.NONE, "1": Debug.LIMITED, "2": Debug.FULL, "false": Debug.NONE, "true": Debug.FULL},
        ),
        examples="none, line-tables-only, limited, full",
    ),
    AxisKind(
        name="rustflags",
        parse=_rustflags,
        cargo=shlex.join,
        show=shlex.join,
        examples="none; -C target-cpu=native",
        separator=";",
        in_cargo=False,
    ),
    AxisKind(
        name="pgo", parse=_choice(Switch), examples="off, on", in_cargo=False, in_training=True, unsaid=Switch.OFF
    ),
    AxisKind(
        name="pgo-hot",
        parse=_pgo_hot,
        show=_pgo_hot_shown,
        examples="default, or millionths of all counts such as 990000 or 900000",
        in_cargo=False,
        in_training=True,
    ),
    AxisKind(
        name="bolt", parse=_choice(Switch), examples="off, on", in_cargo=False, in_training=True, unsaid=Switch.OFF
    ),
)


def axis_kind(name: str) -> AxisKind:
    """The axis of that name.

    Raises:
        InputError: there is none; names the nearest.
    """
    for axis in AXES:
        if axis.name == name:
            return axis
    import difflib

    names = [axis.name for axis in AXES]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"the axes are {', '.join(names)}"
    raise InputError(f"there is no axis {name!r}", hint=hint)


def parse_axis_value(axis: AxisKind, text: str) -> Any:
    """One value of an axis, from the command line or ``trimtab.toml``.

    Raises:
        InputError: the axis does not take it.
    """
    try:
        return axis.parse(text)
    except (KeyError, ValueError):
        raise InputError(f"{text!r} is not a value of the axis {axis.name}", hint=f"it takes {axis.examples}") from None


def profile_from_spelled(values: Mapping[str, Any]) -> Profile:
    """The inverse of :meth:`Profile.spelled`; absent axes take Cargo's defaults.

    Raises:
        InputError: an unknown axis or value.
    """
    profile = Profile()
    for name, value in values.items():
        axis = axis_kind(name)
        profile = axis.set(profile, parse_axis_value(axis, str(value)))
    return profile
