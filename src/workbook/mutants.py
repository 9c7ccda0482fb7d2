"""Small wrong changes of a solution: a check that misses one of them misses a real mistake."""

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass

DROPPED_CALLS = {
    *("where", "filter", "dropDuplicates", "distinct", "withColumn", "withColumns", "orderBy", "sort", "limit", "drop"),
    *("option", "options", "fillna", "dropna", "cast", "alias", "partitionBy", "otherwise", "mode", "union", "unionByName"),
}
SWAPPED_NAMES = {
    **{"desc": "asc", "asc": "desc", "sum": "max", "max": "sum", "min": "max", "row_number": "rank", "rank": "row_number"},
    **{"count": "countDistinct", "countDistinct": "count", "first": "last", "last": "first", "any": "all", "all": "any"},
    **{"lower": "upper", "upper": "lower", "startswith": "endswith", "lead": "lag", "lag": "lead"},
}
SWAPPED_TEXTS = {"left": "inner", "inner": "left", "append": "overwrite", "overwrite": "append", "outer": "inner"}
SWAPPED_SQL = (
    (r"\bDESC\b", "ASC"),
    (r"\bLEFT JOIN\b", "JOIN"),
    (r"\bSUM\(", "MAX("),
    (r"\bROW_NUMBER\b", "RANK"),
    (r"\s+WHERE .*?(?=\bGROUP BY\b|\bORDER BY\b|$)", " "),
    (r"WHEN MATCHED.*?(?=WHEN|$)", ""),
    (r"WHEN NOT MATCHED BY SOURCE.*?(?=WHEN|$)", ""),
    (r"WHEN NOT MATCHED (?!BY).*?(?=WHEN|$)", ""),
    (r"THEN DELETE", "THEN UPDATE SET *"),
    (r" > ", " >= "),
    (r" < ", " <= "),
    (r" >= ", " > "),
    (r" <= ", " < "),
    (r" <=> ", " = "),
)
FLIPPED = {
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq},
    **{ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is},
}
SWAPPED_OPERATORS: dict[type, type] = {ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Add: ast.Sub, ast.Sub: ast.Add}


@dataclass(frozen=True)
class Mutant:
    """One change. `name` says what was changed to what, and is unique within the solution."""

    name: str
    source: str


def mutants_of(source: str) -> list[Mutant]:
    """Every mutant of the one function in `source`, in the order of the source."""
    tree = ast.parse(source)
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef))
    found: dict[str, Mutant] = {}
    for name, changed in [*_whole(function), *_single(function)]:
        unique, number = name, 1
        while unique in found:
            number += 1
            unique = f"{name} #{number}"
        found[unique] = Mutant(unique, ast.unparse(ast.fix_missing_locations(changed)))
    return list(found.values())


def _whole(function: ast.FunctionDef) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The body replaced: nothing returned, and the first argument given back."""
    yield "return None", _with_body(function, ast.Constant(None))
    if function.args.args:
        yield "identity", _with_body(function, ast.Name(function.args.args[0].arg, ast.Load()))


def _with_body(function: ast.FunctionDef, value: ast.expr) -> ast.FunctionDef:
    changed = copy.deepcopy(function)
    changed.body = [ast.Return(value)]
    return changed


def _single(function: ast.FunctionDef) -> Iterator[tuple[str, ast.FunctionDef]]:
    """One place changed. The docstring and the annotations are left alone."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    nodes = [node for statement in body for node in ast.walk(statement)]
    for node in sorted((node for node in nodes if hasattr(node, "lineno")), key=lambda n: (n.lineno, n.col_offset)):
        for after in _changes(node):
            yield _name(node, after), _replaced(function, node, after)


def _name(node: ast.AST, after: ast.AST) -> str:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and after is node.func.value:
        arguments = ast.unparse(ast.Call(ast.Name(node.func.attr), node.args, node.keywords))
        return f"without .{arguments}"
    return f"{_short(node)} → {_short(after)}"


def _replaced(function: ast.FunctionDef, node: ast.AST, after: ast.AST) -> ast.FunctionDef:
    class Replace(ast.NodeTransformer):
        def visit(self, visited: ast.AST) -> ast.AST:
            return after if visited is node else self.generic_visit(visited)

    everything_but_the_node = copy.deepcopy(function, {id(node): node})
    result = Replace().visit(everything_but_the_node)
    assert isinstance(result, ast.FunctionDef)
    return result


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 60 else f"{text[:40]} … {text[-17:]}"


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Call):
        yield from _changed_call(node)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in FLIPPED:
        yield ast.Compare(node.left, [FLIPPED[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.BinOp) and type(node.op) in SWAPPED_OPERATORS:
        yield ast.BinOp(node.left, SWAPPED_OPERATORS[type(node.op)](), node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Invert, ast.Not)):
        yield node.operand
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, (ast.List, ast.Tuple)) and len(node.elts) > 1 and isinstance(node.ctx, ast.Load):
        yield type(node)(node.elts[:-1], ast.Load())
    elif isinstance(node, ast.Dict) and len(node.keys) > 1:
        yield ast.Dict(node.keys[:-1], node.values[:-1])
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.Constant):
        yield from _changed_constant(node)


def _changed_call(node: ast.Call) -> Iterator[ast.AST]:
    function = node.func
    if isinstance(function, ast.Attribute):
        if function.attr in DROPPED_CALLS and not _is_module(function.value):
            yield function.value
        if function.attr in SWAPPED_NAMES:
            swapped = ast.Attribute(function.value, SWAPPED_NAMES[function.attr], ast.Load())
            yield ast.Call(swapped, node.args, node.keywords)
    elif isinstance(function, ast.Name) and function.id in SWAPPED_NAMES:
        yield ast.Call(ast.Name(SWAPPED_NAMES[function.id], ast.Load()), node.args, node.keywords)
    if len(node.args) > 1 and all(isinstance(item, ast.Constant) for item in node.args):
        yield ast.Call(function, node.args[:-1], node.keywords)


def _is_module(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in ("F", "Window", "T")


def _changed_constant(node: ast.Constant) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, (int, float)):
        yield ast.Constant(value + 1)
    elif isinstance(value, str) and value in SWAPPED_TEXTS:
        yield ast.Constant(SWAPPED_TEXTS[value])
    elif isinstance(value, str):
        for pattern, replacement in SWAPPED_SQL:
            changed = re.sub(pattern, replacement, value, count=1, flags=re.DOTALL)
            if changed != value:
                yield ast.Constant(changed)
