"""Which Cargo profile a project's release files are built with, as far as its own files say so. Nothing is run.

A wrong alarm is worse than none, so the rules are few, and what they leave open counts as unknown:

- A workflow publishes if it runs for a release or for a pushed tag, or if a step of it puts files where users fetch
  them (assets of a release, a package registry). The workflows that it calls belong to it.
- Within it, a build ships if its job hands files on: to such a place, to a later job, to a bucket, into an image.
  What runs for pull requests or after failures only counts for neither.
- A build that names no profile is one for tests, unless its command is made for releases. So is one with ``dev``,
  ``test`` or ``bench``.
- A profile that the workspace does not have belongs to another workspace of the repository.
- Where one build's profile is only known while the workflow runs, nothing is said about the others either.

dist builds with a profile called ``dist``, unless other jobs build for it, and maturin with the one in
``pyproject.toml``. Sources: docs.github.com, "Workflow syntax for GitHub Actions"; dist's book, "Configuration"
(``build-local-artifacts``); maturin.rs, "Configuration"; the Cargo book, "cargo build" and "cargo install"; the
``action.yml`` of the actions named below.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from trimtab.errors import InputError
from trimtab.model.release_target import Place
from trimtab.release.build_commands import FOR_TESTS, PROFILE_NAME, UNKNOWN, asked_profile, settings_on_top
from trimtab.release.settings import parse
from trimtab.release.workflows import Combination, combinations, released_by
from trimtab.release.yaml_lines import Node, read_yaml

_WORKFLOWS = ".github/workflows"
_DIST = ("dist-workspace.toml", "dist.toml", "Cargo.toml")
_PYPROJECT = "pyproject.toml"
_CARGO_CONFIG = (".cargo/config.toml", ".cargo/config")
_LARGEST = 1 << 20
_LONGEST_VALUE, _DEEPEST = 1000, 3

_UPLOADER = "taiki-e/upload-rust-binary-action"
_PUBLISHERS = (
    *("actions/upload-release-asset", "ncipollo/release-action", "pypa/gh-action-pypi-publish"),
    *("shogo82148/actions-upload-release-asset", "softprops/action-gh-release", "svenstaro/upload-release-action"),
    *("taiki-e/create-gh-release-action", _UPLOADER),
)
_HANDERS = (*_PUBLISHERS, "actions/upload-artifact", "docker/build-push-action")
_PUBLISHING = re.compile(
    r"\bgh\s+release\s+(create|upload)\b|\b(maturin|twine)\s+upload\b|\b(maturin|npm|pnpm|uv)\s+publish\b"
)
_HANDING_ON = re.compile(
    r"\baws\s+s3\s+(cp|mv|sync)\b|\bgcloud\s+storage\s+(cp|mv|rsync)\b|\b(gsutil|rclone|scp)\s|\bdocker\s+push\b"
)
_NOT_FOR_RELEASES = re.compile(r"^(\$\{\{)?\s*false\b|(?<!!)\bfailure\(\)|event_name\s*==\s*['\"]pull_request")
_CALLERS = {
    "actions-rs/cargo": "cargo",
    "clechasseur/rs-cargo": "cargo",
    "clementtsang/cargo-action": "cargo",
    "houseabsolute/actions-rust-cross": "cross",
    "pyo3/maturin-action": "maturin",
}
"""Action → the program that it gives its inputs ``command`` and ``args``."""

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_VARIABLE = re.compile(r"\s*(matrix|env)\.([\w.-]+)\s*")
_SHELL_VARIABLE = re.compile(r"\$\{([^}\n]*)\}|\$(?:env:)?(\w+)|\$(?=\()")
_ASSIGNED = re.compile(r"(?<![-\w])(\w+)\s?=(?!=)")
_COMMENT = re.compile(r"(^|[ \t])#.*$", re.MULTILINE)
_SEPARATOR = re.compile(r"&&|\|\||[;|()]")
_QUOTES = str.maketrans("", "", "'\"")
_CONTINUED = ("\\", " `")
"""Ends of lines that go on in the next: of a shell, of PowerShell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shipped:
    """A build whose files go to users."""

    profile: str
    """Empty where it is only known while the workflow runs."""
    place: Place
    """Line that asks for it; its ``said`` is how the profile is named there."""
    settings: tuple[str, ...] = ()
    """Settings on top of the profile, as the workflow says them: ``CARGO_PROFILE_RELEASE_LTO=thin``."""


