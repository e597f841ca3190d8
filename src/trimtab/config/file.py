"""``trimtab.toml``: every key optional, unknown keys and wrong types refused by name."""

from __future__ import annotations

import difflib
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from trimtab.errors import InputError
from trimtab.model.metric import STARTUP
from trimtab.model.parity_check import Normaliser, ParityCheck
from trimtab.model.plan import TRAINING, Bench, Economics, Goal, Limits, ProbeKind, Training
from trimtab.model.profile import axis_kind
from trimtab.model.space import Axis, axis_of
from trimtab.system.command_template import argv_of
from trimtab.units import parse_duration, parse_ratio, parse_size

NAME = "trimtab.toml"
Names = str | list[str]
Choice = TypeVar("Choice", bound=StrEnum)
_Amount = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
"""Number of events in a month; TOML has infinite numbers, which are refused."""


class ProjectTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """``[project]``: which binaries are meant."""

    bin: Names = []
    package: Names = []
    features: Names = []
    default_features: bool = True
    profile: str = ""
    target: str = ""
    """The triple that is measured, where Cargo is configured to build for several."""
    touch: str = ""
    """The source file whose edit is played for touch-and-rebuild."""
    targets: Names = []
    """The release targets, in the place of those that the project names elsewhere."""
    wheel: bool | None = None
    """Whether what ships is the wheel of the Python project; if left out, where there is no program."""
    python: str = ""
    """The interpreter that wheels are built for."""
    smoke: str = ""
    """Python code that must work with the wheel installed."""


class MeasureTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """``[measure]``: what is measured, and how long it may take."""

    probes: list[ProbeKind] = []
    jobs: Annotated[int, msgspec.Meta(ge=1)] | None = None
    timeout: str = ""
    bench_time: str = ""
    budget: str = ""


class LimitsTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """``[limits]``: what a recommended profile may cost, as ``2x`` or ``+5%`` of today's."""

    build: str = ""
    touch: str = ""
    size: str = ""


class EconomicsTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """``[economics]``: how often the program is built and fetched."""

    downloads_per_month: _Amount = 0.0
    builds_per_month: _Amount = 0.0
    minute_price: _Amount | None = None


class BenchTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """``[[bench]]``: a command that exercises the program."""

    name: str
    command: str | list[str]
    stdin: str = ""
    smallest_change: str = "1%"
    inputs: Names = []
    trained: bool = False
    """Whether it runs what training runs, so that it is shown and not judged."""


class ParityTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """``[[parity]]``: a command whose behaviour is compared, and what it is run on."""

    name: str
    command: str | list[str]
    stdin: str = ""
    inputs: str = ""
    projects: str = ""
    fetch: Names = []
    files: Names = []
    ignore: Names = []
    normalise: list[Normaliser] = []
    timeout: str = ""
    most_written: str = ""


class PgoTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """``[pgo]``: how a program is trained for the axes ``pgo`` and ``bolt``."""

    train: str | list[str | list[str]] = []
    """Commands, none of them a bench: a text is split as a shell would, a list is a command's arguments."""
    inputs: Names = []
    environment: dict[str, str] = {}
    repetitions: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    shared_inputs: Names = []
    """Files that benches may read as well: settings rather than data."""
    untrained: Names = []
    """Benches that use what training never touches."""


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """The whole file."""

    project: ProjectTable = ProjectTable()
    space: dict[str, Any] = {}
    bench: list[BenchTable] = []
    parity: list[ParityTable] = []
    measure: MeasureTable = MeasureTable()
    limits: LimitsTable = LimitsTable()
    economics: EconomicsTable | None = None
    pgo: PgoTable = PgoTable()


