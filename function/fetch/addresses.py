"""Checks of a URL: its form, the list of allowed hosts, and whether an address is public.

This module opens no connection.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, ip_address, ip_network
from typing import NamedTuple

from function.errors import BadRequest

MAX_URL_LENGTH = 8192  # characters; a presigned S3 URL with session credentials has about 2,000
MAX_NAME_LENGTH = 253  # characters of the text form; RFC 1035, section 2.3.4
HTTPS_PORT = 443
HIGHEST_PORT = 65535

# Printable ASCII without the backslash, which only some parsers read as a slash.
ALLOWED_CHARACTERS = re.compile(r"[!-\[\]-~]*")
URL = re.compile(
    r"(?i:https)://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?P<target>(?:[/?].*)?)"
)
# The last label begins with a letter, so that no notation of an IPv4 address (2130706433, 0x7f.1, 127.1) is a name.
NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")

NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are the IPv4 destination
GLOBAL_UNICAST = ip_network("2000::/3")  # IANA IPv6 address space: the only public range
NOT_PUBLIC = (  # global for `ipaddress` in at least one Python version of Lambda, but not public servers
    ip_network("192.0.0.0/24"),  # RFC 6890: IETF protocol assignments
    ip_network("192.88.99.0/24"),  # RFC 7526: 6to4 relays
    ip_network("2001::/23"),  # RFC 2928: IETF protocol assignments, Teredo among them
    ip_network("2002::/16"),  # RFC 3056: 6to4, which carries any IPv4 address
    ip_network("3fff::/20"),  # RFC 9637: documentation
)


class HttpsUrl(NamedTuple):
    """Parsed https URL."""

    host: str  # lower case; an address in its canonical notation, without brackets
    port: int
    target: str  # path and query, unchanged, never empty

    @property
    def bracketed_host(self) -> str:
        """Host as in a URL: an IPv6 address in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def authority(self) -> str:
        """Host, and the port if it is not 443: the value of the header Host."""
        return self.bracketed_host if self.port == HTTPS_PORT else f"{self.bracketed_host}:{self.port}"

    @property
    def text(self) -> str:
        """URL as text, without its fragment."""
        return f"https://{self.authority}{self.target}"


def parse(url: str) -> HttpsUrl:
    """Parse a URL strictly: refuse every URL that two parsers could read differently.

    Raises:
        BadRequest: not https, a user name before the host, white space, an address in an unusual notation, ...
    """
    check_characters(url)
    parts = URL.fullmatch(url.partition("#")[0])
    if parts is None:
        raise BadRequest("url must be https://host/path (https only, no user name, no escapes in the host)")
    target = parts["target"]
    return HttpsUrl(_host(parts["host"]), _port(parts["port"]), target if target.startswith("/") else f"/{target}")


def check_characters(url: str) -> None:
    """Refuse characters that parsers read differently, and URLs above the length limit.

    Raises:
        BadRequest: the URL has such a character, or its length is not within the limits.
    """
    if not 0 < len(url) <= MAX_URL_LENGTH:
        raise BadRequest(f"url must have 1 to {MAX_URL_LENGTH} characters, got {len(url)}")
    if not ALLOWED_CHARACTERS.fullmatch(url):
        raise BadRequest("url must be percent-encoded, got white space, a backslash or characters outside ASCII")


def is_allowed(url: HttpsUrl, allowed_hosts: Iterable[str]) -> bool:
    """Return True if one of the entries matches the host and the port of the URL.

    Args:
        url: URL to check.
        allowed_hosts: lower case: a host, `*.example.com` for every host below it, or `*` for every host. An entry
            means port 443 unless a port follows (`example.com:8443`). An IPv6 address has brackets.
    """
    return any(_matches(entry, url) for entry in allowed_hosts)


def is_public(text: str) -> bool:
    """Return True for the address of a public server, and False for text that is not an address.

    Loopback, link-local, private, shared, multicast, reserved and documentation addresses are not public. An IPv6
    address that contains an IPv4 address is not public either, except NAT64 with a public IPv4 address: networks
    without IPv4 need NAT64.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if address in NAT64:
        address = IPv4Address(address.packed[-4:])
    if address.version == 6 and address not in GLOBAL_UNICAST:
        return False
    if any(address in network for network in NOT_PUBLIC):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _host(text: str) -> str:
    name = text.lower()
    if len(name) <= MAX_NAME_LENGTH and NAME.fullmatch(name):
        return name
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        address = None
    if address is None or (address.version == 6) != text.startswith("["):
        raise BadRequest(
            f"url must have a full host name or an address in its usual notation as host, got {text!r:.300}"
        )
    return str(address)


def _port(text: str | None) -> int:
    port = HTTPS_PORT if text is None else int(text)
    if not 0 < port <= HIGHEST_PORT:
        raise BadRequest(f"url must have a port from 1 to {HIGHEST_PORT}, got {port}")
    return port


def _matches(entry: str, url: HttpsUrl) -> bool:
    host, colon, port = entry.rpartition(":")
    if not (colon and port.isdecimal()):
        host, port = entry, str(HTTPS_PORT)
    if int(port) != url.port:
        return False
    return host in ("*", url.bracketed_host) or (host.startswith("*.") and url.host.endswith(host[1:]))
