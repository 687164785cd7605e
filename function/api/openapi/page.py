"""OpenAPI document as a page: HTML without scripts and without requests.

It has the style of `function/page`, and a few rules of its own in `page.css` beside this module.
"""

import base64
import hashlib
import html
import itertools
import os
import shlex
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from function import page
from function.api.openapi.endpoints import JSON

FOLDER = os.path.dirname(os.path.abspath(__file__))
MAX_VALUES = 40  # of an enumeration that are shown
MAX_DEPTH = 6  # of the fields of an object
COLUMNS = ("Name", "Type", "Default", "Meaning")
REQUESTS = ("Request", "Image", "Form")  # objects of a body that have options
WAYS = {"Form": "form", "Request": "JSON"}  # object of a body -> way to send an option
KEY_TEXT = (
    "<p>Requests need an API key, in the header <code>x-api-key</code> or as <code>Authorization: Bearer KEY</code>, "
    "unless an endpoint says that it needs none.</p>"
)
OPTIONS_LINK = '<a href="#options">options</a>'
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
POLICY = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: API</title><style>{style}</style></head>
<body><header><h1>{title}</h1><p>Version {version}</p></header><main class="docs">
"""

Schema = dict[str, Any]


def respond(document: dict[str, Any]) -> dict[str, Any]:
    """Return the page of a document as an HTTP response."""
    style = _read(page.FOLDER) + _read(FOLDER)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; {POLICY}"
    return {
        "statusCode": HTTPStatus.OK.value,
        "headers": {**HEADERS, "Content-Security-Policy": policy},
        "body": _Page(document).text(style).encode("ascii", "xmlcharrefreplace").decode(),
        "isBase64Encoded": False,
    }


def _read(folder: str) -> str:
    with open(os.path.join(folder, "page.css"), encoding="utf-8") as file:
        return file.read()


class _Page:
    """HTML of one document: each option and each object stands in it once, and the endpoints link to them."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._url = document["servers"][0]["url"]
        self._schemas: dict[str, Schema] = document["components"]["schemas"]
        self._operations = [
            (method.upper(), path, operation)
            for path, item in document["paths"].items()
            for method, operation in item.items()
        ]
        rows = (row for *_, operation in self._operations for row in operation.get("parameters", ()))
        self._options = {row["name"]: row for row in rows}

    def text(self, style: str) -> str:
        """Return the document with this style in it."""
        info = self._document["info"]
        parts = [
            HEAD.format(title=_text(info["title"]), version=_text(info["version"]), style=style),
            f"<p>{_text(info['description'])}</p><p>URL: <code>{_text(self._url)}</code></p>",
            self._key(),
            self._example(),
            "<h2>Endpoints</h2>",
            _table(("Request", "Meaning"), (self._row(*operation) for operation in self._operations)),
            "<h2>Limits</h2>",
            _table(("Limit", "Value"), self._limits()),
            self._options_table(),
            *(self._operation(*operation) for operation in self._operations),
            *(self._object(name, schema) for name, schema in self._schemas.items() if name != "Error"),
            self._errors(),
            "</main></body></html>\n",
        ]
        return "".join(parts)

    def _key(self) -> str:
        return KEY_TEXT if "security" in self._document else ""

    def _example(self) -> str:
        """Return the command that sends an image, or tensors, to the first endpoint of POST."""
        path, content = next(
            (path, operation["requestBody"]["content"])
            for method, path, operation in self._operations
            if method == "POST"
        )
        media_type, file = ("image/jpeg", "image.jpg") if "image/jpeg" in content else (JSON, "request.json")
        key = " -H 'x-api-key: KEY'" if "security" in self._document else ""
        url = shlex.quote(f"{self._url.rstrip('/')}{path}")  # the path and the host are those of the request
        command = f"curl --data-binary @{file} -H 'Content-Type: {media_type}'{key} {url}"
        return f'<h2>Example</h2><pre tabindex="0"><code>{_text(command)}</code></pre>'

    def _limits(self) -> Iterator[tuple[str, str]]:
        for name, value in self._document["x-limits"].items():
            yield _code(name), _text(f"{value:,}" if isinstance(value, int) else value)

    def _row(self, method: str, path: str, operation: dict[str, Any]) -> tuple[str, str]:
        link = f'<a href="#{_text(operation["operationId"])}">{_code(f"{method} {path}")}</a>'
        open_endpoint = " No API key." if "security" in self._document and operation.get("security") == [] else ""
        return link, _text(f"{operation['summary']}.{open_endpoint}")

    def _options_table(self) -> str:
        """Return the options of all ways to send them: the query string, a form and a JSON object."""
        rows = []
        for name, row in self._options.items():
            bodies = [way for body, way in WAYS.items() if name in self._schemas[body]["properties"]]
            *cells, meaning = self._field(name, row["schema"], row.get("description"))
            rows.append((*cells, ", ".join(["query", *bodies]), meaning))
        return f'<h2 id="options">Options</h2>{_table((*COLUMNS[:-1], "In", COLUMNS[-1]), rows)}' if rows else ""

    def _operation(self, method: str, path: str, operation: dict[str, Any]) -> str:
        parts = [
            f'<section><h2 id="{_text(operation["operationId"])}">{_code(f"{method} {path}")}</h2>',
            f"<p>{_text(operation['summary'])}. {_text(operation.get('description', ''))}</p>",
        ]
        if operation.get("parameters"):
            parts.append(f"<p>Query: {OPTIONS_LINK}</p>")
        if "requestBody" in operation:
            parts += ["<h3>Body</h3>", self._content(operation["requestBody"]["content"])]
        responses = operation["responses"]
        for status, response in responses.items():
            if "$ref" in response:
                continue
            is_named = response["description"] == operation["summary"]
            parts.append("" if is_named else f"<h3>Response {status}: {_text(response['description'])}</h3>")
            parts.append(self._content(response["content"], f"Response {status}, " if is_named else ""))
        errors = ", ".join(map(_error_link, sorted(status for status in responses if "$ref" in responses[status])))
        parts.append(f"<p>Errors: {errors}</p>" if errors else "")
        return "".join([*parts, "</section>"])

    def _content(self, content: dict[str, Any], head: str = "") -> str:
        """Return each schema of a body with its media types: links to objects, or the fields of another object."""
        parts = []
        for schema, media_types in itertools.groupby(content, lambda media_type: content[media_type]["schema"]):
            parts.append(f"<p>{head}{', '.join(map(_code, media_types))}: {self._type(schema)}</p>")
            parts.append("" if _references(schema) else self._fields_table(schema))
        return "".join(parts)

    def _object(self, name: str, schema: Schema) -> str:
        """Return the fields of an object of the document; those that are options are in their own table."""
        fields = schema.get("properties", {})
        own = {field: value for field, value in fields.items() if name not in REQUESTS or field not in self._options}
        options = f"<p>And {OPTIONS_LINK}.</p>" if len(own) < len(fields) else ""
        table = self._fields_table({**schema, "properties": own})
        return f'<section><h2 id="object-{_text(name)}">{_code(name)}</h2>{table}{options}</section>'

    def _errors(self) -> str:
        rows = (
            (f'<span id="{name}">{name.removeprefix("Error")}</span>', _text(response["description"]))
            for name, response in self._document["components"]["responses"].items()
        )
        fields = self._fields_table(self._schemas["Error"])
        return f'<section><h2 id="object-Error">Errors</h2>{_table(("Status", "When"), rows)}{fields}</section>'

    def _fields_table(self, schema: Schema) -> str:
        rows = list(self._rows("", schema, 0))
        if not any(default for _, _, default, _ in rows):
            return _table((*COLUMNS[:2], COLUMNS[3]), [(name, kind, meaning) for name, kind, _, meaning in rows])
        return _table(COLUMNS, rows)

    def _rows(self, prefix: str, schema: Schema, depth: int) -> Iterator[tuple[str, ...]]:
        """Yield a row for each field of an object, also of those inside of it that have no table of their own."""
        if depth > MAX_DEPTH or "$ref" in schema:
            return
        if "items" in schema:
            yield from self._rows(f"{prefix}[]", schema["items"], depth + 1)
        for alternative in schema.get("anyOf", ()):
            yield from self._rows(prefix, alternative, depth + 1)
        for name, field in schema.get("properties", {}).items():
            path = f"{prefix}.{name}" if prefix else name
            yield self._field(path, field, None)
            yield from self._rows(path, field, depth + 1)

    def _field(self, name: str, schema: Schema, description: str | None) -> tuple[str, ...]:
        default = schema.get("default")
        shown = "" if default is None else _code(str(default).lower() if isinstance(default, bool) else default)
        return _code(name), self._type(schema), shown, _text(description or schema.get("description", ""))

    def _type(self, schema: Schema) -> str:
        """Return the type and the range of a value in words, with links to the objects of the document."""
        references = _references(schema)
        if references:
            return " or ".join(map(self._link, references))
        if "const" in schema:
            return _text(schema["const"])
        if "enum" in schema:
            values = [f"{value}" for value in schema["enum"]]
            return _text(", ".join(values[:MAX_VALUES]) + (", …" if len(values) > MAX_VALUES else ""))
        if "anyOf" in schema:  # the first form; the others are the same value as text
            return self._type(schema["anyOf"][0])
        kinds = schema.get("type", "any value")
        kinds = [kind for kind in kinds if kind != "null"] if isinstance(kinds, list) else [kinds]
        if kinds == ["array"]:
            inner = schema.get("items", {})
            return "array" if "properties" in inner or not inner else f"array of {self._type(inner)}"
        kind = "bytes" if schema.get("format") == "binary" else " or ".join(kinds)
        limits = [f"{schema[name]}" for name in ("minimum", "maximum") if name in schema]
        return f"{kind}, {' to '.join(limits)}{'' if 'maximum' in schema else ' or more'}" if limits else kind

    def _link(self, name: str) -> str:
        return f'<a href="#object-{_text(name)}">{_text(name)}</a>'


def _error_link(status: str) -> str:
    return f'<a href="#Error{status}">{status} {_text(HTTPStatus(int(status)).phrase)}</a>'


def _references(schema: Schema) -> list[str]:
    """Return the names of the objects that a schema stands for; none for a schema of its own."""
    alternatives = schema.get("anyOf", [schema])
    names = [alternative["$ref"].rpartition("/")[2] for alternative in alternatives if "$ref" in alternative]
    return names if len(names) == len(alternatives) else []


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table; "" without rows."""
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="table" tabindex="0">{table}</div>' if body else ""


def _text(value: object) -> str:
    return html.escape(str(value))


def _code(value: object) -> str:
    return f"<code>{_text(value)}</code>"
