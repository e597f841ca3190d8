"""Archives, opened without trusting them."""
