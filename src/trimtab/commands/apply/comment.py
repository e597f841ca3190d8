"""The comment that `apply` puts above a setting: the numbers, when and with what they were measured, how to check."""

from __future__ import annotations

from trimtab.model.study import Study


def manifest_comment(study: Study, reasons: tuple[str, ...], date: str) -> tuple[str, ...]:
    """Lines without their ``# ``; the first begins with ``trimtab``."""
    check = (f"  check again: {study.command}",) if study.command else ()
    return (
        f"trimtab {date}, {study.toolchain.rustc}, {study.toolchain.host}, {study.machine.cpu}:",
        *(f"  {reason}" for reason in reasons),
        *check,
    )
