"""`pip`: what every Python install is told, read from the file and written as arguments of uv or pip."""

from __future__ import annotations

import re

from imgc.diagnostics import Span
from imgc.document.nodes import Mapping, Node, Scalar
from imgc.instructions.quoting import line_problem, quote
from imgc.layers.kind import Reading
from imgc.layers.secrets import FOLDER as SECRETS
from imgc.model.image import PipOptions, SecretUse
from imgc.model.pipeline import flag, items, text
from imgc.model.secrets import secret_uses
from imgc.patterns import lazy
from imgc.records import dataclass, replace

INDEX_NAME = "private"
"""uv takes user and password of an index from variables named after it."""

TOKEN_USER = "__token__"
"""The user name that goes with an API token where none is written, as PyPI and its mirrors have it."""

_ADDRESS = lazy(r"[a-z][a-z0-9+.-]*://[^\s]+")
_CREDENTIALS = lazy(r"://[^/?#\s]*@")
_ENVIRONMENT = lazy(r"://(?:\$\{[A-Za-z_][A-Za-z0-9_]*\}:?)+@")
_SSH_USER = lazy(r"(?:^|\+)ssh://[A-Za-z0-9._-]+@")


def has_credentials(url: str) -> bool:
    """Whether a URL holds a user name or password. `ssh://git@host` is an address and not a secret, and
    `${TOKEN}` (of a requirements file) is replaced by the installer."""
    return bool(_CREDENTIALS.search(url)) and not _ENVIRONMENT.search(url) and not _SSH_USER.search(url)


def report_credentials(reading: Reading, span: Span, what: str = "this URL") -> None:
    reading.error(
        "credentials-in-url",
        f"{what} holds credentials, which would be readable in the image and in this file; "
        "keep them in 'secrets' and name the secret",
        span,
        label="for an index: {url, username, password: SECRET}; else a secret mounted as a file (~/.netrc)",
    )


# Reading


def read_pip(node: Node, reading: Reading, outer: PipOptions | None = None) -> PipOptions:
    """`pip` of an image or a layer (or the same keys within a project); what is not written is `outer`'s."""
    options = outer or PipOptions()
    if not isinstance(node, Mapping):
        return options
    options = replace(options, span=node.span)
    if (index := node.get("index_url")) is not None:
        options = _index(index, options, reading)
    if (urls := node.get("extra_index_urls")) is not None:
        options = replace(
            options, extra_index_urls=tuple(filter(None, (_url(item, reading) for item in items(urls))))
        )
    if (pre := node.get("pre")) is not None:
        options = replace(options, pre=flag(pre))
    if (extra_args := node.get("extra_args")) is not None:
        options = replace(options, extra_args=read_arguments(extra_args, reading))
    if (installer := node.get("installer")) is not None:
        options = replace(options, installer=text(installer))
    if (uses := node.get("secrets")) is not None:
        options = replace(options, secrets=secret_uses(uses))
    return options


def read_arguments(node: Node, reading: Reading) -> tuple[str, ...]:
    """Arguments: text is split as a shell does, the items of a list are taken as they are."""
    if isinstance(node, Scalar):
        try:
            import shlex  # for `extra_args` that are one text

            words = [(word, node.span) for word in shlex.split(text(node))]
        except ValueError as error:
            reading.error(
                "bad-arguments", f"this text cannot be split into arguments: {str(error).lower()}", node.span
            )
            return ()
    else:
        words = [(item.text, item.span) for item in items(node) if isinstance(item, Scalar)]
    for word, span in words:
        if has_credentials(word):
            report_credentials(reading, span, "this argument")
            return ()
        if reason := line_problem(word):
            reading.error("bad-arguments", f"the argument {reason}", span)
            return ()
    return tuple(word for word, _ in words)


def _index(node: Node, options: PipOptions, reading: Reading) -> PipOptions:
    if not isinstance(node, Mapping):
        return replace(options, index_url=_url(node, reading), index_username="", index_password="")
    url, user, password = (node.get(key) for key in ("url", "username", "password"))
    return replace(
        options, index_url=_url(url, reading), index_username=text(user), index_password=text(password)
    )


def _url(node: Node | None, reading: Reading) -> str:
    url = text(node)
    if not url or node is None:
        return ""
    if has_credentials(url):
        report_credentials(reading, node.span)
        return ""
    if not _ADDRESS.fullmatch(url):
        reading.error(
            "bad-url",
            f"'{url}' is not the address of a package index, such as https://HOST/simple or file:///FOLDER",
            node.span,
        )
        return ""
    return url


# Writing


