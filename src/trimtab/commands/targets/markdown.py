"""Release targets as Markdown, for a pull request."""

from __future__ import annotations

from trimtab.commands.targets.model import TargetsReport
from trimtab.commands.targets.wording import HEADINGS, effects, possible, rows, subtitle, wrote
from trimtab.report.escaping import escaped


def targets_markdown(report: TargetsReport) -> str:
    """For a pull request."""
    lines = [f"**{escaped(report.headline)}**", "", f"| {' | '.join(HEADINGS)} |"]
    lines.append("|---|---|---|---|---:|---:|---|---|")
    for result in report.results:
        lines += [f"| {' | '.join(map(escaped, cells))} |" for cells in rows(result)]
    lines.append("")
    for proposal in report.proposals:
        lines += ["```toml", *proposal.manifest, "```", ""]
        lines += [f"- {escaped(line)}" for line in proposal.workflow]
    known = (known for result in report.results for known in result.hints)
    lines += [f"- {escaped(line)}" for line in possible(report)]
    lines += [f"- known: {escaped(f'{issue.says}; {issue.remedy} ({issue.source})')}" for issue in known]
    lines += [f"- {escaped(line)}" for line in (*effects(report), *wrote(report), *report.notes, subtitle(report))]
    if report.command:
        lines.append(f"- to repeat: {escaped(report.command)}")
    return "\n".join(lines) + "\n"
