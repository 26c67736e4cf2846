"""Nothing imports this."""
