"""Comparison of two runs, verdicts on inputs, and the sums of a check."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from trimtab.commands.parity.model import (
    Behaviour,
    BehaviourDifference,
    CheckResult,
    Content,
    End,
    Ending,
    EndingCount,
    ExitCount,
    Input,
    LineChange,
    ProjectResult,
    SetAside,
    Tally,
    Written,
)
from trimtab.commands.parity.normalise import normalised
from trimtab.model.parity_check import Normaliser, ParityCheck
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
_ENDING = "ending"
_PLACE = r"\S[^:\n]*:\d+(?::\d+)?(?:-\d+(?::\d+)?)?:?\s+"
"""Beginning of a linter's line: file, line and column."""
_CODE = re.compile(
    rf"(?:{_PLACE})?(?:(?:error|warning|note|info|help|fatal)\b:?\s*)?[\[(]?"
    r"(?P<code>[A-Z]{1,8}\d{2,5}|(?:clippy|rustdoc|rustc)::\w+)\b"
)
_WORDS = re.compile(rf"{_PLACE}(?P<code>[a-z]+(?:-[a-z]+)+):")
"""Errors without a number, such as ruff's ``invalid-syntax``."""
_NAMED = re.compile(r".*[\[(](?P<code>[a-z][a-z0-9]+(?:[-/][a-z0-9]+)+)[\])]\s*$")
"""mypy, ESLint and others end a line with the rule's name."""


def end_of(behaviour: Behaviour) -> End:
    """End of a run: sanitisers, panics, signals, time-outs and floods told apart."""
    if behaviour.timed_out:
        return End(ending=Ending.TIMEOUT, exit_code=None)
    if behaviour.flooded:
        return End(ending=Ending.FLOOD, exit_code=None)
    stderr = behaviour.stderr.text or ""
    code = behaviour.exit_code
    for ending, pattern in ((Ending.SANITIZER, _SANITIZER), (Ending.PANIC, _PANIC)):
        if match := pattern.search(stderr):
            return End(ending=ending, exit_code=code, message=printable(match[0].strip()[:_LONGEST_MESSAGE]))
    return End(ending=Ending.SIGNAL if code < 0 else Ending.EXIT, exit_code=code)


@dataclass(frozen=True, kw_only=True, slots=True)
class InputVerdict:
    """Comparison of two runs."""

    base: End
    head: End
    changes: tuple[LineChange, ...]

    @property
    def agree(self) -> bool:
        """Whether they did the same."""
        return not self.places

    @property
    def places(self) -> frozenset[str]:
        """Places that differ. A message of a run on its end is part of what it printed."""
        ends = [(end.ending, end.exit_code) for end in (self.base, self.head)]
        return frozenset((*(change.where for change in self.changes), *((_ENDING,) if ends[0] != ends[1] else ())))

    @property
    def stopped(self) -> bool:
        """Whether trimtab ended one of them: then nothing but their ends is compared."""
        return self.base.exit_code is None or self.head.exit_code is None

    @property
    def reason(self) -> str:
        """The places that differ, in half a line."""
        parts = [change.where for change in self.changes]
        if _ENDING in self.places:
            parts.insert(0, f"{self.base.summary} or {self.head.summary}")
        return ", ".join(parts)


def compared(base: Behaviour, head: Behaviour, check: ParityCheck) -> InputVerdict:
    """Hold two runs of a check against each other.

    What a run that had to be stopped has printed and written by then is left out: it depends on when that was.
    """
    verdict = InputVerdict(base=end_of(base), head=end_of(head), changes=())
    return verdict if verdict.stopped else replace(verdict, changes=tuple(_changes(base, head, check)))


def settled(given: Input, bases: Sequence[Behaviour], heads: Sequence[Behaviour], check: ParityCheck) -> InputResult:
    """Verdict on an input after some runs of the baseline, and as many of the candidate.

    Two programs differ in a place (standard output, a file, how they end) if all runs of the baseline agree there, and
    no run of the candidate agrees with them; or if a run of the candidate crashed and none of the baseline did so.
    """
    pairs = [compared(bases[0], head, check) for head in heads]
    first = pairs[0]
    result = InputResult(input=given.name, project=given.project, base=first.base, head=first.head)
    if first.agree:
        reason = f"{first.base.summary} on both sides" if first.stopped else ""
        return replace(result, not_compared=_set_aside(given, reason)) if reason else result
    of_base, of_head = ([compared(runs[0], run, check) for run in runs[1:]] for runs in (bases, heads))
    unsure = frozenset[str]().union(*(verdict.places for verdict in of_base))
    sure = _everywhere(pairs) - unsure
    if not sure:
        side, verdicts = ("base", of_base) if unsure else ("head", of_head)
        reason = next((verdict.reason for verdict in verdicts if not verdict.agree), first.reason)
        return replace(result, flaky=_set_aside(given, f"{side} does not agree with itself: {reason}"))
    shown = max(pairs, key=lambda pair: len(sure & pair.places))
    aside = {
        where: f"set aside, {'base' if where in unsure else 'head'} does not agree with itself"
        for where in sorted(shown.places - sure)
    }
    difference = BehaviourDifference(
        input=given.name,
        project=given.project,
        base=shown.base,
        head=shown.head,
        changes=(
            *(change for change in shown.changes if change.where in sure),
            *(LineChange(where=where, remark=remark) for where, remark in aside.items()),
        ),
        stable=all(verdict.agree for verdict in of_head),
    )
    return replace(result, base=shown.base, head=shown.head, difference=difference)


