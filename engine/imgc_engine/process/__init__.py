"""`imgc run --engine process`: steps as processes of this machine, in virtual environments instead of images.

For people without Docker. What a process cannot have is said (`support`); nothing here needs the Docker SDK.
"""
