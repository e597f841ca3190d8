"""Comparison of two runs, and verdicts on inputs after several."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import reduce
from operator import and_, or_

from trimtab.commands.parity.model import (
    Behaviour,
    BehaviourDifference,
    Content,
    End,
    Ending,
    Input,
    LineChange,
    SetAside,
    Written,
)
from trimtab.commands.parity.normalise import normalised
from trimtab.commands.parity.summary import InputResult
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
_NOT_STARTED = (126, 127)
"""Exit codes by which shells, ``env`` and loaders say that a program or what it needs is not there."""
_LONGEST_MESSAGE = 300
_ENDING = "ending"


def end_of(behaviour: Behaviour) -> End:
    """End of a run: sanitisers, panics, signals, time-outs and floods told apart."""
    if behaviour.timed_out:
        return End(ending=Ending.TIMEOUT, exit_code=None)
    if behaviour.flooded:
        return End(ending=Ending.FLOOD, exit_code=None)
    stderr = behaviour.stderr.text or ""
    code = behaviour.exit_code
    if code in _NOT_STARTED or (code < 0 and stderr.startswith("dyld")):
        last = next((line for line in reversed(stderr.splitlines()) if line.strip()), "")
        return End(ending=Ending.NOT_STARTED, exit_code=code, message=printable(last.strip()[:_LONGEST_MESSAGE]))
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
    no run of the candidate agrees with them; or if a run of the candidate crashed and none of the baseline did so. They
    differ in a line if all runs of one side have it and none of the other's has, whatever else of the place is random.
    """
    pairs = [compared(bases[0], head, check) for head in heads]
    first = pairs[0]
    result = InputResult(input=given.name, project=given.project, base=first.base, head=first.head)
    not_started = first.base.ending is first.head.ending is Ending.NOT_STARTED
    if first.agree or not_started:
        reason = f"{first.base.summary} on both sides" if first.stopped or not_started else ""
        return replace(result, not_compared=_set_aside(given, reason)) if reason else result
    of_base, of_head = ([compared(runs[0], run, check) for run in runs[1:]] for runs in (bases, heads))
    unsure = frozenset[str]().union(*(verdict.places for verdict in of_base))
    sure = _everywhere(pairs) - unsure
    steady = _steady_changes(bases, heads, check, frozenset[str]().union(*(pair.places for pair in pairs)) - sure)
    if not sure and not steady:
        side, verdicts = ("base", of_base) if unsure else ("head", of_head)
        reason = next((verdict.reason for verdict in verdicts if not verdict.agree), first.reason)
        return replace(result, flaky=_set_aside(given, f"{side} does not agree with itself: {reason}"))
    shown = max(pairs, key=lambda pair: len(sure & pair.places))
    aside = {
        where: f"set aside, {'base' if where in unsure else 'head'} does not agree with itself"
        for where in sorted(shown.places - sure - steady.keys())
    }
    difference = BehaviourDifference(
        input=given.name,
        project=given.project,
        base=shown.base,
        head=shown.head,
        changes=(
            *(change for change in shown.changes if change.where in sure),
            *steady.values(),
            *(LineChange(where=where, remark=remark) for where, remark in aside.items()),
        ),
        stable=all(verdict.agree for verdict in of_head),
    )
    return replace(result, base=shown.base, head=shown.head, difference=difference, unsteady=not sure)


def _steady_changes(
    bases: Sequence[Behaviour], heads: Sequence[Behaviour], check: ParityCheck, places: Iterable[str]
) -> dict[str, LineChange]:
    """Lines that all runs of one side have and none of the other's has, by place; stopped runs do not count."""
    changes = {}
    for where in sorted(set(places) - {_ENDING}):
        ours, theirs = (
            [_lines_in(run, where, check) for run in runs if not (run.timed_out or run.flooded)]
            for runs in (bases, heads)
        )
        removed, added = _always(ours, theirs), _always(theirs, ours)
        if removed or added:
            remark = "lines that differ from run to run are left out"
            changes[where] = LineChange(where=where, removed=removed, added=added, remark=remark)
    return changes


def _always(ours: Sequence[list[str] | None], theirs: Sequence[list[str] | None]) -> tuple[str, ...]:
    """Lines of every run of one side, as often as all have them, beyond what any run of the other has."""
    mine, others = ([Counter(lines) for lines in runs if lines is not None] for runs in (ours, theirs))
    if not mine or not others or len(mine) < len(ours) or len(others) < len(theirs):
        return ()
    beyond = reduce(and_, mine) - reduce(or_, others)
    found = []
    for line in ours[0] or ():
        if beyond[line]:
            beyond[line] -= 1
            found.append(_shown(line))
    return tuple(found)


def _lines_in(run: Behaviour, where: str, check: ParityCheck) -> list[str] | None:
    """The lines of one place in a run; ``None`` where there are none to look at."""
    if where in ("stdout", "stderr"):
        content: Content | None = getattr(run, where)
    else:
        file = _named(run.files, check).get(where.removeprefix("file "))
        content = file.after if file else None
    if content is None or content.text is None or "\0" in content.text:
        return None
    return _lines(normalised(content.text, check.normalise))


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
