"""Real and home-made counterparts that tests speak to over a wire."""
