"""What a piece of code imports, and what that imports, to the end: read from the text, so nothing is run."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

FOLDERS = ("src", "tests", ".")  # where Python looks for modules here: the package itself, and pytest's `pythonpath`
PACKAGES = ("workbook", "lakehouse")
Import = tuple[str, str]
"""A module, and a name that is taken from it, which may be a module itself."""


def closure(root: Path, codes: Iterable[str]) -> set[Path]:
    """All files of the repository at `root` that these pieces of Python import, directly or not.

    With each module of a package come the package's own files that are no Python, such as a template or a schema.
    """
    wanted = {one for code in codes for one in imports(code)}
    found = {path for one in wanted for path in _reached(root, one)}
    return found | {data for path in found if path.is_relative_to(root / "src") for data in _data(path.parent)}


@cache
def _reached(root: Path, first: Import) -> frozenset[Path]:
    """The files that one import leads to."""
    found: set[Path] = set()
    seen: set[Import] = set()
    waiting = {first}
    while waiting:
        seen |= waiting
        files = {path for wanted in waiting for path in _files(root, *wanted)} - found
        found |= files
        further = {wanted for path in files for wanted in imports(path.read_text(encoding="utf-8"))}
        waiting = (further | {lazy for wanted in waiting for lazy in _lazily(root, *wanted)}) - seen
    return frozenset(found)


def forget() -> None:
    """Look at the files anew: what was read so far may have changed."""
    for read in (_reached, _files, _lazily, _data):
        read.cache_clear()


def modules(root: Path, files: Iterable[Path]) -> set[str]:
    """The names of those files that are modules of the packages in `src`."""
    inside = (
        path.relative_to(root / "src") for path in files if path.suffix == ".py" and (root / "src") in path.parents
    )
    return {".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in inside}


@cache
def imports(code: str) -> frozenset[Import]:
    """What the code imports anywhere, but for what only a type checker sees, and for a module's `__getattr__`.

    A module of the packages that is named in a text counts too: it is imported by its name, or run by another Python.
    """
    tree = ast.parse(code)
    return frozenset(_imported(node for node in tree.body if not _is_lazy(node)))


def _imported(nodes: Iterable[ast.AST]) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Constant) and str(node.value).startswith(tuple(f"{name}." for name in PACKAGES)):
            yield str(node.value), ""
        yield from _imported(ast.iter_child_nodes(node))


def _is_lazy(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "__getattr__"


@cache
def _files(root: Path, module: str, name: str) -> frozenset[Path]:
    """The files that are run when `name` is imported from `module`: the packages around it, too."""
    parts = [*module.split("."), *([name] if name else [])]
    around = (_file(root, parts[:end]) for end in range(1, len(parts) + 1))
    return frozenset(path for path in around if path)


def _file(root: Path, parts: list[str]) -> Path | None:
    for folder in FOLDERS:
        place = root.joinpath(folder, *parts)
        for path in (place / "__init__.py", place.with_suffix(".py")):
            if path.is_file():
                return path
    return None


@cache
def _lazily(root: Path, module: str, name: str) -> frozenset[Import]:
    """What a package imports only when it is asked for a name that is none of its modules."""
    path = _file(root, module.split("."))
    if path is None or not name or _file(root, [*module.split("."), name]):
        return frozenset()
    functions = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if _is_lazy(node)]
    return frozenset(_imported(functions))


@cache
def _data(folder: Path) -> frozenset[Path]:
    """The files of a package that are no modules, also in its folders that are no packages."""
    return frozenset(_unimported(folder))


def _unimported(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir() and path.name != "__pycache__" and not (path / "__init__.py").is_file():
            yield from (inner for inner in path.rglob("*") if inner.is_file())
        elif path.is_file() and path.suffix != ".py":
            yield path
