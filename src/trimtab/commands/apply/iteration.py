"""The profile that people iterate with, so that the shipped one may take long to build."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.cargo.profiles.edit import edit_profile
from trimtab.cargo.profiles.inheritance import Changes

NEW_ITERATION_PROFILE = "profiling"
"""Name of the profile that is made where a project has none."""
_WORDS = ("profil", "bench", "perf", "fast", "quick", "iter")
"""Parts of names that such profiles have in practice, the likeliest first."""


def iteration_profile(profiles: Mapping[str, object]) -> str | None:
    """The profile of a project that people iterate with, by its name; ``None`` where none looks like it.

    Args:
        profiles: the ``[profile]`` table of the manifest.
    """
    return next((name for part in _WORDS for name in profiles if part in name.lower()), None)


def new_iteration_profile(shipped: str) -> Changes:
    """A new profile that is the shipped one with line tables and without stripping, by its name.

    Args:
        shipped: name of the profile that it inherits from.
    """
    return {NEW_ITERATION_PROFILE: {"inherits": shipped, "debug": "line-tables-only", "strip": False}}


def with_iteration_profile(manifest: str, shipped: str) -> str:
    """The manifest with such a new profile.

    Args:
        manifest: text of the root ``Cargo.toml``.
        shipped: name of the profile that it inherits from.
    """
    return edit_profile(
        manifest,
        name=NEW_ITERATION_PROFILE,
        changes=new_iteration_profile(shipped),
        comment=(f"trimtab: to iterate with, since `{shipped}` takes long to build after an edit",),
    )
