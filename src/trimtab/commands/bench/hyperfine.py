"""Runs in hyperfine's own export format."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

import msgspec

from trimtab.commands.bench.json import encodable
from trimtab.model.comparison import Runs


def hyperfine_json(runs: Mapping[str, Runs]) -> str:
    """All runs as hyperfine's ``--export-json`` writes them, so that its scripts read them. Source: hyperfine 1.19."""
    results = [_hyperfine_result(name, one) for name, one in runs.items() if one.samples]
    return msgspec.json.format(msgspec.json.encode(encodable({"results": results})), indent=2).decode()


def _hyperfine_result(name: str, runs: Runs) -> dict[str, Any]:
    walls = [sample.wall for sample in runs.samples]
    return {
        "command": name,
        "mean": statistics.fmean(walls),
        "stddev": statistics.stdev(walls) if len(walls) > 1 else None,
        "median": statistics.median(walls),
        "user": statistics.fmean(sample.user for sample in runs.samples),
        "system": statistics.fmean(sample.system for sample in runs.samples),
        "min": min(walls),
        "max": max(walls),
        "times": walls,
        "memory_usage_byte": [sample.memory or 0 for sample in runs.samples],  # 0: unknown, as in hyperfine
        "exit_codes": [sample.exit_code for sample in runs.samples],
    }
