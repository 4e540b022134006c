"""What happens when a module is imported: nothing, but constants and definitions.

A constant may be computed: by a class, by what is known to be pure, or by a function of the same
module that itself calls only such.
"""

import ast
from collections.abc import Iterator

from tests.architecture.reading import Module, dotted

# Pure, and cheap enough for the start.
_BUILDERS = """
    bytes chr dict dict.fromkeys enumerate filter float frozenset getattr int len list map max min
    object ord range reversed set sorted str str.maketrans sum tuple type zip
    attrgetter functools.partial itemgetter itertools.chain itertools.count itertools.product
    methodcaller msgspec.field operator.attrgetter operator.itemgetter os.path.abspath
    os.path.dirname os.path.join partial re.compile re.escape
"""
_CHANGERS = """
    add append clear discard extend insert pop popitem remove reverse setdefault sort update
"""
BUILDERS = frozenset(_BUILDERS.split())
CHANGERS = frozenset(_CHANGERS.split())
CACHES = frozenset({"cache", "lru_cache", "functools.cache", "functools.lru_cache"})


def breaches(module: Module) -> Iterator[str]:
    """What a module does at import or keeps between calls."""
    reader = _Reader(module)
    yield from reader.statements(module.tree.body)
    names = set(_assigned(module.tree.body))
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _kept(module, node, names)


class _Reader:
    """The statements of one module that run when it is imported."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._builders = {
            node.name: node for node in module.tree.body if isinstance(node, ast.FunctionDef)
        }
        self._asked: set[str] = set()

    def statements(self, body: list[ast.stmt]) -> Iterator[str]:
        for node in body:
            match node:
                case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Expr(ast.Constant()):
                    pass
                case ast.Assign() | ast.AnnAssign():
                    yield from self._calls(node.value)
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    yield from self._definition(node)
                case ast.ClassDef():
                    yield from self.statements(node.body)
                case ast.If() if ast.unparse(node.test) == "__name__ == '__main__'":
                    pass
                case _:
                    yield f"{self._module.at(node)}: runs at import"

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
        for decorator in node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if dotted(called) in CACHES:
                yield f"{self._module.at(node)}: {node.name} keeps its results: module state"
        for default in (*node.args.defaults, *node.args.kw_defaults):
            yield from self._calls(default)

    def _calls(self, value: ast.AST | None) -> Iterator[str]:
        if value is not None:
            for call in self._impure([value], set(_bound(value))):
                yield f"{self._module.at(call)}: {ast.unparse(call.func)}() runs at import"

    def _impure(self, waiting: list[ast.AST], local: set[str]) -> Iterator[ast.Call]:
        """Calls that are not pure. The body of a function defined on the way runs later."""
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Call) and not self._pure(node.func, local):
                yield node
            if not isinstance(node, ast.Lambda | ast.FunctionDef):
                waiting.extend(ast.iter_child_nodes(node))

    def _pure(self, func: ast.expr, local: set[str]) -> bool:
        name = dotted(func)
        first, *rest = name.split(".")
        if not name or (first in local and rest):
            # A method of a literal, of another call's answer, of a local name.
            return True
        if name in self._builders:
            return self._builds(name)
        constant = first.lstrip("_").isupper() and bool(rest)
        return constant or name in BUILDERS or name.split(".")[-1].lstrip("_")[:1].isupper()

    def _builds(self, name: str) -> bool:
        """Whether a function of the module only calls what is pure; itself it may call."""
        if name in self._asked:
            return True
        self._asked.add(name)
        function = self._builders[name]
        return not any(self._impure([*function.body], set(_bound(function))))


def _kept(module: Module, function: ast.AST, names: set[str]) -> Iterator[str]:
    local = set(_bound(function))
    for node in ast.walk(function):
        target: ast.expr | None = None
        if isinstance(node, ast.Global):
            yield f"{module.at(node)}: global {', '.join(node.names)}: module state"
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            target = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            target = node.func.value if node.func.attr in CHANGERS else None
        if isinstance(target, ast.Name) and target.id in names - local:
            yield f"{module.at(node)}: changes {target.id}: module state"


def _assigned(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def _bound(function: ast.AST) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
