"""What compiling needs and only the network or this machine knows. Nothing here needs the Docker SDK."""
