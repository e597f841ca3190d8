"""The rustc wrapper: traces each rustc call of a build, and takes results from a unit cache."""
