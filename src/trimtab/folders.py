"""Where trimtab keeps its own files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Folders:
    """The store, with the kept binaries beside it, and what can be made again."""

    store: Path
    cache: Path

    @property
    def kept(self) -> tuple[Path, ...]:
        """The files and folders that belong to the store, wherever the user put it."""
        return tuple(self.store.with_name(self.store.name + end) for end in ("", "-wal", "-shm", ".artifacts"))


def default_folders(store: str | Path | None = None) -> Folders:
    """The user's data and cache folders, or a store of one's own with the same cache."""
    import platformdirs

    data = Path(platformdirs.user_data_dir("trimtab", appauthor=False))
    cache = Path(platformdirs.user_cache_dir("trimtab", appauthor=False))
    return Folders(store=Path(store).absolute() if store else data / "trimtab.db", cache=cache)
