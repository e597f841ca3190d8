"""Whether two runs did the same, and what all runs of a check say together."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from trimtab.analysis.normalise import normalised
from trimtab.model.parity import (
    Behaviour,
    Change,
    Check,
    CheckResult,
    Content,
    Difference,
    End,
    Ending,
    EndingCount,
    Flaky,
    Normaliser,
    ProjectResult,
    Tally,
)
from trimtab.units import format_bytes, printable

_PANIC = re.compile(r"^.*\bpanicked at\b.*$", re.MULTILINE | re.IGNORECASE)
_SANITIZER = re.compile(
    r"""
    ^.*(?:
        \b(?:Address|HWAddress|Leak|Memory|Thread|DataFlow|UndefinedBehavior)Sanitizer\b
        | :\ runtime\ error:\                                     # UndefinedBehaviorSanitizer, after a line and column
        | unsafe\ precondition\(s\)\ violated                     # the standard library of Rust with debug assertions
        | error:\ Undefined\ Behavior:                            # Miri
        | \bdouble\ free\ or\ corruption | ^(?:malloc|free|realloc|munmap_chunk|corrupted)\b.*\(\):\  # GNU's C library
        | \bstack\ smashing\ detected | \bhas\ overflowed\ its\ stack
    ).*$
    """,
    re.MULTILINE | re.VERBOSE,
)
_LONGEST_MESSAGE = 300
_PLACE = r"\S[^:\n]*:\d+(?::\d+)?(?:-\d+(?::\d+)?)?:?\s+"
"""Where linters begin a line: file, line and column."""
_CODE = re.compile(
    rf"(?:{_PLACE})?(?:(?:error|warning|note|info|help|fatal)\b:?\s*)?[\[(]?"
    r"(?P<code>[A-Z]{1,8}\d{2,5}|(?:clippy|rustdoc|rustc)::\w+)\b"
)
_WORDS = re.compile(rf"{_PLACE}(?P<code>[a-z]+(?:-[a-z]+)+):")
"""Errors without a number, such as ruff's ``invalid-syntax``."""
_NAMED = re.compile(r".*[\[(](?P<code>[a-z][a-z0-9]+(?:[-/][a-z0-9]+)+)[\])]\s*$")
"""mypy, ESLint and others end a line with the rule's name."""


def end_of(behaviour: Behaviour) -> End:
    """How a run ended: sanitisers, panics, signals, time-outs and floods told apart."""
    if behaviour.timed_out:
        return End(ending=Ending.TIMEOUT, exit_code=None)
    if behaviour.flooded:
        return End(ending=Ending.FLOOD, exit_code=None)
    said = behaviour.stderr.text or ""
    code = behaviour.exit_code
    for ending, pattern in ((Ending.SANITIZER, _SANITIZER), (Ending.PANIC, _PANIC)):
        if found := pattern.search(said):
            return End(ending=ending, exit_code=code, message=printable(found[0].strip()[:_LONGEST_MESSAGE]))
    return End(ending=Ending.SIGNAL if code < 0 else Ending.EXIT, exit_code=code)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What is to be said of two runs."""

    base: End
    head: End
    changes: tuple[Change, ...]

    @property
    def agree(self) -> bool:
        """Whether they did the same. What a run says on its end is part of what it printed."""
        ends = [(end.ending, end.exit_code) for end in (self.base, self.head)]
        return ends[0] == ends[1] and not self.changes

    @property
    def reason(self) -> str:
        """Where they differ, in half a line."""
        parts = [change.where for change in self.changes]
        if (self.base.ending, self.base.exit_code) != (self.head.ending, self.head.exit_code):
            parts.insert(0, f"{self.base.said} or {self.head.said}")
        return ", ".join(parts)


def compared(base: Behaviour, head: Behaviour, check: Check) -> Verdict:
    """Hold two runs of a check against each other.

    What a run that had to be stopped has printed and written by then is left out: it depends on when that was.
    """
    verdict = Verdict(base=end_of(base), head=end_of(head), changes=())
    if verdict.base.exit_code is None or verdict.head.exit_code is None:
        return verdict
    return Verdict(base=verdict.base, head=verdict.head, changes=tuple(_changes(base, head, check)))


def _changes(base: Behaviour, head: Behaviour, check: Check) -> Iterator[Change]:
    for where in ("stdout", "stderr"):
        if change := _change(where, getattr(base, where), getattr(head, where), check.normalise):
            yield change
    left, right = _named(base.files, check), _named(head.files, check)
    for name in sorted(left.keys() | right.keys()):
        if name not in right or name not in left:
            yield _only_one(name, left.get(name, right.get(name)), check.normalise, on_base=name in left)
        elif change := _change(f"file {name}", left[name], right[name], check.normalise):
            yield change


def _named(files: Mapping[str, Content | None], check: Check) -> dict[str, Content | None]:
    """Written files by their names without what does not matter; ``order`` means nothing for a name."""
    kinds = set(check.normalise) - {Normaliser.ORDER}
    found: dict[str, Content | None] = {}
    for name, content in sorted(files.items()):
        if any(fnmatchcase(name, pattern) for pattern in check.ignore):
            continue
        known = unique = printable(normalised(name, kinds))
        number = 1
        while unique in found:
            number += 1
            unique = f"{known}#{number}"
        found[unique] = content
    return found


def _only_one(name: str, content: Content | None, normalisers: tuple[Normaliser, ...], *, on_base: bool) -> Change:
    """A file that one side alone wrote, with its lines, or removed."""
    done, side = "removed" if content is None else "written", "base" if on_base else "head"
    text = normalised(content.text, normalisers) if content and content.text else ""
    change = Change(where=f"file {name}", remark=f"{done} by {side} only")
    if "\0" in text:
        return change
    lines = tuple(map(_shown, _lines(text)))
    return replace(change, removed=lines) if on_base else replace(change, added=lines)


def _change(
    where: str, base: Content | None, head: Content | None, normalisers: tuple[Normaliser, ...]
) -> Change | None:
    """What differs in one place, or nothing."""
    if base == head:
        return None
    if base is None or head is None:
        return Change(where=where, remark=f"removed by {'base' if base is None else 'head'} only")
    if base.text is None or head.text is None:
        sizes = f"{format_bytes(base.size)}, {format_bytes(head.size)}"
        return Change(where=where, remark=f"too long to be listed, and not the same ({sizes})")
    old, new = (normalised(content.text, normalisers) for content in (base, head) if content.text is not None)
    if old == new:
        return None
    if "\0" in old or "\0" in new:
        return Change(where=where, remark=f"bytes that are no text differ ({base.size:,} and {head.size:,} of them)")
    removed, added = lines_of_one_side(old, new)
    remark = ""
    if not removed and not added:
        ends = old.rstrip("\n") == new.rstrip("\n")
        remark = "only the end of the last line differs" if ends else "the same lines in another order"
    return Change(where=where, removed=removed, added=added, remark=remark)


def lines_of_one_side(base: str, head: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Lines that only one text has, or has more often, in their order; control characters as escapes.

    Order is no matter here: linters, whose lines these mostly are, print one by one what they find. That takes a time
    in proportion to the texts, whatever is in them. Whether the last line has an end is no matter either.
    """
    old, new = _lines(base), _lines(head)
    return _surplus(old, new), _surplus(new, old)


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _surplus(ours: Sequence[str], theirs: Sequence[str]) -> tuple[str, ...]:
    left = Counter(theirs)
    found = []
    for line in ours:
        if left[line]:
            left[line] -= 1
        else:
            found.append(_shown(line))
    return tuple(found)


