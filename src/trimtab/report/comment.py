"""Room in a comment on GitHub: the longest draft of a report that fits."""

from __future__ import annotations

from collections.abc import Iterable

COMMENT_ROOM = 65_536
"""Characters of a comment on GitHub, counted as it counts them: in units of UTF-16."""

_CUT = "\n\n… the rest is in `--json`.\n"


def fitting(drafts: Iterable[str], room: int = COMMENT_ROOM) -> str:
    """The first draft that has room in a comment; where none has, the last one, cut at the end.

    Args:
        drafts: the same report at less and less length, at least one.
        room: units of UTF-16 that it may have, more than the line that tells of the cut.
    """
    text = ""
    for text in drafts:
        if len(_utf16(text)) <= 2 * room:
            return text
    return _utf16(text)[: 2 * (room - len(_CUT))].decode("utf-16-le", "ignore") + _CUT


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")
