"""OpenAPI document as a page: HTML without scripts and without requests.

It has the style of `function/page`, and a few rules of its own in `page.css` beside this module.
"""

import base64
import hashlib
import html
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
    text = _Page(document).text(style)
    return {
        "statusCode": HTTPStatus.OK.value,
        "headers": {**HEADERS, "Content-Security-Policy": policy},
        "body": text.encode("ascii", "xmlcharrefreplace").decode(),
        "isBase64Encoded": False,
    }


def _read(folder: str) -> str:
    with open(os.path.join(folder, "page.css"), encoding="utf-8") as file:
        return file.read()


class _Page:
    """HTML of one document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._url = document["servers"][0]["url"]

    def text(self, style: str) -> str:
        """Return the document with this style in it."""
        info = self._document["info"]
        operations = [
            (method.upper(), path, operation)
            for path, item in self._document["paths"].items()
            for method, operation in item.items()
        ]
        parts = [
            HEAD.format(title=_text(info["title"]), version=_text(info["version"]), style=style),
            f"<p>{_text(info['description'])}</p><p>URL: <code>{_text(self._url)}</code></p>",
            self._key(),
            self._example(operations),
            "<h2>Endpoints</h2>",
            _table(("Request", "Meaning"), (self._row(*operation) for operation in operations)),
            "<h2>Limits</h2>",
            _table(("Limit", "Value"), self._limits()),
            *(self._operation(*operation) for operation in operations),
            self._errors(),
            "</main></body></html>\n",
        ]
        return "".join(parts)

    def _key(self) -> str:
        if "security" not in self._document:
            return ""
        return (
            "<p>Requests need an API key, in the header <code>x-api-key</code> or as "
            "<code>Authorization: Bearer KEY</code>, unless an endpoint says that it needs none.</p>"
        )

    def _example(self, operations: list[tuple[str, str, dict[str, Any]]]) -> str:
        """Return the command that sends an image, or tensors, to the first endpoint of POST."""
        path, content = next(
            (path, operation["requestBody"]["content"]) for method, path, operation in operations if method == "POST"
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

    def _operation(self, method: str, path: str, operation: dict[str, Any]) -> str:
        parts = [
            f'<section><h2 id="{_text(operation["operationId"])}">{_code(f"{method} {path}")}</h2>',
            f"<p>{_text(operation['summary'])}. {_text(operation.get('description', ''))}</p>",
        ]
        if operation.get("parameters"):
            rows = (self._field(row["name"], row["schema"], row.get("description")) for row in operation["parameters"])
            parts += ["<h3>Query</h3>", _table(COLUMNS, rows)]
        for media_types, schema in _by_schema(operation.get("requestBody", {}).get("content", {})):
            parts += [f"<h3>Body: {', '.join(map(_code, media_types))}</h3>", self._fields_table(schema)]
        for status, response in operation["responses"].items():
            parts.append(self._response(status, response))
        return "".join([*parts, "</section>"])

    def _response(self, status: str, response: dict[str, Any]) -> str:
        if "$ref" in response:
            return f'<p><a href="#Error{status}">{status} {_text(HTTPStatus(int(status)).phrase)}</a></p>'
        parts = [f"<h3>Response {status}: {_text(response['description'])}</h3>"]
        for media_types, schema in _by_schema(response["content"]):
            parts += [f"<p>{', '.join(map(_code, media_types))}</p>", self._fields_table(schema)]
        return "".join(parts)

    def _errors(self) -> str:
        rows = (
            (f'<span id="{name}">{name.removeprefix("Error")}</span>', _text(response["description"]))
            for name, response in self._document["components"]["responses"].items()
        )
        fields = self._fields_table(self._schema("Error"))
        return f"<section><h2>Errors</h2>{_table(('Status', 'When'), rows)}{fields}</section>"

    def _fields_table(self, schema: Schema) -> str:
        rows = list(self._rows("", schema, 0))
        return _table(COLUMNS, rows) if rows else ""

    def _rows(self, prefix: str, schema: Schema, depth: int) -> Iterator[tuple[str, ...]]:
        """Yield a row for each field of an object, also of those inside of it."""
        schema = self._resolved(schema)
        if depth > MAX_DEPTH:
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
        resolved = self._resolved(schema)
        default = resolved.get("default")
        shown = "" if default is None else _code(str(default).lower() if isinstance(default, bool) else default)
        return _code(name), _text(self._type(resolved)), shown, _text(description or resolved.get("description", ""))

    def _type(self, schema: Schema) -> str:
        """Return the type and the range of a value in words."""
        schema = self._resolved(schema)
        if "const" in schema:
            return f"{schema['const']}"
        if "enum" in schema:
            values = [f"{value}" for value in schema["enum"]]
            return ", ".join(values[:MAX_VALUES]) + (", …" if len(values) > MAX_VALUES else "")
        if "anyOf" in schema:  # the first form; the others are the same value as text
            return self._type(schema["anyOf"][0])
        kind = schema.get("type", "any value")
        if isinstance(kind, list):
            return " or ".join(kind)
        if kind == "array":
            inner = self._resolved(schema.get("items", {}))
            return "array" if "properties" in inner or not inner else f"array of {self._type(inner)}"
        limits = [f"{schema[name]}" for name in ("minimum", "maximum") if name in schema]
        return f"{kind}, {' to '.join(limits)}{'' if 'maximum' in schema else ' or more'}" if limits else kind

    def _resolved(self, schema: Schema) -> Schema:
        return self._schema(schema["$ref"].rpartition("/")[2]) if "$ref" in schema else schema

    def _schema(self, name: str) -> Schema:
        schema: Schema = self._document["components"]["schemas"][name]
        return schema


def _by_schema(content: dict[str, Any]) -> Iterator[tuple[list[str], Schema]]:
    """Yield each schema of a body with its media types."""
    groups: list[tuple[list[str], Schema]] = []
    for media_type, value in content.items():
        same = next((names for names, schema in groups if schema == value["schema"]), None)
        if same:
            same.append(media_type)
        else:
            groups.append(([media_type], value["schema"]))
    yield from groups


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="table" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _text(value: object) -> str:
    return html.escape(str(value))


def _code(value: object) -> str:
    return f"<code>{_text(value)}</code>"
