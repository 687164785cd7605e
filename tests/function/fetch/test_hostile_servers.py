"""URLs that try to reach addresses that are not public: each is refused before any connection.

The resolver of these tests gives every name a public address by default. A notation is therefore refused because of
itself, and not because of the result of a resolver.
"""

import re

import pytest

from function.errors import BadRequest, Forbidden, FunctionError, UrlFetchFailed
from tests.support.fake_web import IMAGE, PUBLIC, FakeWeb, redirect, response

NOTATIONS = [  # not a URL, or one that two parsers may read differently: status 400
    # IPv4 loopback and similar addresses
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0x7f000001/",
    "https://0x7F.0x0.0x0.0x1/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://0000177.0.0.01/",
    "https://127.0.0.01/",
    "https://127.0.0.1./",
    "https://127.0.0.1..../",
    "https://127.0.0.1.:443/",
    "https://127.0.0.0x1/",
    "https://a.0x7f000001/",
    "https://a.2130706433/",
    "https://%31%32%37.0.0.1/",
    "https://127%2e0%2e0%2e1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://１２７.0.0.1/",
    "https://127。0。0。1/",
    "https://127．0．0．1/",
    "https://٠x7f.1/",
    "https://0/",
    "https://0x0/",
    "https://.127.0.0.1/",
    # The addresses of the Runtime API and of the credentials, as numbers
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://0251.0376.0251.0376/",
    "https://425.510.425.510/",
    "https://169.254.43518/",
    "https://169.16689662/",
    "https://10.1/",
    "https://192.168.257/",
    # IPv6
    "https://::1/",
    "https://[::1/",
    "https://::1]/",
    "https://[[::1]]/",
    "https://[]/",
    "https://[127.0.0.1]/",
    "https://[::1%25lo]/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[v1.fe80::a]/",
    "https://[::1]a.example/",
    "https://a.example[::1]/",
    "https://[::①]/",
    # Names that are not public
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://ip6-localhost/",
    "https://metadata/",
    "https://a.example./",
    "https://a..example/",
    "https://.a.example/",
    "https://-a.example/",
    "https://a-.example/",
    "https://a%00.example/",
    "https://a.example%2f.b.example/",
    "https://a.example%23.b.example/",
    "https://ａ.example/",
    "https://а.example/",
    "https://a\u00ad.example/",
    "https://a\u200b.example/",
    "https://a.example\u2044b/",
    "https://ℌost.example/",
    # Other schemes
    "",
    "a.example/image.jpg",
    "http://a.example/",
    "HTTP://a.example/",
    "file:///proc/self/environ",
    "file://a.example/proc/self/environ",
    "ftp://a.example/image.jpg",
    "gopher://127.0.0.1:9001/_GET%20/2018-06-01/runtime/invocation/next",
    "dict://127.0.0.1:11211/stats",
    "ldap://127.0.0.1/",
    "data:image/png;base64,iVBORw0KGgo=",
    "unix:/var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
    "jar:https://a.example!/",
    "url:https://a.example/",
    "s3://bucket/key",
    "javascript:alert(1)",
    "httpſ://a.example/",
    "https:a.example/",
    "https:/a.example/",
    "https:///a.example/",
    "https:////a.example/",
    "https://",
    "https:///",
    "https://?a.example",
    "https://#a.example",
    "https://:443/",
    "//a.example/",
    # User names, and characters that look like one
    "https://user@a.example/",
    "https://user:password@a.example/",
    "https://:@a.example/",
    "https://@a.example/",
    "https://a.example@127.0.0.1/",
    "https://a.example:443@127.0.0.1/",
    "https://a.example&@127.0.0.1/",
    "https://a.example%40127.0.0.1/",
    "https://127.0.0.1\\@a.example/",
    "https://a.example\\@127.0.0.1/",
    "https://a.example\\.127.0.0.1/",
    "https:\\\\a.example\\",
    "https:/\\a.example/",
    "https://a.example/\\..\\",
    "https://a.example;127.0.0.1/",
    "https://a.example,127.0.0.1/",
    "https://a.example!127.0.0.1/",
    "https://{a.example}/",
    "https://*.example/",
    # Line breaks, white space, control characters
    "https://a.example/\r\nX-Injected: 1",
    "https://a.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /",
    "https://a.example\r\n/",
    "https://a.example/\n",
    "https://a.example/\r",
    " https://a.example/",
    "https://a.example/ ",
    "https:// a.example/",
    "https://a.example /",
    "https://a.ex\tample/",
    "ht\ntps://a.example/",
    "https://a.example/?q=\x00",
    "https://a.example/\x7f",
    "https://a.example/\u0085",
    "https://a.example/\u00a0",
    "https://a.example/\u2028",
    "https://a.example/\u010a\u010d",
    "https://a.example/#\r\n",
    "\ufeffhttps://a.example/",
    # Ports
    "https://a.example:/",
    "https://a.example:0/",
    "https://a.example:65536/",
    "https://a.example:99999/",
    "https://a.example:443443/",
    "https://a.example:+443/",
    "https://a.example:-1/",
    "https://a.example:4４3/",
    "https://a.example:443:80/",
    "https://a.example::443/",
    "https://a.example:https/",
    "https://a.example:0x1bb/",
    # Lengths
    "https://a.example/" + "a" * 8192,
    "https://a.example/?" + "a" * 1_000_000,
    "https://" + "a" * 64 + ".example/",
    "https://" + "a." * 130 + "example/",
    "https://" + "1" * 5000 + "/",
]
NOT_PUBLIC = [  # addresses: status 403, as the host or as the result of its resolution
    "127.0.0.1",
    "127.0.0.2",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",  # credentials of an EC2 instance
    "169.254.170.2",  # credentials of a container
    "169.254.100.1",  # Lambda's Runtime API and metadata
    "169.254.79.129",  # the X-Ray daemon
    "169.254.169.253",  # a VPC's name server
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.254",
    "192.0.0.1",
    "192.0.0.9",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "233.252.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::127.0.0.1",  # IPv4-compatible
    "::ffff:127.0.0.1",  # IPv4-mapped
    "::ffff:7f00:1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "::ffff:93.184.215.14",
    "::ffff:0:127.0.0.1",  # IPv4-translated
    "64:ff9b::127.0.0.1",  # NAT64
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::10.0.0.1",
    "64:ff9b::100.64.0.1",
    "64:ff9b::224.0.0.1",
    "64:ff9b::192.88.99.1",
    "64:ff9b:1::a00:1",  # NAT64 with a local prefix
    "2002:7f00:1::",  # 6to4
    "2002:a9fe:a9fe::1",
    "2002:5db8:d70e::1",
    "2001:0:7f00:1::",  # Teredo
    "2001:0:5db8:d70e:0:0:80ff:fffe",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "5f00::1",
    "fc00::1",
    "fd00::1",
    "fd00:ec2::254",  # credentials of an EC2 instance
    "fdff:ffff::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
]
OTHER_HOSTS = [  # with the allowed hosts allowed.example and *.below.example: status 403
    "https://evil.example/",
    "https://allowed.example.evil.example/",
    "https://evilallowed.example/",
    "https://evil-allowed.example/",
    "https://www.allowed.example/",
    "https://allowed.exampl/",
    "https://allowed.example.com/",
    "https://xn--llowed-9ve.example/",
    "https://xn--alowed-9xa.example/",
    "https://a11owed.example/",
    "https://below.example/",
    "https://evilbelow.example/",
    "https://a.below.example.evil.example/",
    "https://evil.example/@allowed.example",
    "https://evil.example?@allowed.example",
    "https://evil.example#@allowed.example",
    "https://evil.example#.below.example",
    "https://evil.example/.below.example",
    "https://evil.example/https://allowed.example/",
    "https://allowed.example:80/",
    "https://allowed.example:22/",
    "https://allowed.example:8443/",
    "https://allowed.example:9001/",
    "https://a.below.example:8443/",
    "https://93.184.215.14/",
    "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
]
RELATIVE = [  # not a URL; a redirect may use it as a path, or as another host, which is checked as usual
    "https://",
    "https://?a.example",
    "https://#a.example",
    "a.example/image.jpg",
    "//a.example/",
    "https:a.example/",
    "https:/a.example/",
    "https:///a.example/",
    "https:////a.example/",
    "https:///",
]
SENDABLE = re.compile(r"\S([^\r\n]{0,60000}\S)?")  # as the value of a header


