"""Builds the images of a plan: what is missing, parents first, independent ones at once, equal ones once."""

from imgc_engine.build.command import Flags
from imgc_engine.build.graph import Builds
from imgc_engine.build.make import make, push
from imgc_engine.build.work import Outcome

__all__ = ["Builds", "Flags", "Outcome", "make", "push"]
