"""Cache-key context: all that the keys of one project's calls have in common."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trimtab.model.profile import Lto, Strip


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyContext:
    """Inputs that the keys of all calls of a project have in common."""

    toolchain: str
    """Digest of the compiler, its libraries and the linker."""
    sources: str
    """Digest of the user's tree."""
    tree: Mapping[Path, tuple[int, int]]
    """Files of the user's tree → bytes and modification time in nanoseconds."""
    compilers: Collection[str]
    """Names by which Cargo may call that compiler."""
    strips: tuple[Strip, ...] = ()
    """The values of ``strip`` that are wanted, if there are several."""
    embeds: Lto | None = None
    """The ``lto`` whose libraries serve thin and fat too, in embed mode: off or local; ``None`` for no embed mode."""
    since: float = field(default_factory=time.time)
    """Time of the digests, in seconds since 1970: files that changed later do not match them."""
    sweep: str = ""
    """Identity of the sweep. A unit that expands a macro of the user's tree is shared within one only: such a macro may
    read files and variables that it tells nobody of."""
    fresh: bool = False
    """Whether no unit of an earlier sweep is taken."""
