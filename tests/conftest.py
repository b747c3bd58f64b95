"""Settings of the whole suite: the same examples on every run, and no limit on their time."""

from hypothesis import settings

settings.register_profile("minigan", derandomize=True, deadline=None, max_examples=20, print_blob=False)
settings.load_profile("minigan")
