"""Experiments: from a request to stored trials; what several commands stand on."""
