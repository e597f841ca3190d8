"""Identities: digests that are equal whenever two builds, runs or studies are the same.

A *build identity* holds everything that the bytes of a program depend on, and neither the place of the checkout nor the
machine: two checkouts, and two machines with one toolchain, share it. A *run identity* adds what times depend on: the
bench with its inputs and environment, and the class of the machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from trimtab.model.machine import Toolchain
from trimtab.model.plan import Selection
from trimtab.model.profile import Profile

_BYTES = 10
"""80 bits: among a million studies, two share an identity with a probability below 1e-12 (birthday bound)."""


def digest(*parts: object) -> str:
    """Digest JSON-like values as 20 hexadecimal digits."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=_BYTES).hexdigest()


def build_basis(
    *,
    sources: str,
    toolchain: Toolchain,
    target: str,
    selection: Selection,
    binaries: Sequence[tuple[str, str]],
    outside: Sequence[str] = (),
    backend: Sequence[str] = (),
) -> str:
    """Digest what all builds of a study have in common.

    Args:
        sources: digest of the sources, the lock file and the settings outside the tree that Cargo uses.
        toolchain: the compiler, Cargo and the linker.
        target: target triple.
        selection: features and the profile that ships.
        binaries: package and name of each binary.
        outside: folders of path packages outside the workspace: Cargo makes their place part of symbol hashes.
        backend: Python and the packages that build the wheel, each as ``NAME==VERSION``.
    """
    return digest(
        {
            "sources": sources,
            "toolchain": [toolchain.rustc, toolchain.cargo, toolchain.host, toolchain.llvm, toolchain.linker],
            "target": target,
            "features": sorted(selection.features),
            "default features": selection.default_features,
            "profile": selection.profile,
            "wheel": selection.wheel,
            "binaries": sorted(binaries),
            "outside": sorted(outside),
            "backend": list(backend),
        }
    )


def build_identity(basis: str, profile: Profile, training: str = "") -> str:
    """Digest a build: its study's basis (see `build_basis`), the profile, and what it is trained with if it is.

    Args:
        basis: digest of what all builds of a study have in common.
        profile: the settings.
        training: digest of the training, see `experiment/held_out.py`; it counts for profiles that are trained.
    """
    return digest(basis, profile.spelled(), training) if profile.is_trained else digest(basis, profile.spelled())
