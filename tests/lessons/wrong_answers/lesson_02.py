WRONG_ANSWERS = {
    "warm-up": [
        ("1 / b, -a / b**2", "b, a", "the numerator moves y by 0.5 times"),
        ("-a / b**2", "a / b**2", "the denominator moves y by -1.5 times"),
        ("-a / b**2", "-a / b", "∂y/∂b is -1.5, yours is -3"),
        ("-a / b**2", "-1 / b**2", "∂y/∂b is -1.5, yours is -0.25"),
        ("1 / b, -a / b**2", "-a / b**2, 1 / b", "∂y/∂a is 0.5, yours is -1.5"),
        ("1 / b, -a / b**2", "1 / b - a / b**2", "return two numbers, not -1.0"),
    ],
    "exercise": [
        ("cotangents.get(parent, 0.0) + ", "", "ds should be 20, yours is"),
        ("reverse=True", "reverse=False", "your code fails: KeyError"),
        ("return cotangents", "return cotangents[y]", "return a dictionary of nodes and cotangents, not float"),
        ("* local", "", "in the diamond, da should be 4"),
        ("{y: 1.0}", "{y: 2.0}", "in the diamond, dy should be 1"),
        (
            "            if parent not in seen:\n"
            "                seen.add(parent)\n                to_do.append(parent)",
            "            seen.add(parent)\n            to_do.append(parent)",
            "visits one node again and again",
        ),
    ],
    "stretch": [
        (
            "key=lambda node: node.serial):\n        steps",
            "key=lambda node: -node.serial):\n        steps",
            "your code fails: KeyError",
        ),
        ("1.0 if node is x", "1.0 if not node.parents", "a tangent should be 6, yours is 16"),
        ("local * tangents[parent]", "tangents[parent]", "along a step, multiply"),
        (
            "sum(local * tangents[parent] for parent, local in steps)",
            "max([local * tangents[parent] for parent, local in steps], default=0)",
            "where two parents change, both count: add",
        ),
        ("1.0 if node is x else ", "1.0 if node is y else ", "in the diamond, with x = 2, a tangent should be"),
        (
            "    seen, to_do = {y}, [y]",
            "    if y is x:\n        return 1.0\n"
            "    return sum(l * tangent(p, x) for p, l in zip(y.parents, y.local))\n    seen, to_do = {y}, [y]",
            "visits one node again and again",
        ),
    ],
}