def shipped_profiles(root: Path) -> tuple[Shipped, ...]:
    """The builds that ship, by the files of a workspace and of the repository that it lies in.

    A file that cannot be read, or is not the YAML or TOML that it should be, says nothing.

    Args:
        root: the workspace's root.
    """
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    paths = [folder / name for folder in dict.fromkeys((root, top)) for name in (*_DIST, _PYPROJECT)]
    paths += sorted((top / _WORKFLOWS).glob("*.y*ml"))
    texts = {str(path.relative_to(top)): text for path in paths if (text := _text(path))}
    return shipped_in(texts, _own_profiles(root))


def shipped_in(texts: Mapping[str, str], own: Collection[str]) -> tuple[Shipped, ...]:
    """The builds that ship, by the texts of some files.

    Args:
        texts: path from the repository's root → text.
        own: the profiles that the workspace has.
    """
    wheels = list(_wheels(texts))
    shipped = (*_dist(texts), *wheels, *_builds(texts, "" if wheels else "release"))
    return tuple(build for build in dict.fromkeys(shipped) if build.profile in own or not build.profile)


def other_profile_notes(root: Path, profile: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Notes for a study of one profile in a project that ships others; none where it ships too, and in doubt.

    Args:
        root: the workspace's root.
        profile: the name of the one that is measured.
        environment: in which it is built.
    """
    places: dict[str, list[Place]] = {}
    settings: dict[tuple[str, ...], Place] = {}
    for build in shipped_profiles(root):
        places.setdefault(build.profile, []).append(build.place)
        more = tuple(setting for setting in build.settings if not _is_set(setting, environment))
        if build.profile == profile and more:
            settings.setdefault(more, build.place)
    if profile in places or "" in places:
        return tuple(_settings_note(more, place) for more, place in settings.items())
    return tuple(_note(name, build_places, profile) for name, build_places in places.items())


def _is_set(setting: str, environment: Mapping[str, str]) -> bool:
    name, _, value = setting.partition("=")
    return environment.get(name) == value


def _settings_note(settings: tuple[str, ...], place: Place) -> str:
    return (
        f"{place.file}:{place.line} ships what is built with {', '.join(settings)} on top of the profile, which is not "
        "so here: set the same where trimtab runs, or what is measured is not what ships"
    )


def _note(name: str, places: Sequence[Place], profile: str) -> str:
    more = len(places) - 1
    others = f" and {more} more place{'s' if more > 1 else ''}" if more else ""
    return (
        f"{places[0].file}:{places[0].line}{others} ship{'' if more else 's'} with --profile {name}, "
        f"not {profile}, which is measured here: choose it with --profile {name}"
    )


def _text(path: Path) -> str:
    """A file's text; nothing where it cannot be read."""
    try:
        return path.read_text("utf-8") if path.is_file() and path.stat().st_size <= _LARGEST else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _own_profiles(root: Path) -> set[str]:
    """``release``, and the profiles that a workspace has settings for."""
    tables = [_below(_toml(_text(root / name)), "profile") for name in ("Cargo.toml", *_CARGO_CONFIG)]
    return {"release"}.union(*(table for table in tables if isinstance(table, dict)))


def _toml(text: str) -> dict[str, Any]:
    """A file's tables; none where it is not TOML, or nests too deeply or has too long a number for Python."""
    try:
        return parse(text)
    except (InputError, RecursionError, ValueError):
        return {}


def _below(table: Any, *path: str) -> Any:
    """Value at a path of keys, if these lead through tables."""
    for key in path:
        table = table.get(key) if isinstance(table, dict) else None
    return table


def _named(texts: Mapping[str, str], *names: str) -> Iterator[tuple[str, str]]:
    return ((file, text) for file, text in texts.items() if PurePosixPath(file).name in names)


def _first_line(text: str, pattern: str) -> int:
    """Number of the first line that a pattern matches; 1 where none does."""
    match = re.search(pattern, text, re.MULTILINE)
    return text.count("\n", 0, match.start()) + 1 if match else 1


def _dist(texts: Mapping[str, str]) -> list[Shipped]:
    """dist's own builds; none where other jobs build for it, or nothing in its workspace is Rust."""
    shipped = []
    for file, text in _named(texts, *_DIST):
        root = _toml(text)
        paths = (("dist",), ("workspace", "metadata", "dist"), ("package", "metadata", "dist"))
        tables = [table for path in paths if isinstance(table := _below(root, *path), dict)]
        members = _below(root, "workspace", "members") if tables and file.endswith("dist-workspace.toml") else None
        foreign = isinstance(members, list) and not any(str(member).startswith("cargo:") for member in members)
        if foreign or any(table.get(key) is False for table in tables for key in ("build-local-artifacts", "dist")):
            return []
        if tables:
            line = _first_line(text, r"^[ \t]*\[(\w+\.metadata\.)?dist\]")
            shipped.append(Shipped(profile="dist", place=Place(file=file, line=line, said="dist")))
    return shipped


def _wheels(texts: Mapping[str, str]) -> Iterator[Shipped]:
    """Default profile of maturin's builds."""
    for file, text in _named(texts, _PYPROJECT):
        name = _below(_toml(text), "tool", "maturin", "profile")
        if isinstance(name, str) and PROFILE_NAME.fullmatch(name) and name not in FOR_TESTS:
            line = _first_line(text, rf"(?<![\w-])profile\s*=\s*[\"']{name}[\"']")
            yield Shipped(profile=name, place=Place(file=file, line=line, said=f'profile = "{name}"'))


def _builds(texts: Mapping[str, str], wheels: str) -> Iterator[Shipped]:
    """The builds of all workflows that publish, in jobs that hand files on.

    Args:
        texts: all files.
        wheels: the profile of ``maturin publish`` where it is given none.
    """
    roots = {}
    for file, text in texts.items():
        if file.startswith(_WORKFLOWS):
            with contextlib.suppress(InputError):
                roots[file] = read_yaml(text)
    for file in _publishing(roots):
        for job in _jobs(roots[file]):
            if any(map(_hands_on, _steps(job))):
                yield from _Job(node=job, root=roots[file], file=file, wheels=wheels).builds()


def _publishing(roots: Mapping[str, Node]) -> list[str]:
    """The workflows that publish, and those that they call."""
    waiting, reached = [file for file, root in roots.items() if _publishes(root)], set()
    while waiting:
        file = waiting.pop()
        if file in roots and file not in reached:
            reached.add(file)
            waiting += [_text_of(job, "uses").removeprefix("./") for job in _jobs(roots[file])]
    return [file for file in roots if file in reached]


def _publishes(root: Node) -> bool:
    steps = (step for job in _jobs(root) for step in _steps(job))
    return released_by(root.get("on")) or any(_does(step, _PUBLISHERS, _PUBLISHING) for step in steps)


def _jobs(root: Node) -> list[Node]:
    listed = (root.get("jobs") or Node({}, 1)).table.values()
    return [job for job in listed if _for_releases(job)]


def _steps(job: Node) -> list[Node]:
    return [step for step in (job.get("steps") or Node([], 1)).items if _for_releases(step)]


def _for_releases(node: Node) -> bool:
    """Whether a job or step can run when there is something to release."""
    condition = _text_of(node, "if")
    return "||" in condition or not _NOT_FOR_RELEASES.search(condition)  # of alternatives, another may hold


def _hands_on(step: Node) -> bool:
    return _does(step, _HANDERS, _PUBLISHING) or _does(step, (), _HANDING_ON)


def _does(step: Node, actions: Sequence[str], commands: re.Pattern[str]) -> bool:
    return _action(step) in actions or bool(commands.search(_COMMENT.sub("", _text_of(step, "run"))))


def _action(step: Node) -> str:
    return _text_of(step, "uses").partition("@")[0].lower()


def _text_of(node: Node, key: str) -> str:
    value = node.get(key)
    return value.text if value else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Job:
    """A job that hands on what it builds."""

    node: Node
    root: Node
    """The whole workflow."""
    file: str
    wheels: str

    def builds(self) -> Iterator[Shipped]:
        """Its builds, for each combination of its matrix."""
        for step, values in self._steps_to_fill():
            for line, argv in _commands(step, values):
                if choice := asked_profile(argv, self.wheels):
                    place = Place(file=self.file, line=line, said=choice[1])
                    settings = tuple(settings_on_top(argv, values.variables(), choice[0]))
                    yield Shipped(profile=choice[0], place=place, settings=settings)

    def _steps_to_fill(self) -> Iterator[tuple[Node, _Values]]:
        matrix, steps = self.node.get("strategy", "matrix"), _steps(self.node)
        known = not any(_EXPRESSION.search(node.text) for node in _holding_keys(matrix))
        assigned = frozenset(name for step in steps for name in _ASSIGNED.findall(_text_of(step, "run")))
        for combination in combinations(matrix):
            for step in steps:
                holders = (step, self.node, self.root)
                yield step, _Values(holders=holders, combination=combination, known=known, assigned=assigned)


def _holding_keys(matrix: Node | None) -> Iterator[Node]:
    """Nodes that decide which keys a matrix has."""
    if matrix:
        yield matrix
        if include := matrix.get("include"):
            yield from (include, *include.items)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Values:
    """Values of expressions and variables, as far as they are known before the workflow runs."""

    holders: tuple[Node, ...]
    """Step, job and workflow: the first that sets an environment variable decides."""
    combination: Combination
    known: bool
    """Whether the matrix has no other keys than those of the combination."""
    assigned: frozenset[str]
    """Variables that scripts change."""

    def fill(self, text: str, depth: int = 0) -> str:
        """A text without expressions."""
        return _EXPRESSION.sub(lambda match: self._expression(match[1], depth), text)

    def fill_script(self, text: str) -> str:
        """A script without expressions and variables."""

        def value(match: re.Match[str]) -> str:
            return self._variable((match[1] or match[2] or "").removeprefix("env:"), 0)

        return _SHELL_VARIABLE.sub(value, self.fill(text))

    def variables(self) -> dict[str, str]:
        """Environment variables that are set in the workflow or by its scripts; unknown values are ``…``."""
        names = [name for holder in self.holders for name in (holder.get("env") or Node({}, 1)).table]
        values = {name: self._variable(name, 0) for name in (*names, *sorted(self.assigned))}
        return {name: value.replace(UNKNOWN, "…") for name, value in values.items()}

    def _expression(self, expression: str, depth: int) -> str:
        variable = _VARIABLE.fullmatch(expression)
        if not variable:
            return UNKNOWN
        if variable[1] == "env":
            return self._variable(variable[2], depth)
        first, *rest = variable[2].split(".")
        value = self.combination.get(first)
        if value is None and self.known:
            return ""
        return self._value(value and value.get(*rest), depth)

    def _variable(self, name: str, depth: int) -> str:
        if name in self.assigned:
            return UNKNOWN
        return self._value(next((node for holder in self.holders if (node := holder.get("env", name))), None), depth)

    def _value(self, node: Node | None, depth: int) -> str:
        if node is None or not isinstance(node.value, str) or len(node.text) > _LONGEST_VALUE or depth == _DEEPEST:
            return UNKNOWN
        value = " ".join(self.fill(node.text, depth + 1).split())
        return value if len(value) <= _LONGEST_VALUE else UNKNOWN


def _commands(step: Node, values: _Values) -> Iterator[tuple[int, list[str]]]:
    """The commands that a step runs, each with its line in the file."""
    action, options = _action(step), step.get("with") or Node({}, step.line)
    if script := step.get("run"):
        for above, argv in _split(values.fill_script(script.text)):
            yield script.line + above, argv
    elif action in _CALLERS:
        command, arguments = (values.fill(_text_of(options, key)) for key in ("command", "args"))
        line = (options.get("args") or step).line
        yield line, [_CALLERS[action], command.replace("both", "build") or "build", *_arguments(arguments)]
    elif action == _UPLOADER:
        profile = values.fill(_text_of(options, "profile")) or "release"
        yield (options.get("profile") or step).line, ["cargo", "build", "--profile", profile]


def _split(script: str) -> Iterator[tuple[int, list[str]]]:
    """The simple commands of a script, each with the number of lines above it."""
    begun, first = "", 0
    for number, line in enumerate([*_COMMENT.sub("", script).split("\n"), ""]):
        first = first if begun else number
        begun += f" {line.strip()}"
        if begun.endswith(_CONTINUED):
            begun = begun[:-1]
            continue
        yield from ((first, argv) for part in _SEPARATOR.split(begun) if (argv := _arguments(part)))
        begun = ""


def _arguments(text: str) -> list[str]:
    return text.translate(_QUOTES).split()
