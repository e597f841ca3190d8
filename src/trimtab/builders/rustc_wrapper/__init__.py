"""Standing between Cargo and rustc: what each call costs, and which need not be made again."""
