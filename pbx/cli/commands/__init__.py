"""Console commands by area."""
