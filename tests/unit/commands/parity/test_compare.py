"""Whether two runs did the same, and what all runs of a check say together."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.commands.parity.compare import compared, end_of, lines_of_one_side, settled
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
from trimtab.commands.parity.runner import observed
from trimtab.commands.parity.summary import InputResult, caveats, rule_of, summed
from trimtab.model.parity_check import Normaliser, ParityCheck

CHECK = ParityCheck(name="lint", command=("{bin}", "check", "{input}"), inputs="*")
PANIC = "thread 'main' (17) panicked at src/main.rs:3:5:\nno\n"


def content(text: str) -> Content:
    data = text.encode("utf-8", "surrogateescape")
    return Content(size=len(data), sha256=hashlib.sha256(data).hexdigest(), text=text)


def ran(
    stdout: str = "", *, stderr: str = "", code: int = 0, files: Mapping[str, str | None] | None = None
) -> Behaviour:
    """A run that ended by itself."""
    written = {
        name: Written(before=content("old\n"), after=None)
        if text is None
        else Written(before=None, after=content(text))
        for name, text in (files or {}).items()
    }
    return Behaviour(
        exit_code=code, timed_out=False, flooded=False, stdout=content(stdout), stderr=content(stderr), files=written
    )


class TestEndings:
    @pytest.mark.parametrize(
        ("behaviour", "ending", "said"),
        [
            (ran(), Ending.EXIT, "exit code 0"),
            (ran(code=3), Ending.EXIT, "exit code 3"),
            (ran(code=-11), Ending.SIGNAL, "signal SIGSEGV"),
            (ran(code=-63), Ending.SIGNAL, "signal 63"),
            (ran(stderr=PANIC, code=101), Ending.PANIC, "panic (exit code 101)"),
            (ran(stderr=PANIC, code=-6), Ending.PANIC, "panic (signal SIGABRT)"),
            (ran(stderr=PANIC), Ending.PANIC, "panic (exit code 0)"),
            (ran(PANIC), Ending.EXIT, "exit code 0"),
            (replace(ran(code=-9), timed_out=True), Ending.TIMEOUT, "time-out"),
            (replace(ran(code=-25), flooded=True), Ending.FLOOD, "flood"),
        ],
    )
    def test_they_are_told_apart(self, behaviour: Behaviour, ending: Ending, said: str) -> None:
        end = end_of(behaviour)
        assert (end.ending, end.summary) == (ending, said)

    @pytest.mark.parametrize(
        "line",
        [
            "==17==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010",
            "WARNING: ThreadSanitizer: data race (pid=17)",
            "src/a.c:3:5: runtime error: signed integer overflow",
            "error: Undefined Behavior: memory access failed",
            "free(): invalid pointer",
            "*** stack smashing detected ***: terminated",
            "thread 'main' has overflowed its stack",
            "unsafe precondition(s) violated: ptr::copy_nonoverlapping",
        ],
    )
    def test_messages_like_those_of_sanitisers(self, line: str) -> None:
        end = end_of(ran(stderr=f"hello\n{line}\nbye\n", code=-6))
        assert (end.ending, end.message) == (Ending.SANITIZER, line)


class TestComparing:
    def test_equal_runs_agree(self) -> None:
        assert compared(ran("a\n", files={"a": "x"}), ran("a\n", files={"a": "x"}), CHECK).agree

    @pytest.mark.parametrize(
        ("head", "reason"),
        [
            (ran("a\n", code=1), "exit code 0 or exit code 1"),
            (ran("b\n"), "stdout"),
            (ran("a\n", stderr="b"), "stderr"),
            (ran("a\n", files={"new": "b"}), "file new"),
            (ran("a\n", files={"old": None}), "file old"),
            (ran("b\n", stderr=PANIC, code=101), "exit code 0 or panic (exit code 101), stdout, stderr"),
        ],
    )
    def test_any_of_them_is_a_difference(self, head: Behaviour, reason: str) -> None:
        verdict = compared(ran("a\n"), head, CHECK)
        assert not verdict.agree
        assert verdict.reason == reason

    def test_what_was_printed_before_a_time_out_is_no_matter(self) -> None:
        base, head = (replace(ran(text), timed_out=True) for text in ("a", "b"))
        assert compared(base, head, CHECK).agree
        assert not compared(base, ran("a"), CHECK).agree

    def test_normalisers_only_where_they_are_declared(self) -> None:
        base, head = (
            ran("b took 1.5s\na\n", files={"log": "at 12:00:01"}),
            ran("a\nb took 2.5s\n", files={"log": "at 12:00:02"}),
        )
        assert not compared(base, head, CHECK).agree
        times = replace(CHECK, normalise=(Normaliser.TIMES,))
        (change,) = compared(base, head, times).changes
        assert change == LineChange(where="stdout", remark="the same lines in another order")
        assert compared(base, head, replace(CHECK, normalise=(Normaliser.ORDER, Normaliser.TIMES))).agree

    def test_two_panics_are_no_difference_for_the_numbers_of_their_threads(self) -> None:
        other = PANIC.replace("(17)", "(4711)")
        assert compared(ran(stderr=PANIC, code=101), ran(stderr=other, code=101), CHECK).agree

    def test_bytes_that_are_no_text_are_told_apart(self) -> None:
        assert not compared(ran("\udcff"), ran("\udcfe"), CHECK).agree
        (change,) = compared(ran("\0\1"), ran("\0\2"), CHECK).changes
        assert change.remark == "bytes that are no text differ (2 and 2 of them)"
        (change,) = compared(ran("\udcff\n"), ran("\udcfe\n"), CHECK).changes
        assert (change.removed, change.added) == (("\\udcff",), ("\\udcfe",))

    def test_what_is_too_long_is_compared_as_it_is(self) -> None:
        long = Content(size=9 << 20, sha256="a", text=None)
        base = replace(ran(), stdout=long)
        assert compared(base, base, CHECK).agree
        (change,) = compared(base, replace(base, stdout=replace(long, sha256="b")), CHECK).changes
        assert change.remark.startswith("too long to be listed")

    def test_files_of_one_side_with_their_lines(self) -> None:
        changes = compared(ran(files={"a": "x\n", "b": None}), ran(files={"c": "y\nz\n"}), CHECK).changes
        assert changes == (
            LineChange(where="file a", remark="written by base only", removed=("x",)),
            LineChange(where="file b", remark="removed by base only"),
            LineChange(where="file c", remark="written by head only", added=("y", "z")),
        )

    def test_a_file_that_one_side_left_as_it_was(self) -> None:
        fixed = Written(before=content("a\nb\nc\n"), after=content("a\nB\nc\n"))
        changed = replace(ran(), files={"a": fixed})
        (change,) = compared(changed, ran(), CHECK).changes
        assert change == LineChange(where="file a", removed=("B",), added=("b",), remark="changed by base only")
        (change,) = compared(ran(), changed, CHECK).changes
        assert change == LineChange(where="file a", removed=("b",), added=("B",), remark="changed by head only")
        (change,) = compared(changed, ran(files={"a": None}), CHECK).changes
        assert change == LineChange(where="file a", remark="removed by head only")

    def test_permissions(self) -> None:
        one, other = (replace(content("x"), mode=mode) for mode in (0o755, 0o644))
        base, head = (replace(ran(), files={"a": Written(before=None, after=one)}) for one in (one, other))
        (change,) = compared(base, head, CHECK).changes
        assert change == LineChange(where="file a", remark="permissions 755, 644")
        lost = replace(ran(), files={"a": Written(before=one, after=other)})
        (change,) = compared(ran(), lost, CHECK).changes
        assert change == LineChange(where="file a", remark="changed by head only; permissions 755, 644")

    def test_only_the_last_end(self) -> None:
        (change,) = compared(ran("a"), ran("a\n"), CHECK).changes
        assert change == LineChange(where="stdout", remark="only the end of the last line differs")

    def test_files_that_are_ignored_or_whose_names_hold_a_hash(self) -> None:
        base, head = (
            ran(files={".cache/a": "1", "o-1a2b3c4d.o": "x"}),
            ran(files={".cache/b": "2", "o-5e6f7a8b.o": "x"}),
        )
        assert len(compared(base, head, CHECK).changes) == 4
        check = replace(CHECK, ignore=(".cache/*",), normalise=(Normaliser.HASHES,))
        assert compared(base, head, check).agree

    def test_two_names_that_become_one_stay_two(self) -> None:
        check = replace(CHECK, normalise=(Normaliser.HASHES,))
        base = ran(files={"1a2b3c4d": "x", "2a2b3c4d": "y"})
        assert compared(base, base, check).agree
        assert not compared(base, ran(files={"1a2b3c4d": "x"}), check).agree


GIVEN = Input(name="a.py", project="app")
STOPPED = replace(ran(), timed_out=True)
CRASH = ran(code=-11)


class TestSettling:
    """What several runs of both say together."""

    def test_what_base_does_differently_each_time_hides_nothing_else(self) -> None:
        found = settled(GIVEN, [ran("12:01"), ran("12:02")], [CRASH, CRASH], CHECK)
        assert found.difference
        assert (found.difference.base.summary, found.difference.head.summary) == ("exit code 0", "signal SIGSEGV")
        assert found.difference.changes == (
            LineChange(where="stdout", remark="set aside, base does not agree with itself"),
        )

    def test_each_file_is_a_place_of_its_own(self) -> None:
        bases = [ran("a", files={"log": time, "out": "1"}) for time in ("12:01", "12:02")]
        heads = [ran("a", files={"log": time, "out": "2"}) for time in ("12:03", "12:04")]
        difference = settled(GIVEN, bases, heads, CHECK).difference
        assert difference
        assert {change.where: change.remark for change in difference.changes} == {
            "file out": "",
            "file log": "set aside, base does not agree with itself",
        }

    @pytest.mark.parametrize(
        ("bases", "heads", "reason"),
        [
            ("ab", "bb", "base does not agree with itself: stdout"),
            ("ab", "cd", "base does not agree with itself: stdout"),
            ("aa", "ba", "head does not agree with itself: stdout"),
            ("aaaa", "bbba", "head does not agree with itself: stdout"),
        ],
    )
    def test_what_is_set_aside(self, bases: str, heads: str, reason: str) -> None:
        found = settled(GIVEN, list(map(ran, bases)), list(map(ran, heads)), CHECK)
        assert not found.difference
        assert found.flaky == SetAside(input="a.py", project="app", reason=reason)

    @pytest.mark.parametrize(
        ("bases", "heads", "removed", "added"),
        [
            (["1 a", "2 a"], ["3 b", "4 b"], ["a"], ["b"]),
            (["1 a", "2 a"], ["3", "4"], ["a"], []),
            (["1", "2"], ["3 b", "4 b"], [], ["b"]),
            (["1 a a", "2 a a a"], ["3 a", "4 a"], ["a"], []),
            (["1 a", "2"], ["3", "4"], [], []),
            (["1 a", "2 a"], ["3 a", "4"], [], []),
        ],
    )
    def test_lines_of_one_side_differ_beside_random_ones(
        self, bases: list[str], heads: list[str], removed: list[str], added: list[str]
    ) -> None:
        runs = ([ran(run.replace(" ", "\n")) for run in side] for side in (bases, heads))
        found = settled(GIVEN, next(runs), next(runs), CHECK)
        assert bool(found.difference) is bool(removed or added)
        if found.difference:
            (change,) = found.difference.changes
            assert (list(change.removed), list(change.added)) == (removed, added)
            assert found.unsteady

    def test_lines_of_files_do_too_and_bytes_that_are_no_text_do_not(self) -> None:
        bases, heads = ([ran(files={"log": f"{n}\n{side}"}) for n in "12"] for side in "ab")
        assert settled(GIVEN, bases, heads, CHECK).difference
        bases, heads = ([ran(files={"log": f"{n}\0\n{side}"}) for n in "12"] for side in "ab")
        assert settled(GIVEN, bases, heads, CHECK).flaky

    def test_a_head_that_never_agrees_with_base_is_a_difference(self) -> None:
        found = settled(GIVEN, list(map(ran, "aa")), list(map(ran, "bc")), CHECK)
        assert found.difference
        assert not found.difference.stable

    def test_a_crash_of_head_need_not_come_back(self) -> None:
        found = settled(GIVEN, [ran("a"), ran("a")], [CRASH, ran("a")], CHECK)
        assert found.difference
        assert (found.difference.head.summary, found.difference.stable) == ("signal SIGSEGV", False)
        assert settled(GIVEN, [ran("a"), CRASH], [CRASH, ran("a")], CHECK).flaky

    def test_a_time_out_of_head_has_to(self) -> None:
        assert settled(GIVEN, [ran(), ran()], [STOPPED, ran()], CHECK).flaky
        assert settled(GIVEN, [ran(), ran()], [STOPPED, STOPPED], CHECK).difference
        found = settled(GIVEN, [ran(), ran()], [STOPPED, ran("b")], CHECK)
        assert found.difference  # of which the first run could say nothing
        assert found.difference.changes == (LineChange(where="stdout", added=("b",)),)

    def test_what_neither_could_finish_is_not_compared(self) -> None:
        found = settled(GIVEN, [STOPPED], [STOPPED], CHECK)
        assert found.not_compared == SetAside(input="a.py", project="app", reason="time-out on both sides")


@pytest.mark.parametrize(
    ("other", "chance", "most"),
    [(ran("b"), 0.5, 0.01), (ran("b"), 0.2, 0.005), (ran("b"), 0.02, 0.001), (CRASH, 0.2, 0.09), (CRASH, 0.5, 0.05)],
)
def test_how_often_equal_programs_are_called_different_that_do_one_of_two_things(
    other: Behaviour, chance: float, most: float
) -> None:
    """2 · (p·q)⁴ of the inputs, 0.8 % at worst; where one of the two is a crash, about p·q⁴ and 8 %."""
    dice, inputs = Random(1), 6_000
    usual = ran("a")

    def run() -> Behaviour:
        return other if dice.random() < chance else usual

    found = [observed(GIVEN, CHECK, run, run) for _ in range(inputs)]
    assert sum(one.difference is not None for one in found) < most * inputs
    assert any(one.flaky for one in found)


def test_how_often_one_of_many_random_lines_is_called() -> None:
    """Each of 100 lines is one of two: 200 · 2⁻²⁰ of the inputs at most; with two repeats, more than half."""
    dice = Random(1)

    def run() -> Behaviour:
        return ran("\n".join(f"{number} {dice.random() < 0.5}" for number in range(100)))

    found = [observed(GIVEN, CHECK, run, run) for _ in range(200)]
    assert sum(one.difference is not None for one in found) <= 1


lines = st.lists(st.sampled_from(["a", "b", "c", " ", "F401 x", "é"]), max_size=12)


@given(lines, lines)
def test_the_lines_of_one_side_make_up_the_difference(base: list[str], head: list[str]) -> None:
    removed, added = lines_of_one_side("\n".join(base), "\n".join(head))
    assert not Counter(removed) & Counter(added)
    assert Counter(base) - Counter(removed) + Counter(added) == Counter(head)


@given(st.text(), st.text())
def test_whatever_is_in_a_line_it_can_be_shown(base: str, head: str) -> None:
    for side in lines_of_one_side(base, head):
        for line in side:
            assert line.replace("\t", "").isprintable()


class TestRules:
    @pytest.mark.parametrize(
        ("line", "rule"),
        [
            ("corpus/a.py:3:5: F401 [*] `os` imported but unused", "F401"),
            ("F401 [*] `os` imported but unused", "F401"),
            ("error[E0277]: the trait bound", "E0277"),
            ("  warning: clippy::needless_return", "clippy::needless_return"),
            ("a.py:1: error: no such thing  [attr-defined]", "attr-defined"),
            ("a.py:3:5: invalid-syntax: Expected a statement", "invalid-syntax"),
            ("All checks passed!", ""),
            ("Found 3 errors.", ""),
            ("", ""),
        ],
    )
    def test_codes_in_lines(self, line: str, rule: str) -> None:
        assert rule_of(line) == rule


def judged(name: str, project: str, *, added: tuple[str, ...] = (), removed: tuple[str, ...] = ()) -> InputResult:
    end = End(ending=Ending.EXIT, exit_code=0)
    one = InputResult(input=name, project=project, base=end, head=end)
    if not added and not removed:
        return one
    change = LineChange(where="stdout", added=added, removed=removed)
    return replace(
        one, difference=BehaviourDifference(input=name, project=project, base=end, head=end, changes=(change,))
    )


codes = st.sampled_from(["a.py:1:2: F401 x", "a.py:3:1: E501 long", "Found 1 error."])
many = st.lists(
    st.builds(
        judged,
        st.text("abc", min_size=1),
        st.sampled_from(["requests", "flask", "django"]),
        added=st.lists(codes, max_size=4).map(tuple),
        removed=st.lists(codes, max_size=4).map(tuple),
    ),
    max_size=12,
)


@given(many)
def test_groups_add_up(everything: list[InputResult]) -> None:
    found = summed("lint", CHECK.command, everything)
    assert found.inputs == len(everything) == found.same + len(found.differences)
    assert sum(project.inputs for project in found.projects) == found.inputs
    assert sum(project.differ for project in found.projects) == len(found.differences)
    changes = [change for one in found.differences for change in one.changes]
    assert found.added == sum(len(change.added) for change in changes)
    assert found.removed == sum(len(change.removed) for change in changes)
    coded = sum("Found" not in line for change in changes for line in change.added)
    assert sum(rule.added for rule in found.rules) == coded
    for rule in found.rules:
        of_projects = [one for project in found.projects for one in project.rules if one.name == rule.name]
        assert (sum(one.added for one in of_projects), sum(one.removed for one in of_projects)) == (
            rule.added,
            rule.removed,
        )
    assert {end.ending: end.base for end in found.endings} == ({Ending.EXIT: len(everything)} if everything else {})


def test_what_changed_most_comes_first() -> None:
    found = summed(
        "lint",
        CHECK.command,
        [
            judged("1", "flask", added=("a.py:1:1: E501 x",)),
            judged("2", "requests", added=("b.py:1:1: F401 x", "b.py:2:1: F401 x"), removed=("b.py:3:1: F401 x",)),
            judged("3", "requests"),
        ],
    )
    assert [project.name for project in found.projects] == ["requests", "flask"]
    assert [(rule.name, rule.added, rule.removed) for rule in found.rules] == [("F401", 2, 1), ("E501", 1, 0)]


def test_flaky_inputs_are_neither_same_nor_different() -> None:
    one = replace(judged("1", "flask"), flaky=SetAside(input="1", project="flask", reason="stdout"))
    found = summed("lint", CHECK.command, [one, judged("2", "flask")])
    assert (found.inputs, found.same, len(found.flaky), found.projects[0].flaky) == (2, 1, 1, 1)


FINE, USAGE = End(ending=Ending.EXIT, exit_code=0), End(ending=Ending.EXIT, exit_code=2)


def all_of(*ends: End) -> list[InputResult]:
    return [InputResult(input=str(number), project="a", base=end, head=end) for number, end in enumerate(ends)]


def test_exit_codes_are_counted() -> None:
    found = summed("lint", CHECK.command, all_of(FINE, USAGE, USAGE, End(ending=Ending.PANIC, exit_code=101)))
    assert [(one.exit_code, one.base, one.head) for one in found.exits] == [(0, 1, 1), (2, 2, 2)]


def test_a_check_in_which_base_never_succeeds_is_doubtful() -> None:
    (doubt,) = caveats(summed("lint", CHECK.command, all_of(USAGE, USAGE)))
    assert doubt.startswith("lint: no run of base ended with exit code 0")
    assert caveats(summed("lint", CHECK.command, all_of(USAGE, FINE))) == ()
    assert caveats(summed("lint", CHECK.command, [])) == ()


def test_a_check_that_compares_nothing_is_no_pass() -> None:
    one = replace(all_of(FINE)[0], not_compared=SetAside(input="0", project="a", reason="time-out on both sides"))
    found = summed("lint", CHECK.command, [one])
    assert (found.same, found.compared, len(found.not_compared), found.projects[0].not_compared) == (0, 0, 1, 1)
    assert caveats(found) == ("lint: nothing could be compared, which is no pass",)


def test_what_was_not_run_has_no_end() -> None:
    found = summed("lint", CHECK.command, [InputResult(input="0", project="a", base=None, head=None)])
    assert (found.endings, found.exits) == ((), ())
