"""trimtab: which release profile should this Rust program ship?

The public names below can be used from a script or notebook; see :func:`explore`. They are loaded when first used, so
that the command line starts quickly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trimtab.choice.answer import answer
    from trimtab.commands.clean.model import Cleaning
    from trimtab.commands.clean.run import clean
    from trimtab.commands.compare.run import compare
    from trimtab.commands.diff.model import Difference
    from trimtab.commands.diff.run import diff
    from trimtab.commands.doctor.run import doctor
    from trimtab.commands.explore.run import explore
    from trimtab.commands.fit.model import FitReport
    from trimtab.commands.fit.run import fit
    from trimtab.commands.forecast.model import ForecastReport
    from trimtab.commands.forecast.run import forecast
    from trimtab.commands.history.run import history
    from trimtab.commands.init.run import init
    from trimtab.commands.parity.model import Parity
    from trimtab.commands.parity.run import parity
    from trimtab.commands.show.run import show
    from trimtab.commands.targets.model import TargetsReport
    from trimtab.commands.targets.run import targets
    from trimtab.errors import InputError, InterruptError, MissingError, NothingBuiltError, TrimtabError
    from trimtab.experiment.protocols import Progress
    from trimtab.model.answer import Answer, Recommendation
    from trimtab.model.comparison import Comparison
    from trimtab.model.metric import Absent, Measurement
    from trimtab.model.profile import Profile
    from trimtab.model.study import Study
    from trimtab.model.trial import Trial

__version__ = "0.1.0"

_HOMES = {
    "Absent": "trimtab.model.metric",
    "Answer": "trimtab.model.answer",
    "Cleaning": "trimtab.commands.clean.model",
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
    "Progress": "trimtab.experiment.protocols",
    "Recommendation": "trimtab.model.answer",
    "Study": "trimtab.model.study",
    "TargetsReport": "trimtab.commands.targets.model",
    "Trial": "trimtab.model.trial",
    "TrimtabError": "trimtab.errors",
    "answer": "trimtab.choice.answer",
    "clean": "trimtab.commands.clean.run",
    "compare": "trimtab.commands.compare.run",
    "diff": "trimtab.commands.diff.run",
    "explore": "trimtab.commands.explore.run",
    "fit": "trimtab.commands.fit.run",
    "forecast": "trimtab.commands.forecast.run",
    "parity": "trimtab.commands.parity.run",
    "targets": "trimtab.commands.targets.run",
    "doctor": "trimtab.commands.doctor.run",
    "history": "trimtab.commands.history.run",
    "init": "trimtab.commands.init.run",
    "show": "trimtab.commands.show.run",
}

__all__ = [
    "Absent",
    "Answer",
    "Cleaning",
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
    "clean",
    "compare",
    "diff",
    "doctor",
    "explore",
    "fit",
    "forecast",
    "history",
    "init",
    "parity",
    "show",
    "targets",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
