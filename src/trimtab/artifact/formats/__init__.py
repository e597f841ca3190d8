"""Binary formats: each reader says what a file's bytes are."""
