"""Python projects with Rust inside: what their files say, their build backends, environments to install wheels in."""
