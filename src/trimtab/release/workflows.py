"""GitHub workflows: which of them release, and for which targets their jobs build.

A triple that stands in a job as a word of its own counts, wherever it stands: matrices, inputs of actions, scripts. On
top of that, expressions are filled in for each combination of the job's matrix, so that
``${{ matrix.arch }}-apple-darwin`` and the short names of wheel builders are understood; and a job that builds without
naming any target builds for its runner. What is only known while a workflow runs cannot be told, and is noted where a
matrix depends on it.

Source: docs.github.com, "Workflow syntax for GitHub Actions" (matrix, include, exclude, reusable workflows).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from trimtab.model.release_target import Place
from trimtab.release.cibuildwheel import CibuildwheelSettings
from trimtab.release.triples import runner_triple, short_name, system_of, triples_in, with_musl
from trimtab.release.yaml_lines import Node, read_yaml

Named = tuple[str, Place]
"""A triple, and where it is named."""
Combination = Mapping[str, Node]
"""One choice of a matrix: key → value."""

_MOST = 256
"""Combinations of a matrix; GitHub allows no more."""
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_VARIABLE = re.compile(r"\s*(matrix|env)\.([\w.-]+)\s*")
_QUOTED = re.compile(r"'([^']*)'")
_UNKNOWN = "\0"
"""Stands for what an expression gives only while the workflow runs."""
_RELEASES = re.compile(r"release|publish|deploy|dist|wheel|binar|packag|(^|\W)cd(\W|$)|cicd", re.IGNORECASE)
_LOCAL = "./.github/workflows/"
_NOT_BUILT_FOR = frozenset({"if", "name", "exclude", "needs", "concurrency"})
_COMMENT = re.compile(r"(^|[ \t])#.*$", re.MULTILINE)
_CONTINUED = re.compile(r"(\\|[ \t]`)\n[ \t]*")
"""The end of a line that goes on in the next: a shell's, or PowerShell's."""
_BUILDS = re.compile(
    r"^.*\b(?:(?:cargo|cross)[ \t]+(?:[+-]\S+[ \t]+)*(?:(?:\w+[ \t]+)?\w*build|b|rustc)"
    r"|maturin[ \t]+(?:build|publish))(?![\w-]).*$",
    re.MULTILINE,
)
_FOR_RELEASE = re.compile(r"(^|\s)(--release|-r|--profile)\b|\bmaturin\s+publish\b")
_NAMES_TARGET = re.compile(r"--target(?![\w-])")
_DEEPEST = 3
"""Expressions that stand for texts with expressions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workflow:
    """Workflow file: its triggers, calls and targets."""

    file: str
    """Path from the project's root."""
    releases: bool
    """Whether its name or its triggers say that it makes releases."""
    calls: tuple[str, ...]
    """File names of the workflows that it calls."""
    named: tuple[Named, ...]
    notes: tuple[str, ...]


def read_workflow(text: str, file: str, known: Collection[str], wheels: CibuildwheelSettings | None = None) -> Workflow:
    """The targets that a workflow builds for.

    Args:
        text: of the file.
        file: its path from the project's root, for places and notes.
        known: the triples that rustc knows.
        wheels: the settings of cibuildwheel in ``pyproject.toml``.

    Raises:
        InputError: it is not YAML.
    """
    root = read_yaml(text)
    jobs = _jobs(root, file, known, wheels or CibuildwheelSettings())
    return Workflow(
        file=file,
        releases=bool(_RELEASES.search(PurePosixPath(file).stem)) or released_by(root.get("on")),
        calls=tuple(name for job in jobs for name in job.calls()),
        named=tuple(dict.fromkeys(named for job in jobs for named in job.named())),
        notes=tuple(note for job in jobs for note in job.notes()),
    )


def released_by(trigger: Node | None) -> bool:
    """Whether it runs for releases or for pushed tags; whatever else it runs for."""
    if not trigger:
        return False
    events = {*trigger.table, *(event.text for event in trigger.items)}
    return "release" in events or trigger.get("push", "tags") is not None


