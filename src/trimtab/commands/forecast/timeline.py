"""Timeline of a schedule: a bar for each unit, its steps in colours, the critical path outlined.

Written as SVG by hand: a chart library that can write one without a browser weighs more than all of trimtab.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from trimtab.commands.forecast.model import Forecast, Slot, Step
from trimtab.units import format_seconds, printable

_WIDTH, _ROW, _TOP, _LEFT = 1100, 15, 58, 10
_LEGEND_STEP = 170
_LETTER = 6.1
"""Mean width of a letter in pixels."""
_COLOURS = {
    Step.METADATA: "#3b6ea8",
    Step.CODE: "#9dc1e8",
    Step.LTO: "#d98032",
    Step.LINK: "#6b4fa0",
    Step.RUN: "#7aa874",
}
_TICKS = 10
_STEPS = (1, 2, 5)


def timeline_svg(forecast: Forecast, title: str) -> str:
    """Draw the schedule of a forecast as SVG.

    Args:
        forecast: its slots are drawn.
        title: the line above the drawing.
    """
    lanes = _lanes(forecast.slots)
    height = _TOP + _ROW * (max(lanes.values(), default=0) + 1) + 24
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
        ' font-family="system-ui, sans-serif" font-size="11">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="18" font-size="14" font-weight="600" fill="#222222">{escape(printable(title))}</text>',
        *_legend(),
        *_axis(forecast.wall, height),
    ]
    critical = {slot.unit for slot in forecast.critical}
    for slot in sorted(forecast.slots, key=lambda slot: slot.unit in critical):
        lines += _bars(slot, lanes[slot.unit], forecast.wall, critical=slot.unit in critical)
    return "\n".join((*lines, "</svg>", ""))


def _lanes(slots: Sequence[Slot]) -> dict[str, int]:
    """The row of each unit: the first that is free when it begins."""
    free: list[float] = []
    lanes = {}
    for slot in slots:
        lane = next((lane for lane, until in enumerate(free) if until <= slot.begun + 1e-6), len(free))
        free[lane : lane + 1] = [slot.ended]
        lanes[slot.unit] = lane
    return lanes


def _x(seconds: float, wall: float) -> float:
    return _LEFT + (_WIDTH - 2 * _LEFT) * seconds / (wall or 1.0)


def _bars(slot: Slot, lane: int, wall: float, *, critical: bool) -> Iterator[str]:
    y, left = _TOP + _ROW * lane, _x(slot.begun, wall)
    width = max(_x(slot.ended, wall) - left, 0.5)
    steps = ", ".join(f"{bar.step} {format_seconds(bar.ended - bar.begun)}" for bar in slot.bars)
    tooltip = f"{slot.name}: {format_seconds(slot.begun)} to {format_seconds(slot.ended)} ({steps})"
    yield f"<g><title>{escape(printable(tooltip))}</title>"
    for bar in slot.bars:
        x = _x(bar.begun, wall)
        yield (
            f'<rect x="{x:.1f}" y="{y}" width="{max(_x(bar.ended, wall) - x, 0.3):.1f}" height="{_ROW - 3}"'
            f' fill="{_COLOURS[bar.step]}"/>'
        )
    if critical:
        yield (
            f'<rect x="{left:.1f}" y="{y}" width="{width:.1f}" height="{_ROW - 3}" fill="none" stroke="#c0392b"'
            ' stroke-width="1.6"/>'
        )
    name = printable(slot.name)
    if width > _LETTER * len(name):
        yield f'<text x="{left + 3:.1f}" y="{y + 9.5}" fill="#111111">{escape(name)}</text>'
    yield "</g>"


def _legend() -> Iterator[str]:
    for at, (step, colour) in enumerate(_COLOURS.items()):
        x = _LEFT + _LEGEND_STEP * at
        yield f'<rect x="{x}" y="27" width="11" height="11" fill="{colour}"/>'
        yield f'<text x="{x + 16}" y="37" fill="#444444">{escape(step)}</text>'
    x = _LEFT + _LEGEND_STEP * len(_COLOURS)
    yield f'<rect x="{x}" y="27" width="11" height="11" fill="none" stroke="#c0392b" stroke-width="1.6"/>'
    yield f'<text x="{x + 16}" y="37" fill="#444444">holds up the rest</text>'


def _axis(wall: float, height: int) -> Iterator[str]:
    scale = 10.0**-3
    while not any(wall / (step * scale) <= _TICKS for step in _STEPS):
        scale *= 10
    tick = next(step * scale for step in _STEPS if wall / (step * scale) <= _TICKS)
    for number in range(int(wall / tick) + 1):
        x = _x(number * tick, wall)
        yield f'<line x1="{x:.1f}" y1="{_TOP - 8}" x2="{x:.1f}" y2="{height - 18}" stroke="#e4e4e4"/>'
        label = f"{number * tick:g} s"
        inside = min(x, _WIDTH - _LETTER * len(label))
        yield f'<text x="{inside:.1f}" y="{height - 6}" fill="#666666">{label}</text>'
