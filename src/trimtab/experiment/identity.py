"""Identities of trials and studies: equal digests stand for equal results."""

from __future__ import annotations

import hashlib
import json

from trimtab.model.profile import Profile


def trial_identity(basis: str, profile: Profile) -> str:
    """The id of a profile's trial: equal whenever a rebuild would give the same, and so known before it is built."""
    return digest(basis, profile.spelled())


def digest(*parts: object) -> str:
    """Twelve hexadecimal digits that stand for some JSON-like values."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
