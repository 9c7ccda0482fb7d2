"""Small wrong changes of a solution: a check that misses one of them misses a real mistake."""

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeGuard

DROPPED_CALLS = {
    *("where", "filter", "dropDuplicates", "distinct", "withColumn", "withColumns", "orderBy", "sort", "limit", "drop"),
    *("option", "options", "fillna", "dropna", "cast", "alias", "partitionBy", "otherwise", "mode"),
    *("union", "unionByName"),
}
KEYED_CALLS = {"groupBy", "partitionBy", "orderBy", "sort"}
SWAPPED_NAMES = {
    "desc": "asc",
    "asc": "desc",
    "sum": "max",
    "max": "sum",
    "min": "max",
    "row_number": "rank",
    "rank": "row_number",
    "count": "countDistinct",
    "countDistinct": "count",
    "first": "last",
    "last": "first",
    "any": "all",
    "all": "any",
    "lower": "upper",
    "upper": "lower",
    "startswith": "endswith",
    "lead": "lag",
    "lag": "lead",
}
SWAPPED_TEXTS = {"left": "inner", "inner": "left", "append": "overwrite", "overwrite": "append", "outer": "inner"}
CLAUSE_END = r"(?=\bWHEN (?:NOT )?MATCHED\b|;|\Z)"
CHANGED_SQL: tuple[tuple[str, str], ...] = (
    (r"\bDESC\b", "ASC"),
    (r"\bASC\b", "DESC"),
    (r"\bLEFT JOIN\b", "JOIN"),
    (r"\bINNER JOIN\b", "LEFT JOIN"),
    (r"\bSUM\(", "MAX("),
    (r"\bMAX\(", "SUM("),
    (r"\bROW_NUMBER\(", "RANK("),
    (r"\bRANK\(", "ROW_NUMBER("),
    (r"\bINSERT INTO\b", "INSERT OVERWRITE"),
    (r"\bINSERT OVERWRITE\b", "INSERT INTO"),
    (r"\bDISTINCT ", ""),
    (r"\s+WHERE .*?(?=\bGROUP BY\b|\bORDER BY\b|\Z)", " "),
    (r"(?<= BY )([\w.]+), [\w.]+", r"\1"),
    (r"\s+AND \S+ (?:=|<=>) \S+", ""),
    (rf"\bWHEN MATCHED\b.*?{CLAUSE_END}", ""),
    (rf"\bWHEN NOT MATCHED BY SOURCE\b.*?{CLAUSE_END}", ""),
    (rf"\bWHEN NOT MATCHED (?!BY SOURCE).*?{CLAUSE_END}", ""),
    (r"\bTHEN DELETE\b", "THEN UPDATE SET *"),
    (rf"\bTHEN UPDATE SET .*?{CLAUSE_END}", "THEN DELETE "),
    (r" > ", " >= "),
    (r" < ", " <= "),
    (r" >= ", " > "),
    (r" <= ", " < "),
    (r" <=> ", " = "),
)
FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
SWAPPED_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}


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
    nodes = [node for statement in body for node in _parts(statement) if isinstance(node, (ast.expr, ast.keyword))]
    in_texts = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in sorted(nodes, key=lambda node: (node.lineno, node.col_offset)):
        if isinstance(node, ast.Constant) and id(node) in in_texts:
            continue  # part of an f-string, which is changed as a whole
        for name, after in _changes(node):
            yield name, _replaced(function, node, after)


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """The node and all that is in it, without annotations."""
    yield node
    for name, value in ast.iter_fields(node):
        for part in (value if isinstance(value, list) else [value]) if name not in ("annotation", "returns") else ():
            if isinstance(part, ast.AST):
                yield from _parts(part)


def _replaced(function: ast.FunctionDef, node: ast.AST, after: ast.AST) -> ast.FunctionDef:
    class Replace(ast.NodeTransformer):
        def visit(self, visited: ast.AST) -> ast.AST:
            return after if visited is node else self.generic_visit(visited)

    everything_but_the_node = copy.deepcopy(function, {id(node): node})
    result = Replace().visit(everything_but_the_node)
    assert isinstance(result, ast.FunctionDef)
    return result


