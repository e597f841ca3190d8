"""Reports of `trimtab forecast` and `trimtab fit` with everything that they can have."""

from __future__ import annotations

from dataclasses import replace

from tests.fakes.traces import a_full_trace
from tests.fakes.values import FAT, MACHINE, PROJECT, THIN, TODAY, TOOLCHAIN
from trimtab.choice.table import label
from trimtab.commands.fit.model import Bounds, Fit, FitForecast, FitReport, FitRow, LimitedBuild
from trimtab.commands.forecast.model import ForecastReport, ProfileForecast
from trimtab.commands.forecast.schedule import simulate
from trimtab.model.profile import Lto, Profile
from trimtab.model.trace import Trace

NOTE = "lto fat: other programs kept 0.5 cores busy meanwhile: its wall time is less certain"


def foretold(
    profile: Profile = TODAY, trace: Trace | None = None, cores: tuple[int, ...] = (1, 2, 8)
) -> ProfileForecast:
    """A profile's forecasts."""
    seen = a_full_trace() if trace is None else trace
    return ProfileForecast(
        profile=profile,
        label=label(profile, TODAY),
        size=5_000_000,
        trace=seen,
        forecasts=tuple(simulate(seen, count) for count in cores),
    )


def a_forecast(*profiles: ProfileForecast) -> ForecastReport:
    """Today's profile and fat LTO, unless told otherwise."""
    return ForecastReport(
        project=PROJECT,
        machine=MACHINE,
        toolchain=TOOLCHAIN,
        profiles=profiles or (foretold(), replace(foretold(FAT, cores=(1,)), size=4_000_000)),
        notes=(NOTE,),
        command="trimtab forecast --cores 1 --cores 2 --cores 8 --axis lto=fat",
    )


def estimated(fit: Fit = Fit.FITS, wall: float = 100.0) -> FitForecast:
    """A forecast within the limits."""
    return FitForecast(
        fit=fit, wall=wall, low=wall * 0.9, high=wall * 1.2, cpu=wall, peak_memory=1 << 30,
        hungriest="app 1.0.0 (program)", hungriest_memory=900 << 20,
    )  # fmt: skip


def row(
    profile: Profile = TODAY,
    *,
    fit: Fit = Fit.FITS,
    wall: float = 100.0,
    size: int = 5_000_000,
    tried: LimitedBuild | None = None,
) -> FitRow:
    """A profile."""
    return FitRow(label=label(profile, TODAY), profile=profile, size=size, forecast=estimated(fit, wall), tried=tried)


def went_well(wall: float = 90.0) -> LimitedBuild:
    """A real build that fits."""
    return LimitedBuild(fit=Fit.FITS, wall=wall, cpu=wall * 0.95, peak_memory=800 << 20)


def killed() -> LimitedBuild:
    """A real build that did not."""
    return LimitedBuild(
        fit=Fit.OUT_OF_MEMORY,
        wall=40.0,
        unit="app 1.0.0 (program)",
        wanted=900 << 20,
        message="could not compile `app`",
    )


def a_fit(*rows: FitRow, bounds: Bounds | None = None) -> FitReport:
    """Today's profile does not fit, a lighter one does, a third is too slow; unless told otherwise."""
    return FitReport(
        project=PROJECT,
        machine=MACHINE,
        toolchain=TOOLCHAIN,
        bounds=bounds or Bounds(memory=512 << 20, cpus=1, within=600.0, enforced_by="control group (v2)"),
        rows=rows
        or (
            row(tried=killed()),
            row(THIN, wall=80.0, size=5_200_000, tried=went_well()),
            row(replace(TODAY, lto=Lto.OFF), fit=Fit.TOO_SLOW, wall=700.0, size=5_500_000),
            row(FAT, fit=Fit.OUT_OF_MEMORY, wall=120.0, size=4_000_000),
        ),
        notes=("there is no Cargo.lock: a copy of the project was locked and measured",),
        command="trimtab fit --memory 512M --within 10m",
    )