def host_of(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def short(url: object) -> str:
    return ascii(url)[1:70]


@pytest.mark.parametrize("url", NOTATIONS, ids=short)
def test_url_in_an_unusual_notation_is_refused(url: str) -> None:
    web = FakeWeb()
    with pytest.raises(BadRequest, match=r"^url "):
        web.image(url, ("*", "*:0", "*:80", "*:99999"))
    assert (web.resolved, web.connected) == ([], [])


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_address_that_is_not_public_is_refused_as_host(address: str) -> None:
    web = FakeWeb()
    web.resolve = lambda host, port: [host]  # type: ignore[method-assign]
    with pytest.raises(Forbidden, match="leads to an address that is not public"):
        web.image(f"https://{host_of(address)}/")
    assert web.connected == []


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_name_with_an_address_that_is_not_public_is_refused(address: str) -> None:
    web = FakeWeb()
    web.addresses["a.example"] = [[address]]
    with pytest.raises(Forbidden, match=r"^url at 'a\.example' leads to an address that is not public$"):
        web.image("https://a.example/", ("a.example",))
    assert web.connected == []


@pytest.mark.parametrize(
    "addresses",
    [
        [PUBLIC, "127.0.0.1"],
        ["127.0.0.1", PUBLIC],
        [PUBLIC, PUBLIC, "10.0.0.1", PUBLIC],
        [PUBLIC, "::1"],
        ["2606:4700::1111", "fe80::1%eth0"],
        [*[PUBLIC] * 50, "169.254.169.254"],
        [PUBLIC, "no address"],
        [PUBLIC, ""],
        [PUBLIC, "2130706433"],
        [PUBLIC, "93.184.215.14:443"],
    ],
    ids=short,
)
def test_one_address_that_is_not_public_refuses_all_addresses(addresses: list[str]) -> None:
    web = FakeWeb()
    web.addresses["a.example"] = [addresses]
    with pytest.raises(Forbidden, match="not public"):
        web.image("https://a.example/")
    assert web.connected == []


@pytest.mark.parametrize("url", OTHER_HOSTS, ids=short)
def test_host_that_is_not_allowed_is_refused_without_resolution(url: str) -> None:
    web = FakeWeb()
    with pytest.raises(Forbidden, match="leads to a host that is not in ALLOWED_URL_HOSTS"):
        web.image(url, ("allowed.example", "*.below.example"))
    assert (web.resolved, web.connected) == ([], [])


@pytest.mark.parametrize("entry", ["", "*.", "*.*", "a*", "*a.example", "https://a.example", "a.example:80", ":443"])
def test_entry_that_is_not_a_host_allows_nothing(entry: str) -> None:
    web = FakeWeb()
    with pytest.raises(Forbidden):
        web.image("https://a.example/", (entry,))


def test_empty_list_of_hosts_allows_nothing() -> None:
    with pytest.raises(Forbidden, match=r"url at 'a\.example' leads to a host"):
        FakeWeb().image("https://a.example/", ())


@pytest.mark.parametrize(
    "location",
    [url for url in NOTATIONS if url not in RELATIVE and SENDABLE.fullmatch(url)],
    ids=short,
)
def test_redirect_to_an_unusual_notation_is_refused(location: str) -> None:
    web = FakeWeb(redirect(location))
    with pytest.raises(UrlFetchFailed, match=r"^url at 'a\.example' (redirects to a target that is not|did not)"):
        web.image("https://a.example/", ("*", "*:0", "*:80", "*:99999"))
    assert len(web.connected) == 1


@pytest.mark.parametrize("address", NOT_PUBLIC)
@pytest.mark.parametrize("location", ["https://{}/", "//{}/latest/meta-data/", "https://{}:443"])
def test_redirect_to_an_address_that_is_not_public_is_refused(address: str, location: str) -> None:
    web = FakeWeb(redirect(location.format(host_of(address))))
    web.resolve = lambda host, port: [PUBLIC if host == "a.example" else host]  # type: ignore[method-assign]
    with pytest.raises(Forbidden, match=r"^url at 'a\.example' leads to an address that is not public$"):
        web.image("https://a.example/")
    assert len(web.connected) == 1


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_redirect_to_a_name_with_an_address_that_is_not_public_is_refused(address: str) -> None:
    web = FakeWeb(redirect("https://b.example/"))
    web.addresses["b.example"] = [[PUBLIC, address]]
    with pytest.raises(Forbidden, match=r"^url at 'a\.example' leads to an address that is not public$"):
        web.image("https://a.example/")
    assert [name for _, _, name in web.connected] == ["a.example"]


@pytest.mark.parametrize("location", OTHER_HOSTS, ids=short)
def test_redirect_to_a_host_that_is_not_allowed_is_refused(location: str) -> None:
    web = FakeWeb(redirect(location))
    with pytest.raises(Forbidden) as refusal:
        web.image("https://allowed.example/", ("allowed.example", "*.below.example"))
    assert str(refusal.value) == ("url at 'allowed.example' leads to a host that is not in ALLOWED_URL_HOSTS")
    assert (len(web.connected), web.resolved) == (1, ["allowed.example"])


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_name_whose_address_changes_after_the_check_is_reached_at_the_checked_one(address: str) -> None:
    web = FakeWeb(response())
    web.addresses["a.example"] = [[PUBLIC], [address]]
    assert web.image("https://a.example/") == IMAGE
    assert (web.resolved, web.connected) == (["a.example"], [(PUBLIC, 443, "a.example")])


def test_name_whose_address_changes_between_redirects_is_checked_again() -> None:
    web = FakeWeb(redirect("/again"))
    web.addresses["a.example"] = [[PUBLIC], ["169.254.169.254"]]
    with pytest.raises(Forbidden, match="not public"):
        web.image("https://a.example/")
    assert (web.resolved, web.connected) == (["a.example"] * 2, [(PUBLIC, 443, "a.example")])


def test_there_are_more_than_two_hundred_hostile_urls() -> None:
    assert len({*NOTATIONS, *NOT_PUBLIC, *OTHER_HOSTS}) > 200


def test_every_error_is_one_printable_line_of_limited_length() -> None:
    for url in NOTATIONS:
        with pytest.raises(FunctionError) as refusal:
            FakeWeb().image(url)
        message = str(refusal.value)
        assert message.isprintable() and len(message) < 450