class Config:
    """A checked ``trimtab.toml``, its values in trimtab's own types."""

    def __init__(self, document: Document = Document()) -> None:  # noqa: B008 - frozen
        space = dict(document.space)
        goal = space.pop("goal", None)
        self.binaries = _names(document.project.bin)
        self.packages = _names(document.project.package)
        self.features = _names(document.project.features)
        self.default_features = document.project.default_features
        self.profile = document.project.profile
        self.target = document.project.target
        self.touch = document.project.touch
        self.targets = _names(document.project.targets)
        self.wheel = document.project.wheel
        self.python = document.project.python
        self.smoke = document.project.smoke
        self.axes = tuple(_axis(name, values) for name, values in space.items())
        self.goal = parse_choice(Goal, goal) if goal is not None else None
        self.benches = distinct(map(_bench, document.bench))
        self.checks = distinct_checks(map(_check, document.parity))
        self.probes = frozenset(document.measure.probes)
        self.jobs = document.measure.jobs
        self.timeout = _duration(document.measure.timeout)
        self.bench_time = _duration(document.measure.bench_time)
        self.budget = _duration(document.measure.budget)
        told = document.economics
        self.economics = Economics(**msgspec.structs.asdict(told)) if told else None
        self.training = _training(document.pgo, {bench.name for bench in self.benches})
        self.limits = parse_limits({name: getattr(document.limits, name) for name in ("build", "touch", "size")})


def read_config(root: Path) -> Config:
    """The settings of the project in a folder; those of an empty file where there is none.

    Raises:
        InputError: names the file, the key and, for an unknown one, the nearest known key.
    """
    path = root / NAME
    try:
        return parse_config(path.read_text("utf-8"))
    except FileNotFoundError:
        return Config()
    except InputError as error:
        raise InputError(error.what, where=str(path), hint=error.hint) from None
    except UnicodeDecodeError:
        raise InputError("it is not UTF-8 text", where=str(path)) from None
    except OSError as error:
        raise InputError(f"it cannot be read: {error.strerror}", where=str(path)) from None


def parse_config(text: str) -> Config:
    """The settings in a text.

    Raises:
        InputError: it is not TOML, or holds an unknown key or a wrong value.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not valid TOML: {error}") from None
    _refuse_unknown_keys(table, Document, "")
    try:
        return Config(msgspec.convert(table, Document))
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        raise InputError(f"{where.strip('`').removeprefix('$.')}: {what}".removeprefix(": ")) from None


def parse_limits(texts: Mapping[str, str]) -> Limits:
    """Limits from texts such as ``{"build": "2x", "size": "+5%"}``; an empty text is no limit of one's own.

    Raises:
        InputError: a limit that cannot be read.
    """
    return Limits(**{name: parse_ratio(text) for name, text in texts.items() if text})


def parse_bench(text: str, shell: tuple[str, ...] = ()) -> Bench:
    """A bench from ``NAME='{bin} args…'``.

    Args:
        text: name and command.
        shell: the shell that runs the command, if there is one.

    Raises:
        InputError: no name, no command, or no ``{bin}`` in it.
    """
    name, equals, command = text.partition("=")
    if not equals:
        raise InputError(f"{text!r} is not a bench", hint="write it like --bench check='{bin} check src'")
    return _bench(BenchTable(name=name.strip(), command=[*shell, "-c", command] if shell else command))


def parse_check(text: str) -> ParityCheck:
    """A check without inputs yet, from ``NAME='{bin} args…'``.

    Raises:
        InputError: no name, no command, or no ``{bin}`` in it.
    """
    name, equals, command = text.partition("=")
    if not equals:
        raise InputError(f"{text!r} is not a check", hint="write it like --check lint='{bin} check {input}'")
    return _command_check(ParityTable(name=name.strip(), command=command))


def distinct_checks(checks: Iterable[ParityCheck]) -> tuple[ParityCheck, ...]:
    """Checks whose names differ, and whose commands fit their inputs.

    Raises:
        InputError: two have the same name, or there is no input for ``{input}``.
    """
    listed = tuple(checks)
    for name, count in Counter(check.name for check in listed).items():
        if count > 1:
            raise InputError(f"two checks are called {name!r}", hint="results go by name: give each its own")
    for check in listed:
        has_inputs = check.inputs or check.projects or check.fetch
        asks = "{input}" in " ".join((*check.command, check.stdin))
        if asks and not has_inputs:
            raise InputError(f"the check {check.name!r} has no inputs", hint="give inputs, projects or fetch")
        if has_inputs and not asks:
            raise InputError(f"the check {check.name!r} does not use {{input}}", hint="write '{bin} check {input}'")
    return listed


def distinct(benches: Iterable[Bench]) -> tuple[Bench, ...]:
    """Benches whose names differ, since results go by name.

    Raises:
        InputError: two have the same name.
    """
    listed = tuple(benches)
    for name, count in Counter(bench.name for bench in listed).items():
        if count > 1:
            raise InputError(f"two benches are called {name!r}", hint="results go by name: give each its own")
    return listed


def _refuse_unknown_keys(value: Any, kind: Any, where: str) -> None:
    """Name the place of an unknown key and the nearest known one, which msgspec's own message does not."""
    if isinstance(value, list):
        for item in value:
            _refuse_unknown_keys(item, kind, where)
    if not isinstance(value, dict) or not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return
    known = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    for key, inner in value.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {where}{near[0]}?" if near else f"known here: {', '.join(known)}"
            raise InputError(f"unknown key {where}{key}", hint=hint)
        of_list = getattr(known[key], "__args__", (known[key],))[0]
        _refuse_unknown_keys(inner, of_list, f"{where}{key}.")