def _set_aside(given: Input, reason: str) -> SetAside:
    return SetAside(input=given.name, project=given.project, reason=reason)


def _everywhere(pairs: Sequence[InputVerdict]) -> frozenset[str]:
    """The places in which all pairs differ that can be compared there."""
    ended = [pair.places - {_ENDING} for pair in pairs if not pair.stopped]
    found = frozenset.intersection(*ended) if ended else frozenset()
    differ = [_ENDING in pair.places for pair in pairs]
    crashed = any(pair.head.crashed and one for pair, one in zip(pairs, differ, strict=True))
    return found | {_ENDING} if crashed or all(differ) else found


def _changes(base: Behaviour, head: Behaviour, check: ParityCheck) -> Iterator[LineChange]:
    for where in ("stdout", "stderr"):
        if change := _change(where, getattr(base, where), getattr(head, where), check.normalise):
            yield change
    left, right = _named(base.files, check), _named(head.files, check)
    for name in sorted(left.keys() | right.keys()):
        if change := _change_of_file(f"file {name}", left.get(name), right.get(name), check.normalise):
            yield change


def _named(files: Mapping[str, Written], check: ParityCheck) -> dict[str, Written]:
    """Written files by their names without what does not matter; ``order`` means nothing for a name."""
    kinds = set(check.normalise) - {Normaliser.ORDER}
    named: dict[str, Written] = {}
    for name, written in sorted(files.items()):
        if any(fnmatchcase(name, pattern) for pattern in check.ignore):
            continue
        known = unique = printable(normalised(name, kinds))
        number = 1
        while unique in named:
            number += 1
            unique = f"{known}#{number}"
        named[unique] = written
    return named


def _change_of_file(
    where: str, base: Written | None, head: Written | None, normalisers: tuple[Normaliser, ...]
) -> LineChange | None:
    """Difference of a file that at least one side has touched; the other one left it as it was, if it was there."""
    touched = base or head
    assert touched
    left, right = (side.after if side else touched.before for side in (base, head))
    if left is None and right is None:
        return None
    if left and right:
        change = _change(where, left, right, normalisers)
        if change and not (base and head):
            side = "base" if base else "head"
            return replace(change, remark=_joined(f"changed by {side} only", change.remark))
        return change
    content = left or right
    assert content
    done, by = ("removed", "head" if left else "base") if touched.before else ("written", "base" if left else "head")
    change = LineChange(where=where, remark=f"{done} by {by} only")
    text = normalised(content.text, normalisers) if done == "written" and content.text else ""
    lines = tuple(map(_shown, _lines(text))) if "\0" not in text else ()
    return replace(change, removed=lines) if left else replace(change, added=lines)


def _change(where: str, base: Content, head: Content, normalisers: tuple[Normaliser, ...]) -> LineChange | None:
    """Difference of two contents in one place, or ``None``."""
    if base == head:
        return None
    modes = _modes(base, head)
    if base.sha256 == head.sha256:
        return LineChange(where=where, remark=modes) if modes else None
    if base.text is None or head.text is None:
        sizes = f"{format_bytes(base.size)}, {format_bytes(head.size)}"
        return LineChange(where=where, remark=_joined(modes, f"too long to be listed, and not the same ({sizes})"))
    old, new = normalised(base.text, normalisers), normalised(head.text, normalisers)
    if old == new:
        return LineChange(where=where, remark=modes) if modes else None
    if "\0" in old or "\0" in new:
        sizes = f"{base.size:,} and {head.size:,} of them"
        return LineChange(where=where, remark=_joined(modes, f"bytes that are no text differ ({sizes})"))
    removed, added = lines_of_one_side(old, new)
    remark = ""
    if not removed and not added:
        ends = old.rstrip("\n") == new.rstrip("\n")
        remark = "only the end of the last line differs" if ends else "the same lines in another order"
    return LineChange(where=where, removed=removed, added=added, remark=_joined(modes, remark))


