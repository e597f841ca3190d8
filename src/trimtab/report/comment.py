"""The comment that `apply` puts above a setting: the numbers, when and with what they were measured, how to check."""

from __future__ import annotations

import shlex

from trimtab.model.study import Study
from trimtab.model.trial import Trial


def manifest_comment(study: Study, trial: Trial, reasons: tuple[str, ...], date: str) -> tuple[str, ...]:
    """Lines without their ``# ``; the first begins with ``trimtab``."""
    today = study.baseline_profile
    axes = [
        f"--axis {axis.name}={shlex.quote(f'{axis.show(axis.get(today))},{axis.show(axis.get(trial.profile))}')}"
        for axis in trial.profile.differing(today)
        if axis.name != "rustflags"
    ]
    profile = "" if study.project.profile_name == "release" else f" --profile {study.project.profile_name}"
    return (
        f"trimtab {date}, {study.toolchain.rustc}, {study.toolchain.host}, {study.machine.cpu}:",
        *(f"  {reason}" for reason in reasons),
        f"  check again: trimtab explore{profile} {' '.join(axes)}",
    )
