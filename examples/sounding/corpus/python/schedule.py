"""Forecast the wall time of a build from the processor time of its units.

Units are scheduled on a number of cores as soon as their dependencies allow (list scheduling, longest
remaining chain first; Graham 1969 shows that this is at most twice the optimum).
"""

import heapq
import json
import sys


class Unit:
    """One call of the compiler."""

    def __init__(self, name, seconds, needs):
        if seconds < 0:
            raise ValueError(f"{name}: {seconds} s is less than nothing")
        self.name = name
        self.seconds = seconds
        self.needs = list(needs)
        self.users = []
        self.chain = 0.0
        self.missing = len(self.needs)


def link(units):
    """Connect units with their users and find circles."""
    by_name = {unit.name: unit for unit in units}
    for unit in units:
        for name in unit.needs:
            if name not in by_name:
                raise ValueError(f"{unit.name} needs {name}, which does not exist")
            by_name[name].users.append(unit)

    order = []
    ready = [unit for unit in units if not unit.needs]
    missing = {unit.name: len(unit.needs) for unit in units}
    while ready:
        unit = ready.pop()
        order.append(unit)
        for user in unit.users:
            missing[user.name] -= 1
            if missing[user.name] == 0:
                ready.append(user)
    if len(order) != len(units):
        stuck = sorted(name for name, count in missing.items() if count)
        raise ValueError(f"these units wait for each other: {', '.join(stuck)}")
    for unit in reversed(order):
        unit.chain = unit.seconds + max((user.chain for user in unit.users), default=0.0)
    return order


def simulate(units, cores):
    """Start and end of each unit, as {name: (start, end)}."""
    for unit in units:
        unit.missing = len(unit.needs)
    waiting = [(-unit.chain, unit.name, unit) for unit in units if not unit.needs]
    heapq.heapify(waiting)
    running = []
    times = {}
    now = 0.0
    while waiting or running:
        while waiting and len(running) < cores:
            _, name, unit = heapq.heappop(waiting)
            times[name] = (now, now + unit.seconds)
            heapq.heappush(running, (now + unit.seconds, name, unit))
        now, _, done = heapq.heappop(running)
        for user in done.users:
            user.missing -= 1
            if user.missing == 0:
                heapq.heappush(waiting, (-user.chain, user.name, user))
    return times


def forecast(units, cores):
    times = simulate(units, cores)
    return max((end for _, end in times.values()), default=0.0)


def load(stream):
    """Read [{"name": ..., "seconds": ..., "needs": [...]}, ...]."""
    return [Unit(entry["name"], entry["seconds"], entry.get("needs", [])) for entry in json.load(stream)]


def draw(times, width=60):
    """A bar for each unit, in the order in which they start."""
    total = max(end for _, end in times.values()) or 1.0
    for name, (start, end) in sorted(times.items(), key=lambda item: item[1]):
        left = round(start / total * width)
        right = max(round(end / total * width), left + 1)
        print(f"{name:>16} |{' ' * left}{'#' * (right - left)}")


def main():
    units = load(sys.stdin)
    link(units)
    work = sum(unit.seconds for unit in units)
    chain = max((unit.chain for unit in units), default=0.0)
    print(f"work {work:.1f} s, longest chain {chain:.1f} s")
    for cores in (1, 2, 4, 8, 16):
        wall = forecast(units, cores)
        busy = work / (wall * cores) if wall else 0.0
        print(f"{cores:>3} cores: {wall:8.1f} s, {busy:4.0%} busy")
    if units:
        draw(simulate(units, 4))


if __name__ == "__main__":
    main()
