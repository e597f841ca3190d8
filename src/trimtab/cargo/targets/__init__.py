"""The targets that a project releases for, read from what it says about itself."""
