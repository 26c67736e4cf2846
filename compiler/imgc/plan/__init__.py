"""plan.json and the other outputs of a compile."""
