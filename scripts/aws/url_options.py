"""Options of deploy.sh for the Function URL: --url, --new-key and --cors."""

from __future__ import annotations

import argparse
import re

from scripts.aws import api_key
from scripts.aws.url import KEY, KINDS

ORIGIN = re.compile(  # function/settings.py, CORS_ORIGINS
    r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._*-]+|\[[0-9a-f:.]+\])(?::(?:[0-9]{1,5}|\*))?"
)
ORIGINS_LIMIT = 100  # AWS Lambda API, Cors


def add_options(command: argparse.ArgumentParser) -> None:
    """Add --url, --new-key and --cors."""
    add = command.add_argument
    add(
        "--url", choices=KINDS,
        help="Function URL of the alias: iam (callers sign), key (callers need an API key, which is made and printed "
        "once) or public (everybody, at your cost) (default: unchanged)",
    )  # fmt: skip
    add("--new-key", action="store_true", help="with --url key: make another API key; the earlier ones stop working")
    add(
        "--cors", type=_origins, metavar="ORIGINS",
        help="web pages that may call the URL from a browser: origins with commas between them, or *; empty: none "
        "(default: unchanged)",
    )  # fmt: skip


def check_options(command: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Exit with 2 and a message if the options do not fit together."""
    given = dict(options.env).get(api_key.VARIABLE, "").strip()
    if options.new_key and options.url != KEY:
        command.error(f"--new-key must be used with --url key, got {options.url or 'no --url'}")
    if options.new_key and given:
        command.error(f"--new-key cannot be combined with --env {api_key.VARIABLE}=...")
    if options.url == KEY and given and not api_key.DIGESTS.fullmatch(given):
        command.error(  # does not repeat the value, which may be a key
            f"{api_key.VARIABLE} must be SHA-256 digests of 64 hexadecimal digits with commas between them, got a "
            f"value of {len(given)} characters"
        )


def _origins(text: str) -> tuple[str, ...]:
    """Return the origins of --cors, which are those that CORS_ORIGINS may have."""
    origins = tuple(dict.fromkeys(item.strip().lower() for item in text.split(",") if item.strip()))
    for origin in origins:
        if origin not in ("*", "null") and not (ORIGIN.fullmatch(origin) and origin.count("*") <= 1):
            raise argparse.ArgumentTypeError(f"must be origins such as https://a.example, or *, got {origin!r}")
    if len(origins) > ORIGINS_LIMIT:
        raise argparse.ArgumentTypeError(f"must be at most {ORIGINS_LIMIT} origins, got {len(origins)}")
    if text.strip() and not origins:
        raise argparse.ArgumentTypeError(f"must be origins such as https://a.example, or *, got {text!r}")
    return origins