def _names(value: Names) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _axis(name: str, values: Any) -> Axis:
    listed = values if isinstance(values, list) else [values]
    return axis_of(axis_kind(name), [str(value).lower() if isinstance(value, bool) else str(value) for value in listed])


def parse_choice(kind: type[Choice], value: object) -> Choice:
    """A goal or probe by its name.

    Raises:
        InputError: there is none of that name.
    """
    try:
        return kind(str(value))
    except ValueError:
        raise InputError(f"{value!r} is not known", hint=f"choose among {', '.join(kind)}") from None


def _bench(table: BenchTable) -> Bench:
    if not table.name or not all(c.isalnum() or c in "-_" for c in table.name):
        raise InputError(f"{table.name!r} cannot name a bench", hint="use letters, digits, - and _")
    if table.name == STARTUP:
        raise InputError(f"{STARTUP!r} cannot name a bench", hint="it names the smoke run that is not judged")
    if table.name.startswith(f"{TRAINING}-"):
        raise InputError(f"{table.name!r} cannot name a bench", hint="such names are those of the training commands")
    argv = argv_of(table.command, f"the bench {table.name!r}")
    if not _runs_program(argv):
        raise InputError(f"the bench {table.name!r} does not run {{bin}}", hint="write it like '{bin} check src'")
    return Bench(
        name=table.name,
        command=argv,
        stdin=table.stdin,
        smallest_change=round(abs(parse_ratio(table.smallest_change) - 1), 9),
        inputs=_names(table.inputs),
        trained=table.trained,
    )


def _training(table: PgoTable, benches: Collection[str]) -> Training:
    commands = [table.train] if isinstance(table.train, str) else table.train
    untrained = _names(table.untrained)
    for name in untrained:
        if name not in benches:
            raise InputError(f"pgo.untrained names {name!r}, and there is no such bench", hint="name a [[bench]]")
    return Training(
        commands=tuple(map(parse_training_command, commands)),
        inputs=_names(table.inputs),
        environment=tuple(sorted(table.environment.items())),
        repetitions=table.repetitions,
        shared_inputs=_names(table.shared_inputs),
        untrained=untrained,
    )


def parse_training_command(text: str | Sequence[str]) -> tuple[str, ...]:
    """A training command from a line or from its arguments.

    Raises:
        InputError: it does not run the program, or takes a shell.
    """
    argv = argv_of(text, "a training command")
    if not _runs_program(argv):
        raise InputError("a training command does not run {bin}", where=" ".join(argv), hint="write '{bin} check src'")
    return argv


def _runs_program(argv: Iterable[str]) -> bool:
    return any("{bin}" in argument or "{python}" in argument for argument in argv)


def _command_check(table: ParityTable) -> ParityCheck:
    if not table.name or not all(c.isalnum() or c in "-_" for c in table.name):
        raise InputError(f"{table.name!r} cannot name a check", hint="use letters, digits, - and _")
    argv = argv_of(table.command, f"the check {table.name!r}")
    if not _runs_program(argv):
        raise InputError(f"the check {table.name!r} does not run {{bin}}", hint="write it like '{bin} check {input}'")
    return ParityCheck(name=table.name, command=argv, stdin=table.stdin)


def _check(table: ParityTable) -> ParityCheck:
    plain = _command_check(table)
    return replace(
        plain,
        inputs=table.inputs,
        projects=table.projects,
        fetch=_names(table.fetch),
        files=_names(table.files),
        ignore=_names(table.ignore),
        normalise=tuple(table.normalise),
        timeout=_duration(table.timeout) or plain.timeout,
        most_written=parse_size(table.most_written) if table.most_written else plain.most_written,
    )


def _duration(text: str) -> float | None:
    return parse_duration(text) if text else None
