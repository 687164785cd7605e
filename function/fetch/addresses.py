"""Where a link may lead: how it is spelled, which hosts the function was told of, which addresses are public.

It decides, and connects to nothing.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, ip_address, ip_network
from typing import NamedTuple

from function.errors import BadRequest

MAX_LINK_LENGTH = 8192  # characters; a presigned S3 link with session credentials has about 2,000
MAX_NAME_LENGTH = 253  # characters; RFC 1035, section 2.3.4, as text
HTTPS_PORT = 443
HIGHEST_PORT = 65535

SPELLABLE = re.compile(r"[!-\[\]-~]*")  # printable ASCII; a backslash is a slash to some parsers and none to others
LINK = re.compile(
    r"(?i:https)://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?P<target>(?:[/?].*)?)"
)
# The last label begins with a letter, so that no spelling of an IPv4 address (2130706433, 0x7f.1, 127.1) is a name.
NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")

NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are the IPv4 address that is reached
GLOBAL_UNICAST = ip_network("2000::/3")  # IANA IPv6 address space: all that is assigned for the public
NOT_PUBLIC = (  # what `ipaddress` calls global, in one of the Pythons of Lambda, and is not a public server's
    ip_network("192.0.0.0/24"),  # RFC 6890: IETF protocol assignments
    ip_network("192.88.99.0/24"),  # RFC 7526: 6to4 relays
    ip_network("2001::/23"),  # RFC 2928: IETF protocol assignments, Teredo among them
    ip_network("2002::/16"),  # RFC 3056: 6to4, which carries any IPv4 address
    ip_network("3fff::/20"),  # RFC 9637: documentation
)


class Link(NamedTuple):
    """An https link, taken apart."""

    host: str  # lower case; an address in its canonical spelling, without brackets
    port: int
    target: str  # path and query as they were given, never empty

    @property
    def shown_host(self) -> str:
        """The host as a URL writes it: an IPv6 address in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def authority(self) -> str:
        """Host, and port where it is not 443: the value of the header Host."""
        return self.shown_host if self.port == HTTPS_PORT else f"{self.shown_host}:{self.port}"

    @property
    def url(self) -> str:
        """The link put together again, without its fragment."""
        return f"https://{self.authority}{self.target}"


def read(url: str) -> Link:
    """Take a link apart, strictly: what two parsers could read in two ways is refused.

    Raises:
        BadRequest: not https, a user name in front of the host, white space, an address in an unusual spelling, ...
    """
    check_spelling(url)
    parts = LINK.fullmatch(url.partition("#")[0])
    if parts is None:
        raise BadRequest("url is not spelled https://host/path (https only, no user name, no escapes in the host)")
    target = parts["target"]
    return Link(_host(parts["host"]), _port(parts["port"]), target if target.startswith("/") else f"/{target}")


def check_spelling(url: str) -> None:
    """Refuse the characters that parsers treat in different ways, and links without end; raises BadRequest."""
    if not 0 < len(url) <= MAX_LINK_LENGTH:
        raise BadRequest(f"url has {len(url)} characters; wanted 1 to {MAX_LINK_LENGTH}")
    if not SPELLABLE.fullmatch(url):
        raise BadRequest("url has white space, a backslash or characters outside ASCII; wanted them percent-encoded")


def is_allowed(link: Link, allowed_hosts: Iterable[str]) -> bool:
    """Whether one of the entries names the link's host and port.

    Args:
        link: where the function is asked to go.
        allowed_hosts: lower case: a host, `*.example.com` for every host below that one, `*` for every host; each
            means port 443 unless a port follows (`example.com:8443`). An IPv6 address stands in brackets.
    """
    return any(_names(entry, link) for entry in allowed_hosts)


def is_public(text: str) -> bool:
    """Whether an address belongs to a public server; false for what is no address.

    Not public are loopback, link-local, private, shared, multicast, reserved and documentation addresses, and the
    IPv6 addresses that carry an IPv4 one; of these NAT64 alone is looked into, since networks without IPv4 need it.
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
            f"url names the host {text!r:.300}; wanted a full host name or an address in its usual spelling"
        )
    return str(address)


def _port(text: str | None) -> int:
    port = HTTPS_PORT if text is None else int(text)
    if not 0 < port <= HIGHEST_PORT:
        raise BadRequest(f"url names port {port}; wanted 1 to {HIGHEST_PORT}")
    return port


def _names(entry: str, link: Link) -> bool:
    host, colon, port = entry.rpartition(":")
    if not (colon and port.isdecimal()):
        host, port = entry, str(HTTPS_PORT)
    if int(port) != link.port:
        return False
    return host in ("*", link.shown_host) or (host.startswith("*.") and link.host.endswith(host[1:]))
