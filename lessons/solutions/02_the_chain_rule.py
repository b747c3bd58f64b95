"""Lesson 2, solved."""


def backward(y):
    """All nodes before y, then from the youngest to the oldest: multiply along a step, add where paths meet."""
    seen, to_do = {y}, [y]
    while to_do:
        for parent in to_do.pop().parents:
            if parent not in seen:
                seen.add(parent)
                to_do.append(parent)
    cotangents = {y: 1.0}
    for node in sorted(seen, key=lambda node: node.serial, reverse=True):
        for parent, local in zip(node.parents, node.local, strict=True):
            cotangents[parent] = cotangents.get(parent, 0.0) + cotangents[node] * local
    return cotangents


def quotient_slopes(a, b):
    """y = a · b⁻¹."""
    return 1 / b, -a / b**2


def tangent(y, x):
    """From the oldest node to the youngest: the parents' tangents, each times the local derivative, added."""
    seen, to_do = {y}, [y]
    while to_do:
        for parent in to_do.pop().parents:
            if parent not in seen:
                seen.add(parent)
                to_do.append(parent)
    tangents = {}
    for node in sorted(seen, key=lambda node: node.serial):
        steps = zip(node.parents, node.local, strict=True)
        tangents[node] = 1.0 if node is x else sum(local * tangents[parent] for parent, local in steps)
    return tangents[y]