def _modes(base: Content, head: Content) -> str:
    if base.mode is None or head.mode is None or base.mode == head.mode:
        return ""
    return f"permissions {base.mode:o}, {head.mode:o}"


def _joined(*remarks: str) -> str:
    return "; ".join(filter(None, remarks))


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
    unmatched = Counter(theirs)
    surplus = []
    for line in ours:
        if unmatched[line]:
            unmatched[line] -= 1
        else:
            surplus.append(_shown(line))
    return tuple(surplus)


def _shown(line: str) -> str:
    """A line for reports; tabs are no danger."""
    return "\t".join(map(printable, line.split("\t")))


def rule_of(line: str) -> str:
    """The code that a line carries (``F401``, ``E0277``, ``clippy::needless_return``, ``attr-defined``), or nothing."""
    match = _CODE.match(line.strip()) or _WORDS.match(line.strip()) or _NAMED.match(line)
    return match["code"] if match else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class InputResult:
    """One input, run on both sides."""

    input: str
    project: str
    base: End | None
    """``None`` where it was not run."""
    head: End | None
    difference: BehaviourDifference | None = None
    flaky: SetAside | None = None
    not_compared: SetAside | None = None


def summed(name: str, command: tuple[str, ...], results: Sequence[InputResult]) -> CheckResult:
    """All inputs of a check together, in the order in which they are given."""
    differences = tuple(result.difference for result in results if result.difference)
    flaky = tuple(result.flaky for result in results if result.flaky)
    return CheckResult(
        name=name,
        command=command,
        inputs=len(results),
        differences=differences,
        flaky=flaky,
        not_compared=tuple(result.not_compared for result in results if result.not_compared),
        endings=_endings(results),
        exits=_exits(results),
        projects=tuple(
            sorted(
                _projects(results),
                key=lambda project: (-project.added - project.removed, -project.differ, project.name),
            )
        ),
        rules=_rules(differences),
    )


def _endings(results: Sequence[InputResult]) -> tuple[EndingCount, ...]:
    base = Counter(result.base.ending for result in results if result.base)
    head = Counter(result.head.ending for result in results if result.head)
    return tuple(
        EndingCount(ending=ending, base=base[ending], head=head[ending])
        for ending in Ending
        if base[ending] or head[ending]
    )


def _exits(results: Sequence[InputResult]) -> tuple[ExitCount, ...]:
    base, head = (
        Counter(end.exit_code for end in ends if end and end.ending is Ending.EXIT and end.exit_code is not None)
        for ends in ([result.base for result in results], [result.head for result in results])
    )
    return tuple(ExitCount(exit_code=code, base=base[code], head=head[code]) for code in sorted(base | head))


def caveats(check: CheckResult) -> tuple[str, ...]:
    """Notes on a check that is worth less than it seems."""
    if check.inputs and not check.compared:
        return (f"{check.name}: nothing could be compared, which is no pass",)
    if check.inputs and not any(count.base for count in check.exits if count.exit_code == 0):
        return (f"{check.name}: no run of base ended with exit code 0; see that the command does what is meant",)
    return ()


def _projects(results: Sequence[InputResult]) -> Iterator[ProjectResult]:
    grouped: dict[str, list[InputResult]] = defaultdict(list)
    for result in results:
        grouped[result.project].append(result)
    for name, members in grouped.items():
        differences = [result.difference for result in members if result.difference]
        changes = [change for difference in differences for change in difference.changes]
        yield ProjectResult(
            name=name,
            inputs=len(members),
            differ=len(differences),
            flaky=sum(result.flaky is not None for result in members),
            not_compared=sum(result.not_compared is not None for result in members),
            added=sum(len(change.added) for change in changes),
            removed=sum(len(change.removed) for change in changes),
            rules=_rules(differences),
        )


def _rules(differences: Iterable[BehaviourDifference]) -> tuple[Tally, ...]:
    changes = [change for difference in differences for change in difference.changes]
    added = Counter(rule_of(line) for change in changes for line in change.added)
    removed = Counter(rule_of(line) for change in changes for line in change.removed)
    tallies = [
        Tally(name=rule, added=added[rule], removed=removed[rule]) for rule in added.keys() | removed.keys() if rule
    ]
    return tuple(sorted(tallies, key=lambda tally: (-tally.added - tally.removed, tally.name)))
