"""Build minutes against bytes, in the user's own numbers."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.choice.table import label
from trimtab.model.answer import Trade
from trimtab.model.plan import Economics
from trimtab.model.study import Study
from trimtab.model.trial import Trial

_DOWNLOADED = ("size.wheel", "size.gzip", "size.file")
"""Metrics of downloaded bytes, the best known first: a wheel as it is, a program in an archive, the bare file."""


def trades(study: Study) -> Iterator[Trade]:
    """Monthly costs and savings beside today's, of each profile that was built cleanly.

    Minutes are wall time of a clean build, as on this machine: that is what a runner of a CI service is paid for.
    """
    today, economics = study.baseline_trial, study.economics
    if not today or today.failure or not economics:
        return
    if not (economics.builds_per_month or economics.downloads_per_month):
        return
    for trial in study.built:
        if trial.id != today.id and not trial.screened:
            yield _trade(study, trial, today, economics)


def _trade(study: Study, trial: Trial, today: Trial, economics: Economics) -> Trade:
    minutes = _difference(trial, today, "build.clean.wall", economics.builds_per_month / 60)
    of = next((name for name in _DOWNLOADED if trial.value(name) and today.value(name)), "")
    return Trade(
        trial=trial.id,
        label=label(trial.profile, study.baseline_profile),
        minutes=minutes,
        price=minutes * economics.minute_price if minutes is not None and economics.minute_price else None,
        bytes=_difference(trial, today, of, economics.downloads_per_month),
        of=of,
    )


def _difference(trial: Trial, today: Trial, metric: str, times: float) -> float | None:
    value, base = trial.value(metric), today.value(metric)
    return (value - base) * times if value is not None and base is not None and times else None
