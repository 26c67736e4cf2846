"""The files a pipeline names: where they are, which of them a build sees, and what is in them."""
