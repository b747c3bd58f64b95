"""What code and files of people who train GANs met, one test a case, named by its number.

Each case is a thing that went wrong for somebody, in this project or in another (its report is named in the test). A
test stands for a kind: where a new place of the same kind is found, it belongs here too.
"""
