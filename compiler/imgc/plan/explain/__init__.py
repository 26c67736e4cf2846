"""Why a compiled pipeline is as it is: where each line comes from, what an edit rebuilds, what holds at a node."""
