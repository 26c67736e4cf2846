"""The reader of Python: what it says of a value is what Python says, and it says nothing it does not know."""

from __future__ import annotations

import os
import posixpath
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgc.importing.python.program import program
from imgc.importing.python.statements import Program
from imgc.importing.python.values import Call, Function, Local, Symbol, Unknown, relative
from imgc.importing.source import source
from importkit import import_text

EXAMPLES = int(os.environ.get("IMGC_EXAMPLES", "2000"))
SETTINGS = settings(max_examples=EXAMPLES // 8, deadline=None, suppress_health_check=list(HealthCheck))


def follow(text: str, folder: Path = Path()) -> Program:
    return program(source("file.py", text.encode("utf-8", "surrogatepass"), folder, folder))


def value_of(expression: str, before: str = "") -> Any:
    return follow(f"{before}\nx = {expression}\n").module.names["x"]


KNOWN = [
    "1 + 2 * 3 - 4 // 3", "7 % 3", "1 / 4", "-3", "not 0", "1 < 2 <= 2", "'a' in ['a']", "'b' not in 'abc'", "None is None", "1 if [] else 2",
    "'' or 'x'", "'a' and 0", "'a' 'b' + 'c' * 2", "f'{1:03}-{\"x\":>3}-{1.5!r}-{True}'", "'%s-%03d' % ('a', 5)", "'%(a)s' % {'a': 1}",
    "'{}-{n}'.format(1, n='x')", "', '.join(['a', 'b'])", "'a-b'.split('-')", "' a '.strip().upper()", "'aXb'.replace('X', '-')",
    "'7'.zfill(3)", "'abc'[1:]", "[1, 2, 3][-1]", "{'a': 1}['a']", "{'a': 1}.get('b', 2)", "{**{'a': 1}, 'b': 2}", "{'a': 1} | {'b': 2}", "[*[1], 2]",
    "(1, *(2, 3))", "[x * 2 for x in range(5) if x % 2]", "{k: v for k, v in zip('ab', [1, 2])}", "list(enumerate(['a'], 1))", "sorted(['b', 'a'])",
    "len('abc')", "max(1, 5, 3)", "min([4, 2])", "sum([1, 2])", "str(1) + str('x')", "int('5') + 1", "float('1.5')", "bool([])", "dict(a=1)", "dict([('a', 1)])",
    "list(reversed([1, 2]))", "list(range(1, 10, 3))", "[f'{a}{b}' for a in 'xy' for b in [1, 2]]", "sorted({'b', 'a'})", "(y := 3) + 1", "round(1.26, 1)",
    "abs(-2)", "list({'a': 1}.items())", "'a\\tb'", "'é'", "__name__",
]  # fmt: skip


@pytest.mark.parametrize("expression", KNOWN)
def test_a_value_is_what_python_says(expression: str) -> None:
    assert value_of(expression) == eval(expression, {"__name__": "__main__"})


NOT_KNOWN = [
    "open('x').read()", "os.environ['X']", "input()", "undefined", "lambda: 1", "[].pop()", "1 / 0", "{}['a']", "'a' + 1", "len(5)", "int('x')", "2 ** 100",
    "1 << 100", "'a' * 10 ** 9", "list(range(10 ** 9))", "'{0.__class__}'.format(1)", "'{0[a]}'.format({'a': 1})", "f'{1:{9999}}'", "''.__class__", "(1).real",
    "[x for x in unknown]", "b'a'", "...", "{1: 2}[[]]", "object() == 1", "str(open)", "yielding()",
]  # fmt: skip


@pytest.mark.parametrize("expression", NOT_KNOWN)
def test_what_is_not_known_is_no_value(expression: str) -> None:
    found = value_of(expression, "import os\ndef yielding():\n    yield 1")
    assert isinstance(found, (Unknown, Call, Symbol)) or expression == "..."


PROGRAMS = {
    "assigned again": ("x = 1\nx = x + 1", 2),
    "appended to": ("x = []\nx.append(1)\nx += [2]\nx.extend([3])\nx.insert(0, 0)", [0, 1, 2, 3]),
    "items set": ("x = {}\nx['a'] = 1\nx.update(b=2)", {"a": 1, "b": 2}),
    "unpacked": ("(a, b), c = (1, 2), 3\nx = [c, b, a]", [3, 2, 1]),
    "a loop": ("x = []\nfor i in range(5):\n    if i == 1:\n        continue\n    if i == 4:\n        break\n    x.append(i)\nelse:\n    x = 0", [0, 2, 3]),
    "a loop that ends": ("x = 0\nfor i in [1, 2]:\n    x = x + i\nelse:\n    x = x * 10", 30),
    "a condition": ("if 1 > 2:\n    x = 1\nelif True:\n    x = 2\nelse:\n    x = 3", 2),
    "a function": ("def f(a, b=2, *c, d=4, **e):\n    return [a, b, c, d, e]\nx = f(1, 3, 5, d=6, z=7)", [1, 3, (5,), 6, {"z": 7}]),
    "a closure": ("def f(a):\n    def g(b):\n        return a + b\n    return g(1)\nx = f(2)", 3),
    "a name of later": ("def f():\n    return A\nA = 5\nx = f()", 5),
    "an annotation": ("x: int = 5", 5),
    "try": ("try:\n    import nothing\n    x = 1\nexcept ImportError:\n    y = 2", 1),
    "with": ("with open('a') as f:\n    x = 1", 1),
    "an early return": ("def f(a):\n    if a:\n        return 1\n    return 2\nx = [f(0), f(1)]", [2, 1]),
    "await": ("async def f():\n    return 1\nasync def g():\n    return await f()\nx = g()", 1),
    "a class of settings": ("class C:\n    A = 1\n    B = A + 1\nC.A = 5\nx = [C.A, C.B]", [5, 2]),
    "deleted": ("y = 1\ndel y\nx = 2", 2),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_statements(name: str) -> None:
    text, expected = PROGRAMS[name]
    assert follow(text).module.names["x"] == expected


FORGOTTEN = {
    "under a condition": "import os\nx = 1\nif os.environ:\n    x = 2",
    "in one branch": "import os\nif os.environ:\n    x = 2\nelse:\n    x = 2",
    "appended to under a condition": "import os\nx = []\nif os.environ:\n    x.append(1)",
    "an item under a condition": "import os\nx = {}\nif os.environ:\n    x['a'] = 1",
    "while": "import os\nx = 1\nwhile os.environ:\n    x += 1",
    "a loop that goes on": "x = 0\nfor i in range(2000):\n    for j in range(2000):\n        x = i",
    "an unknown loop": "import os\nx = []\nfor i in os.environ:\n    x.append(i)",
    "a global": "x = 1\ndef f():\n    global x\n    x = 2\nf()",
    "in a handler": "try:\n    x = open('a')\nexcept OSError:\n    x = 1",
    "an early return": "import os\ndef f():\n    if os.environ:\n        return 1\n    return 2\nx = f()",
    "match": "import os\nx = 1\nmatch os.environ:\n    case 1:\n        x = 2",
    "a class": "class x(dict):\n    a = 1",
    "a decorated class": "import a\n@a.b\nclass C:\n    a = 1\nx = C.a",
    "a method": "class C:\n    def a(self):\n        return 1\nx = C.a",
    "an instance": "class C:\n    a = 1\nx = C()",
    "a class under a condition": "import os\nclass C:\n    a = 1\nif os.environ:\n    C.a = 2\nx = C.a",
    "recursion": "def f(n):\n    return f(n - 1) if n else 1\nx = f(3)",
}


@pytest.mark.parametrize("name", FORGOTTEN)
def test_what_may_have_changed_is_not_known(name: str) -> None:
    assert isinstance(follow(FORGOTTEN[name]).module.names["x"], Unknown)


PATHS = {
    "Path(__file__)": "file.py", "Path(__file__).parent": ".", "Path(__file__).resolve().parent / 'a' / 'b'": "a/b", "Path(__file__).parent.parent / 'c'": "../c",
    "Path(__file__).parents[1]": "..", "os.path.dirname(os.path.abspath(__file__))": ".", "os.path.join(os.path.dirname(__file__), 'a', '..', 'b')": "b",
    "f'{Path(__file__).parent}/d'": "d", "str(Path(__file__).with_name('e.txt'))": "e.txt", "Path('a').joinpath('b', 'c')": "a/b/c", "Path('a/b.txt').with_suffix('.md')": "a/b.md",
}  # fmt: skip


@pytest.mark.parametrize("expression", PATHS)
def test_paths_begin_from_the_file(expression: str) -> None:
    found = value_of(expression, "import os\nfrom pathlib import Path")
    path = found.path if isinstance(found, Local) else found
    assert posixpath.normpath(relative(path)) == PATHS[expression]


ATOMS = st.sampled_from(
    [
        "0",
        "1",
        "2",
        "-3",
        "1.5",
        "''",
        "'a'",
        "'bc'",
        "None",
        "True",
        "[]",
        "[1, 2]",
        "['a']",
        "('a',)",
        "{'a': 1}",
        "a",
        "b",
        "c",
    ]
)
TEMPLATES = [
    "({0} + {1})", "({0} * {1})", "({0} - {1})", "({0} % {1})", "({0} // {1})", "({0} / {1})", "[{0}, {1}]", "({0}, {1})", "{{'k': {0}}}", "({0} or {1})",
    "({0} and {1})", "(not {0})", "({0} == {1})", "({0} < {1})", "({0} in {1})", "({0} is None)", "({0} if {1} else {0})", "({0})[{1}]", "({0})[{1}:]", "f'{{{0}}}'",
    "f'{{{0}!r:>5}}'", "len({0})", "str({0})", "int({0})", "bool({0})", "list({0})", "sorted({0})", "max({0})", "sum({0})", "dict(x={0})", "tuple({0})",
    "[q for q in {0}]", "({0}).upper()", "({0}).split({1})", "({0}).join({1})", "({0}).replace({1}, 'z')", "'{{}}'.format({0})", "'%s' % {0}", "({0}).get({1}, 'd')",
    "({0}).copy()", "list(zip({0}, {1}))", "list(enumerate({0}))", "list({0}.items())", "[*{0}, {1}]", "list(reversed({0}))", "round({0})", "abs({0})", "({0}).index({1})",
    "({0}).zfill(3)", "({0}).partition({1})", "({0}).startswith({1})", "min({0}, {1})", "list(range({0}))", "float({0})", "sorted(set({0}))",
]  # fmt: skip


def is_python(text: str) -> bool:
    try:
        compile(text, "x", "eval")
    except SyntaxError:
        return False
    return True


EXPRESSIONS = st.recursive(
    ATOMS, lambda inner: st.tuples(st.sampled_from(TEMPLATES), inner, inner).map(lambda it: it[0].format(*it[1:])), max_leaves=8
).filter(is_python)  # fmt: skip


def holds_unknown(value: Any) -> bool:
    inner = (
        value if isinstance(value, (list, tuple)) else list(value.values()) if isinstance(value, dict) else []
    )
    return isinstance(value, (Unknown, Call)) or any(map(holds_unknown, inner))


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@SETTINGS
@given(EXPRESSIONS)
def test_any_value_is_what_python_says(expression: str) -> None:
    names = {"a": "text", "b": 3, "c": ["x", "y"]}
    found = value_of(expression, "a = 'text'\nb = 3\nc = ['x', 'y']")
    if holds_unknown(found):
        return
    try:
        expected = eval(expression, dict(names))
    except Exception:
        return  # the file itself would end there
    assert found == expected or repr(found) == repr(expected)
    assert type(found) is type(expected)


SYSTEM_LINES = {
    "conducto": [
        "img = co.Image({v}, copy_dir='.', reqs_py=[{v}])", "root[{v}] = co.Exec({v})", "root[{v}] = co.Exec(work, {v}, cpu={v})", "root['p'] = co.Parallel(image=img)",
        "root['p/q'] = co.Exec('x', env={{'A': {v}}}, mem={v})", "with co.Serial(name={v}) as s:\n    s['t'] = co.Exec({v})", "root['p'].on_error(co.callback.retry({v}))",
        "root[{v}] = co.Lazy({v})", "root['p'].doc = {v}", "def f(n={v}) -> co.Serial:\n    r = co.Serial(skip={v})\n    r['a'] = co.Exec(n)\n    return r", "root[{v}] = f({v})",
        "root.register_image(co.Image(name={v}, dockerfile={v}, path_map={{'a': {v}}}))", "root[{v}] = co.Exec('x', max_time={v}, docker_run_args={v}, container_reuse_context={v})",
    ],
    "zenml": [
        "d = DockerSettings(requirements={v}, apt_packages=[{v}], environment={{'a': {v}}})", "@step(settings={{'docker': d, 'resources': {{'cpu_count': {v}}}}})\ndef one(a={v}): pass",
        "@pipeline(settings={{'docker': {v}}})\ndef p(n={v}):\n    x = one({v})\n    one(x, after=[x])\n    one(n)", "p({v})", "e = DockerSettings(parent_image={v}, build_config={v}, dockerfile={v})",
        "@step(name={v})\ndef two(b): return {v}", "@pipeline\ndef q():\n    two(one())\n    two.with_options(settings={v})(2)",
    ],
    "flyte": [
        "image = flyte.Image.from_base({v}).clone(name={v}).with_pip_packages({v}, index_url={v})", "image = image.with_env_vars({{'A': {v}}}).with_commands([{v}])",
        "image = image.with_source_folder({v}, {v}).with_workdir({v}).with_apt_packages({v}, secret_mounts=[{v}])", "env = flyte.TaskEnvironment({v}, image=image, secrets=[{v}])",
        "env = flyte.TaskEnvironment('e', image={v}, resources=flyte.Resources(cpu={v}, memory={v}, gpu={v}))", "@env.task(retries={v}, timeout={v})\ndef one(n={v}): return n",
        "@env.task\nasync def main(n={v}):\n    r = await asyncio.gather(one(n), one({v}))\n    return await one(r)", "flyte.run(main, n={v})", "@env.task(short_name={v})\ndef two(): one()",
    ],
}  # fmt: skip
STARTS = {
    "conducto": "import os, conducto as co\nimg = co.Image('a:1')\nroot = co.Serial()\ndef work(a=1, b=2): pass\n",
    "zenml": "import os\nfrom zenml import pipeline, step\nfrom zenml.config import DockerSettings\n",
    "flyte": "import os, asyncio, flyte\nimage = flyte.Image.from_debian_base()\nenv = flyte.TaskEnvironment('a')\n",
}
WILD = [
    "'a'", "''", "'a/b'", "'A b'", "'ü'", "'/'", "'..'", "'${{ x }}'", "'a\\nb'", "'\\x00'", "'\\ud800'", "'$x'", "'x:1'", "'-x'", "' '", "'#'", "'a' * 300", "1", "0", "-1", "1.5", "10 ** 9",
    "True", "None", "[]", "['a']", "[['a']]", "('a', 'b')", "{'a': 'b'}", "{1: 2}", "os.environ['X']", "img", "work", "__file__", "d", "env", "float('inf')", "float('nan')",
    "1e300", "'1h'", "'2Gi'", "[None]", "{'docker': {}}", "{'docker': {'requirements': 'a'}}", "'registry.invalid/x'", "'git+https://x'", "'2 d'", "lambda: 0", "print",
]  # fmt: skip
WRAPPED = [
    "{0}",
    "{0}",
    "{0}",
    "for i in range(2):\n{1}",
    "if os.environ:\n{1}",
    "if True:\n{1}",
    "try:\n{1}\nexcept Exception:\n    pass",
    "def g():\n{1}\ng()",
]


@pytest.mark.parametrize("system", SYSTEM_LINES)
@settings(max_examples=EXAMPLES // 40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_program_is_imported(system: str, data: st.DataObject, tmp_path: Path) -> None:
    lines = []
    for _ in range(data.draw(st.integers(1, 6))):
        line = data.draw(st.sampled_from(SYSTEM_LINES[system]))
        line = line.replace("{{", "{").replace("}}", "}")
        while "{v}" in line:
            line = line.replace("{v}", data.draw(st.sampled_from(WILD)), 1)
        wrap = data.draw(st.sampled_from(WRAPPED))
        lines.append(wrap.replace("{0}", line).replace("{1}", textwrap.indent(line, "    ")))
    text = STARTS[system] + "\n".join(lines) + "\n"
    import_text(text, tmp_path, "file.py", system)


EXTREMES = [
    "x = [" + "a, " * 100_000 + "]\n",
    "x = 1\n" + "".join(f"{' ' * n}if x:\n" for n in range(90)) + " " * 90 + "y = 1\n",
    "x = " + "f(" * 150 + ")" * 150 + "\n",
    "x = {" + ", ".join(f"'{n}': {n}" for n in range(50_000)) + "}\n",
    "\n" * 200_000 + "x = 1\n",
    "x = '" + "a" * 2_000_000 + "'\n",
    "def f():\n    return f\nx = f()" + "()" * 500 + "\n",
]


@pytest.mark.parametrize("text", EXTREMES, ids=range(len(EXTREMES)))
def test_the_deepest_and_the_longest(text: str, tmp_path: Path) -> None:
    import_text(f"import conducto\n{text}", tmp_path, "file.py", "conducto")


def test_functions_keep_their_names() -> None:
    found = follow("@decorator\ndef f(): pass\n").module.names["f"]
    assert isinstance(found, Function)
    assert (found.name, found.line, found.nested) == ("f", 2, False)
