"""Properties of the recommendation that hold for whatever was measured."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.values import CHECK, TODAY, failed, study, trial
from trimtab.choice.contest import Contest
from trimtab.choice.recommend import recommend
from trimtab.model.answer import Recommendation
from trimtab.model.plan import Bench, Goal
from trimtab.model.profile import Lto, OptLevel, Profile
from trimtab.model.study import Study
from trimtab.model.trial import Trial

LOOKUP = Bench(name="lookup", command=("{bin}",))
PROFILES = [
    Profile(lto=lto, codegen_units=units, opt_level=level)
    for lto in Lto
    for units in (1, 4, 16)
    for level in (OptLevel.O3, OptLevel.S)
][:-1]
ratios = st.sampled_from([0.5, 0.9, 0.95, 0.975, 0.98, 0.985, 0.99, 0.995, 1.0, 1.005, 1.01, 1.02, 1.1, 2.0, 5.0])


@st.composite
def trials(draw: st.DrawFn, profile: Profile) -> Trial:
    """Anything that may come of a profile: a failure, or numbers around today's, some of them missing."""
    if draw(st.integers(0, 9)) == 0:
        return failed(profile)
    runs = {}
    for bench in (CHECK, LOOKUP):
        if draw(st.integers(0, 9)):
            ratio, reach = draw(ratios), draw(st.sampled_from([1.0, 1.002, 1.02, 1.3]))
            runs[bench.name] = (ratio, ratio / reach, ratio * reach)
    measured = trial(
        profile,
        stripped=draw(st.none() | ratios.map(lambda ratio: int(800_000 * ratio))),
        cpu=draw(st.none() | ratios.map(lambda ratio: 40.0 * ratio)),
        runs=runs,
    )
    return replace(measured, screened=draw(st.booleans()))


@st.composite
def studies(draw: st.DrawFn) -> Study:
    """Today's profile with up to eight others."""
    today = trial(TODAY, runs={"check": (1.0, 1.0, 1.0), "lookup": (1.0, 1.0, 1.0)})
    profiles = draw(st.lists(st.sampled_from(PROFILES).filter(lambda p: p != TODAY), max_size=8, unique=True))
    others = [draw(trials(profile)) for profile in profiles]
    benches = draw(st.sampled_from([(), (CHECK,), (CHECK, LOOKUP)]))
    return study(today, *others, benches=benches, goal=draw(st.sampled_from(Goal)))


def advice(found: Study) -> Recommendation:
    recommendation = recommend(found)
    assert recommendation
    return recommendation


@given(studies(), st.data())
@settings(max_examples=60, deadline=None)
def test_taking_away_a_profile_that_is_not_recommended_never_changes_the_answer(
    found: Study, data: st.DataObject
) -> None:
    before = advice(found)
    others = [one.id for one in found.trials if one.id not in (found.baseline, before.trial)]
    if before.undecided or not others:
        return
    gone = data.draw(st.sampled_from(others))
    after = advice(replace(found, trials=tuple(one for one in found.trials if one.id != gone)))
    assert (after.trial, after.undecided) == (before.trial, ())
    assert after.agreement >= before.agreement


@given(studies())
@settings(max_examples=60, deadline=None)
def test_where_today_is_kept_no_allowed_profile_beats_it_on_the_first_objective(found: Study) -> None:
    kept = advice(found)
    if not kept.keeps_today or kept.undecided:
        return
    contest = Contest(found, found.trials[0])
    step = contest.objectives[0][1]
    for one in found.built:
        allowed = one.id != found.baseline and not contest.objection(one.id) and not contest.doubts(one.id)
        if allowed:
            assert contest.ratio(contest.evidence[one.id], contest.first) > 1 - step - 1e-6


@given(studies())
@settings(max_examples=60, deadline=None)
def test_what_is_recommended_beats_today_has_no_objection_and_was_run_on_every_bench(found: Study) -> None:
    chosen = advice(found)
    if chosen.keeps_today:
        return
    contest = Contest(found, found.trials[0])
    assert contest.beats_today(chosen.trial)
    assert not contest.objection(chosen.trial)
    taken = contest.trials[chosen.trial]
    for bench in found.benches:
        paired = taken.get(f"run.{bench.name}.wall.ratio")
        assert paired
        assert paired.high is not None
        assert paired.high <= 1 + bench.smallest_change + 1e-9


@given(studies())
@settings(max_examples=30, deadline=None)
def test_the_same_study_has_the_same_answer_in_any_order(found: Study) -> None:
    backwards = replace(found, trials=(found.trials[0], *reversed(found.trials[1:])))
    assert replace(advice(backwards), caveats=()) == replace(advice(found), caveats=())
