"""What the evidence says."""
