"""py.typed's promise: what type checkers are told of Tensor is what Tensor has."""

from __future__ import annotations

import ast
import inspect

import minigan as mg


def test_every_declared_operator_and_method_is_there_and_none_is_left_out():
    tree = ast.parse(inspect.getsource(mg.Tensor))
    (block,) = (node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
    declared = {node.name for node in block.body if isinstance(node, ast.FunctionDef)}
    declared |= {node.target.id for node in block.body if isinstance(node, ast.AnnAssign)}
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef)).body
    written = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    installed = {name for name in vars(mg.Tensor) if inspect.isfunction(vars(mg.Tensor)[name])} | {"T"}
    assert declared == installed - written


def test_operators_have_names_and_help():
    assert mg.Tensor.__add__.__name__ == "__add__" and mg.Tensor.__rsub__.__doc__