def _jobs(root: Node, file: str, known: Collection[str], wheels: CibuildwheelSettings) -> list[_Job]:
    environment = root.get("env") or Node({}, 1)
    listed = (root.get("jobs") or Node({}, 1)).table.items()
    return [
        _Job(name=name, node=node, environment=environment, file=file, known=known, wheels=wheels)
        for name, node in listed
        if (condition := node.get("if")) is None or condition.text not in ("false", "${{ false }}")
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Job:
    name: str
    node: Node
    environment: Node
    """That of the whole workflow."""
    file: str
    known: Collection[str]
    wheels: CibuildwheelSettings

    def calls(self) -> Iterator[str]:
        uses = self.node.get("uses")
        if uses and uses.text.startswith(_LOCAL):
            yield uses.text.removeprefix(_LOCAL)

    def notes(self) -> Iterator[str]:
        matrix = self.node.get("strategy", "matrix")
        for node in (matrix, *(matrix.table.values() if matrix else ())):
            if node and _EXPRESSION.search(node.text):
                yield (
                    f"{self.file}:{node.line}: the matrix of the job {self.name} is only known when it runs; "
                    "name its targets with --target"
                )

    def named(self) -> list[Named]:
        literal = list(self._literal())
        settled = combinations(self.node.get("strategy", "matrix"))
        filled = [named for combination in settled for named in self._filled(combination)]
        short = [named for combination in settled for named in self._wheels(combination)]
        targets = _with_others(_with_others(literal, filled), short)
        if not targets:
            targets = [named for combination in settled for named in self._for_the_runner(combination)]
        excluded = _excluded(self.node.get("strategy", "matrix", "exclude"))
        return [named for named in dict.fromkeys(targets) if named[0] not in excluded]

    def _literal(self) -> Iterator[Named]:
        """Triples as they stand there."""
        for scalar in (*self.environment.scalars(), *self.node.scalars(_NOT_BUILT_FOR)):
            text = _COMMENT.sub("", _EXPRESSION.sub(_UNKNOWN, scalar.text))
            for triple in triples_in(text, self.known):
                line = scalar.line + text[: text.index(triple)].count("\n")
                yield triple, Place(file=self.file, line=line, said=triple)

    def _filled(self, combination: Combination) -> Iterator[Named]:
        """Triples that are put together."""
        for scalar in self.node.scalars(_NOT_BUILT_FOR | {"strategy"}):
            if _EXPRESSION.search(scalar.text):
                for triple in triples_in(_COMMENT.sub("", self._fill(scalar, combination)), self.known):
                    yield triple, Place(file=self.file, line=scalar.line, said=scalar.text.strip().splitlines()[0])

    def _wheels(self, combination: Combination) -> Iterator[Named]:
        """Targets that wheel builders name in their own way."""
        runner = self._runner(combination)
        for step in self._steps():
            uses, options = (step.get("uses") or Node("", 0)).text.lower(), step.get("with") or Node({}, step.line)
            if "maturin-action" in uses:
                yield from self._maturin(options, runner, combination)
            elif "cibuildwheel" in uses or "cibuildwheel" in (step.get("run") or Node("", 0)).text:
                yield from self._cibuildwheel(step, runner, combination)

    def _maturin(self, options: Node, runner: str, combination: Combination) -> Iterator[Named]:
        command = self._option(options, "command", combination)
        if command not in ("", "build", "publish") or not runner:
            return
        name = self._option(options, "target", combination)
        if name in self.known or _UNKNOWN in name:
            return  # found as a word of its own, or not to be told
        musl = "musl" in self._option(options, "manylinux", combination)
        place = Place(
            file=self.file, line=(options.get("target") or options).line, said=name or f"the runner of {self.name}"
        )
        for triple in short_name("maturin", system_of(runner), name) if name else (runner,):
            yield (with_musl(triple) if musl else triple), place

    def _cibuildwheel(self, step: Node, runner: str, combination: Combination) -> Iterator[Named]:
        if not (system := system_of(runner)):
            return
        archs, line = self._wheel_setting(step, "ARCHS", system, combination)
        build, _ = self._wheel_setting(step, "BUILD", system, combination)
        skip, _ = self._wheel_setting(step, "SKIP", system, combination)
        spelling = archs or "cibuildwheel"
        for triple in self.wheels.triples(system, runner, archs=archs, build=build, skip=skip):
            yield triple, Place(file=self.file, line=line or step.line, said=spelling)

    def _wheel_setting(self, step: Node, name: str, system: str, combination: Combination) -> tuple[str, int]:
        """A setting of cibuildwheel's in the environment, and its line; nothing where it is not there."""
        for variable in (f"CIBW_{name}_{system.upper()}", f"CIBW_{name}"):
            for holder in (step.get("env"), self.node.get("env"), self.environment):
                if holder and (node := holder.get(variable)):
                    return self._fill(node, combination), node.line
        return "", 0

    def _for_the_runner(self, combination: Combination) -> Iterator[Named]:
        """The runner itself, where something is built for release and no target is named."""
        runner = self._runner(combination)
        if not runner:
            return
        for step in self._steps():
            script = self._option(step, "run", combination)
            builds = _BUILDS.findall(_CONTINUED.sub(" ", _COMMENT.sub("", script)))
            if "actions-rs/cargo" in (step.get("uses") or Node("", 0)).text and (options := step.get("with")):
                values = (self._option(options, name, combination) for name in ("command", "args"))
                builds += _BUILDS.findall(f"cargo {' '.join(values)}")
            if any(map(_is_release, builds)):
                yield runner, Place(file=self.file, line=step.line, said=f"the runner of {self.name}")

    def _steps(self) -> list[Node]:
        steps = self.node.get("steps")
        return steps.items if steps else []

    def _runner(self, combination: Combination) -> str:
        runs_on = self.node.get("runs-on")
        if not runs_on:
            return ""
        labels = []
        for node in runs_on.items:
            filled = self._fill(node, combination)
            # Of `condition && 'one' || 'other'` the last is what everybody else gets.
            labels.append(_QUOTED.findall(node.text)[-1:] if _UNKNOWN in filled else [filled])
        return runner_triple([label for alternatives in labels for label in alternatives])

    def _option(self, options: Node, name: str, combination: Combination) -> str:
        node = options.get(name)
        return self._fill(node, combination).strip() if node else ""

    def _fill(self, node: Node, combination: Combination, depth: int = 0) -> str:
        """A text with what is known put in place of its expressions."""

        def value(match: re.Match[str]) -> str:
            variable = _VARIABLE.fullmatch(match[1])
            value = self._look_up(variable[1], variable[2], combination) if variable else None
            return self._fill(value, combination, depth + 1) if value and depth < _DEEPEST else _UNKNOWN

        return _EXPRESSION.sub(value, node.text)

    def _look_up(self, context: str, path: str, combination: Combination) -> Node | None:
        if context == "env":
            return (self.node.get("env") or Node({}, 0)).get(path) or self.environment.get(path)
        first, *rest = path.split(".")
        value = combination.get(first)
        return value.get(*rest) if value and rest else value


def _with_others(targets: list[Named], more: list[Named]) -> list[Named]:
    """Targets, and of more those that are not among them."""
    triples = {triple for triple, _ in targets}
    return [*targets, *(named for named in more if named[0] not in triples)]


def _is_release(line: str) -> bool:
    """Whether a build is for release, and for the machine that it runs on."""
    return bool(_FOR_RELEASE.search(line)) and not _NAMES_TARGET.search(line) and _UNKNOWN not in line


def combinations(matrix: Node | None) -> list[Combination]:
    """Combinations of a matrix; a single empty one where there is no matrix.

    What it includes is added to the combinations of its axes that it fits, or is one more; it is never added to another
    that was included.
    """
    if not matrix:
        return [{}]
    axes = {key: node.items for key, node in matrix.table.items() if key not in ("include", "exclude")}
    product = itertools.islice(itertools.product(*axes.values()), _MOST)
    made: list[dict[str, Node]] = [dict(zip(axes, values, strict=True)) for values in product] if axes else []
    excluded = [combination.table for combination in _members(matrix, "exclude")]
    made = [combination for combination in made if not any(_fits(entry, combination) for entry in excluded)]
    more = []
    for entry in _members(matrix, "include"):
        own = {key: node for key, node in entry.table.items() if key in axes}
        fitting = [combination for combination in made if _fits(own, combination)]
        for combination in fitting:
            combination.update({key: node for key, node in entry.table.items() if key not in axes})
        if not fitting:
            more.append(dict(entry.table))
    return list((*made, *more)[:_MOST]) or [{}]


def _members(matrix: Node, key: str) -> list[Node]:
    node = matrix.get(key)
    return node.items[:_MOST] if node else []


def _fits(entry: Mapping[str, Node], combination: Combination) -> bool:
    return all(key in combination and combination[key].same(node) for key, node in entry.items())


def _excluded(exclude: Node | None) -> set[str]:
    """Values that a matrix excludes whatever they come with."""
    entries = [entry.table for entry in exclude.items] if exclude else []
    return {node.text for entry in entries if len(entry) == 1 for node in entry.values()}