@dataclass(frozen=True, slots=True)
class Arguments:
    """What options become: variables set for the command alone (shell text), words, and secrets to mount."""

    assignments: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    secrets: tuple[SecretUse, ...] = ()


def uses_pip(options: PipOptions, python: str | None) -> bool:
    """Whether pip installs: asked for, or `extra_args` without an installer (they are pip's then), or a
    Python that uv does not support."""
    if options.installer:
        return options.installer == "pip"
    return bool(options.extra_args) or older_than(python, (3, 8))


def older_than(python: str | None, version: tuple[int, int]) -> bool:
    """Whether a Python known to be there is older."""
    found = re.match(r"(\d+)\.(\d+)", python or "")
    return bool(found) and (int(found[1]), int(found[2])) < version  # type: ignore[index]


def uv_arguments(options: PipOptions) -> Arguments:
    """Of any uv command that asks an index."""
    assignments: tuple[str, ...] = ()
    words: list[str] = []
    if options.index_url and options.index_password:
        name = INDEX_NAME.upper()
        user = quote(options.index_username or TOKEN_USER)
        assignments = (
            f"UV_INDEX_{name}_USERNAME={user}",
            f'UV_INDEX_{name}_PASSWORD="$(cat {SECRETS}{options.index_password})"',
        )
        words += ["--default-index", f"{INDEX_NAME}={options.index_url}"]
    elif options.index_url:
        words += ["--default-index", _with_user(options)]
    for url in options.extra_index_urls:
        words += ["--index", url]
    if options.extra_index_urls and not any(
        word.startswith("--index-strategy") for word in options.extra_args
    ):
        # pip's meaning: the best version of all indexes. uv alone takes a package only from the first index
        # that has the name, so that an index of a few old copies hides the newer ones.
        words += ["--index-strategy", "unsafe-best-match"]
    if options.pre:
        words.append("--prerelease=allow")
    return Arguments(assignments, tuple(words), _password(options))


def pip_arguments(options: PipOptions) -> Arguments:
    """Of `pip install`, and of any other program that runs pip where they are variables."""
    assignments: tuple[str, ...] = ()
    words: list[str] = []
    if options.index_url and options.index_password:
        scheme, _, rest = options.index_url.partition("://")
        user = _percent(options.index_username or TOKEN_USER)
        file = SECRETS + options.index_password
        script = f'import urllib.parse as u; print(u.quote(open("{file}").read().strip(), safe=""))'
        before, after = quote(f"{scheme}://{user}:"), quote("@" + rest)
        assignments = (f"PIP_INDEX_URL={before}\"$(python3 -c '{script}')\"{after}",)
    elif options.index_url:
        words += ["--index-url", _with_user(options)]
    for url in options.extra_index_urls:
        words += ["--extra-index-url", url]
    if options.pre:
        words.append("--pre")
    return Arguments(assignments, tuple(words), _password(options))


def uv_variables(options: PipOptions) -> Arguments:
    """The same for uv commands that a user has written."""
    arguments = uv_arguments(options)
    names = {
        "--default-index": "UV_DEFAULT_INDEX",
        "--index": "UV_INDEX",
        "--index-strategy": "UV_INDEX_STRATEGY",
    }
    return _as_variables(arguments, names, {"--prerelease=allow": "UV_PRERELEASE=allow"})


def pip_variables(options: PipOptions) -> Arguments:
    """The same for pip commands that a user has written."""
    names = {"--index-url": "PIP_INDEX_URL", "--extra-index-url": "PIP_EXTRA_INDEX_URL"}
    return _as_variables(pip_arguments(options), names, {"--pre": "PIP_PRE=1"})


def _as_variables(arguments: Arguments, names: dict[str, str], flags: dict[str, str]) -> Arguments:
    """Both installers read lists from variables separated by spaces."""
    values: dict[str, list[str]] = {}
    words = iter(arguments.words)
    assignments = list(arguments.assignments)
    for word in words:
        if word in flags:
            assignments.append(flags[word])
        else:
            values.setdefault(names[word], []).append(next(words))
    assignments += (f"{name}={quote(' '.join(found))}" for name, found in values.items())
    return Arguments(tuple(assignments), (), arguments.secrets)


def _with_user(options: PipOptions) -> str:
    if not options.index_username:
        return options.index_url
    scheme, _, rest = options.index_url.partition("://")
    return f"{scheme}://{_percent(options.index_username)}@{rest}"


def _percent(text: str) -> str:
    from urllib.parse import quote  # 2 ms, and rarely needed

    return quote(text, safe="")


def _password(options: PipOptions) -> tuple[SecretUse, ...]:
    if not (options.index_url and options.index_password):
        return ()
    span = options.span
    assert span is not None
    return (SecretUse(options.index_password, span),)