def _short(node: ast.AST | str) -> str:
    text = " ".join((node if isinstance(node, str) else ast.unparse(node)).split())
    return text if len(text) <= 60 else f"{text[:40]} … {text[-17:]}"


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """The name of each change of `node`, and what stands there afterwards."""
    if isinstance(node, (ast.Constant, ast.JoinedStr)):
        yield from _changed_sql(node)
    if isinstance(node, ast.Call) and _can_be_dropped(node.func):
        arguments = ast.unparse(ast.Call(ast.Name(node.func.attr), node.args, node.keywords))
        yield f"without .{arguments}", node.func.value
    for after in _swaps(node):
        yield f"{_short(node)} → {_short(after)}", after


def _can_be_dropped(function: ast.expr) -> TypeGuard[ast.Attribute]:
    """Whether `frame.where` and the like; a function of a module such as `F` has nothing in front to leave."""
    return (
        isinstance(function, ast.Attribute)
        and function.attr in DROPPED_CALLS
        and not (isinstance(function.value, ast.Name) and function.value.id in ("F", "Window", "T"))
    )


def _swaps(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Call):
        yield from _swapped_call(node)
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
        yield from _swapped_constant(node.value)


def _swapped_call(node: ast.Call) -> Iterator[ast.AST]:
    """Another function by the same arguments, and the same function with one key less."""
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in SWAPPED_NAMES:
        other: ast.expr = ast.Name(SWAPPED_NAMES[name], ast.Load())
        if isinstance(function, ast.Attribute):
            other = ast.Attribute(function.value, SWAPPED_NAMES[name], ast.Load())
        yield ast.Call(other, node.args, node.keywords)
    literal = all(isinstance(argument, ast.Constant) for argument in node.args)
    if len(node.args) > 1 and (literal or name in KEYED_CALLS):
        yield ast.Call(function, node.args[:-1], node.keywords)


def _swapped_constant(value: object) -> Iterator[ast.Constant]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, (int, float)):
        yield ast.Constant(value + 1)
    elif isinstance(value, str) and value in SWAPPED_TEXTS:
        yield ast.Constant(SWAPPED_TEXTS[value])


def _changed_sql(node: ast.Constant | ast.JoinedStr) -> Iterator[tuple[str, ast.expr]]:
    """Each place of a text that reads like SQL; the name quotes only the place."""
    text, filled = _template(node)
    for pattern, replacement in CHANGED_SQL:
        for found in re.finditer(pattern, text, flags=re.DOTALL):
            after = found.expand(replacement)
            name = f"{_readable(found.group(), filled)} → {_readable(after, filled) or 'nothing'}"
            yield name, _text_node(text[: found.start()] + after + text[found.end() :], filled)


# Stand for what an f-string fills in, so that a pattern can reach over it: letters of no SQL.
FIRST_MARK = 0xE000


def _template(node: ast.Constant | ast.JoinedStr) -> tuple[str, list[ast.FormattedValue]]:
    """The text with one private character for each `{…}`, and what these are."""
    if isinstance(node, ast.Constant):
        return (node.value if isinstance(node.value, str) else ""), []
    text = ""
    filled: list[ast.FormattedValue] = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            text += chr(FIRST_MARK + len(filled))
            filled.append(part)
        elif isinstance(part, ast.Constant):
            text += str(part.value)
    return text, filled


def _text_node(text: str, filled: list[ast.FormattedValue]) -> ast.expr:
    if not filled:
        return ast.Constant(text)
    parts = [part for part in re.split(f"([{chr(FIRST_MARK)}-{chr(FIRST_MARK + len(filled))}])", text) if part]
    return ast.JoinedStr(
        [filled[at] if 0 <= (at := ord(part[0]) - FIRST_MARK) < len(filled) else ast.Constant(part) for part in parts]
    )


def _readable(text: str, filled: list[ast.FormattedValue]) -> str:
    for number, part in enumerate(filled):
        text = text.replace(chr(FIRST_MARK + number), "{" + ast.unparse(part.value) + "}")
    return _short(text)
