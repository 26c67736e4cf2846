"""Not finished."""
