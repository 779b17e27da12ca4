"""What a config will cost: requests, tokens, GPU-hours and disk."""
