"""trimtab: which release profile should this Rust program ship?

The public names below can be used from a script or notebook; see :func:`explore`. They are loaded when first used, so
that the command line starts quickly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trimtab.choice.answer import answer
    from trimtab.commands.compare.run import compare
    from trimtab.commands.diff.model import Difference
    from trimtab.commands.diff.run import diff
    from trimtab.commands.fit.model import FitReport
    from trimtab.commands.fit.run import fit
    from trimtab.commands.forecast.model import ForecastReport
    from trimtab.commands.forecast.run import forecast
    from trimtab.commands.parity.model import Parity
    from trimtab.commands.parity.run import parity
    from trimtab.commands.targets.run import targets
    from trimtab.errors import InputError, InterruptError, MissingError, NothingBuiltError, TrimtabError
    from trimtab.experiment.loop import Progress
    from trimtab.experiment.run import explore
    from trimtab.model.comparison import Comparison
    from trimtab.model.metric import Absent, Measurement
    from trimtab.model.profile import Profile
    from trimtab.model.study import Study
    from trimtab.model.target import TargetsReport
    from trimtab.model.trial import Trial
    from trimtab.model.verdict import Answer, Recommendation

__version__ = "0.1.0"

_HOMES = {
    "Absent": "trimtab.model.metric",
    "Answer": "trimtab.model.verdict",
    "Comparison": "trimtab.model.comparison",
    "Difference": "trimtab.commands.diff.model",
    "FitReport": "trimtab.commands.fit.model",
    "ForecastReport": "trimtab.commands.forecast.model",
    "InputError": "trimtab.errors",
    "InterruptError": "trimtab.errors",
    "Measurement": "trimtab.model.metric",
    "MissingError": "trimtab.errors",
    "NothingBuiltError": "trimtab.errors",
    "Parity": "trimtab.commands.parity.model",
    "Profile": "trimtab.model.profile",
    "Progress": "trimtab.experiment.loop",
    "Recommendation": "trimtab.model.verdict",
    "Study": "trimtab.model.study",
    "TargetsReport": "trimtab.model.target",
    "Trial": "trimtab.model.trial",
    "TrimtabError": "trimtab.errors",
    "answer": "trimtab.choice.answer",
    "compare": "trimtab.commands.compare.run",
    "diff": "trimtab.commands.diff.run",
    "explore": "trimtab.experiment.run",
    "fit": "trimtab.commands.fit.run",
    "forecast": "trimtab.commands.forecast.run",
    "parity": "trimtab.commands.parity.run",
    "targets": "trimtab.commands.targets.run",
}

__all__ = [
    "Absent",
    "Answer",
    "Comparison",
    "Difference",
    "FitReport",
    "ForecastReport",
    "InputError",
    "InterruptError",
    "Measurement",
    "MissingError",
    "NothingBuiltError",
    "Parity",
    "Profile",
    "Progress",
    "Recommendation",
    "Study",
    "TargetsReport",
    "Trial",
    "TrimtabError",
    "answer",
    "compare",
    "diff",
    "explore",
    "fit",
    "forecast",
    "parity",
    "targets",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
