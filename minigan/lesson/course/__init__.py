"""Where the lessons' files lie in an installed package.

In the repository they are in `lessons/`, and nowhere else: `setup.cfg` says that they are this package's.
`minigan lesson init` copies them to a folder of the learner's own.
"""