def _shown(line: str) -> str:
    """A line for reports; tabs are no danger."""
    return "\t".join(map(printable, line.split("\t")))


def rule_of(line: str) -> str:
    """The code that a line carries (``F401``, ``E0277``, ``clippy::needless_return``, ``attr-defined``), or nothing."""
    found = _CODE.match(line.strip()) or _WORDS.match(line.strip()) or _NAMED.match(line)
    return found["code"] if found else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """One input, run on both sides."""

    input: str
    project: str
    base: End
    head: End
    difference: Difference | None = None
    flaky: Flaky | None = None


def summed(name: str, command: tuple[str, ...], judged: Sequence[Judged]) -> CheckResult:
    """All inputs of a check together, in the order in which they are given."""
    differences = tuple(one.difference for one in judged if one.difference)
    flaky = tuple(one.flaky for one in judged if one.flaky)
    return CheckResult(
        name=name,
        command=command,
        inputs=len(judged),
        differences=differences,
        flaky=flaky,
        endings=_endings(judged),
        projects=tuple(sorted(_projects(judged), key=lambda one: (-one.added - one.removed, -one.differ, one.name))),
        rules=_rules(differences),
    )


def _endings(judged: Sequence[Judged]) -> tuple[EndingCount, ...]:
    base, head = Counter(one.base.ending for one in judged), Counter(one.head.ending for one in judged)
    return tuple(
        EndingCount(ending=ending, base=base[ending], head=head[ending])
        for ending in Ending
        if base[ending] or head[ending]
    )


def _projects(judged: Sequence[Judged]) -> Iterator[ProjectResult]:
    grouped: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        grouped[one.project].append(one)
    for name, members in grouped.items():
        differences = [one.difference for one in members if one.difference]
        changes = [change for one in differences for change in one.changes]
        yield ProjectResult(
            name=name,
            inputs=len(members),
            differ=len(differences),
            flaky=sum(one.flaky is not None for one in members),
            added=sum(len(change.added) for change in changes),
            removed=sum(len(change.removed) for change in changes),
            rules=_rules(differences),
        )


def _rules(differences: Iterable[Difference]) -> tuple[Tally, ...]:
    changes = [change for one in differences for change in one.changes]
    added = Counter(rule_of(line) for change in changes for line in change.added)
    removed = Counter(rule_of(line) for change in changes for line in change.removed)
    tallies = [
        Tally(name=rule, added=added[rule], removed=removed[rule]) for rule in added.keys() | removed.keys() if rule
    ]
    return tuple(sorted(tallies, key=lambda one: (-one.added - one.removed, one.name)))
