"""Which URLs may be fetched: every way we know of to name an inner host, and the ones that are honest."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import pytest

from codebutler.errors import ToolFailed
from codebutler.web import guard, urls

FORMS = """
http://127.0.0.1/ http://127.1/ http://127.0.1/ http://2130706433/ http://0x7f000001/ http://0x7f.0.0.1/
http://0177.0.0.1/ http://017700000001/ http://127.0.0.1./ http://0/ http://0.0.0.0/ http://00/
http://0x0/ http://[::1]/ http://[::]/ http://[0:0:0:0:0:0:0:1]/ http://[::ffff:127.0.0.1]/
http://[::ffff:7f00:1]/ http://[::127.0.0.1]/ http://[64:ff9b::7f00:1]/ http://[64:ff9b::10.0.0.1]/
http://[64:ff9b:1::a9fe:a9fe]/ http://[2002:7f00:1::]/ http://[2002:a9fe:a9fe::1]/
http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/ http://[fe80::1]/ http://[fe80::1%25eth0]/
http://[fe80::1%eth0]/ http://[fc00::1]/ http://[fd00:ec2::254]/ http://[fec0::1]/ http://[ff02::1]/
http://[::ffff:169.254.169.254]/ http://10.0.0.1/ http://172.16.0.1/ http://172.31.255.255/
http://192.168.1.1/ http://100.64.0.1/ http://100.100.100.200/ http://169.254.169.254/latest/meta-data/
http://169.254.1.1/ http://168.63.129.16/ http://192.0.0.1/ http://192.0.2.1/ http://198.18.0.1/
http://198.51.100.1/ http://203.0.113.1/ http://224.0.0.1/ http://240.0.0.1/ http://255.255.255.255/
http://192.88.99.1/ http://2852039166/ http://0xA9FEA9FE/ http://0251.0376.0251.0376/
http://169.254.43518/ http://\uff11\uff12\uff17.\uff10.\uff10.\uff11/ http://127\u30020\u30020\u30021/
http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/
http://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/ http://localhost/ http://LOCALHOST/
http://localhost./ http://a.localhost/ http://foo.local/ http://metadata.google.internal/ http://metadata/
http://instance-data/ http://router.lan/ http://x.onion/ http://user@example.org/
http://user:pass@example.org/ http://example.org@127.0.0.1/ http://@example.org/
http://127.0.0.1:80@example.org/ http://example.org:22/ http://example.org:0/ http://example.org:/
http://example.org:99999/ http://example.org:8080/ ftp://example.org/ file:///etc/passwd
gopher://example.org/ data:text/html,x javascript:1 //example.org/ http:example.org http:///example.org
http://[::1 http://ex%61mple.org/ http://%31%32%37.0.0.1/ http://exa_mple..org/ http://-a.org/
http://a.org\\@127.0.0.1/ http://127.0.0.1\\.example.org/ http://a.1/ http://256.256.256.256/
http://1.2.3.4.5/ http://0x7f.1/ http://xn--.org/
"""
REFUSED = FORMS.split()
ALLOWED = {
    "https://example.org": "https://example.org/",
    "HTTPS://EXAMPLE.ORG/A?b=C#frag": "https://example.org/A?b=C",
    "http://example.org.:80/x y".replace(" ", "%20"): "http://example.org/x%20y",
    "https://bücher.example.org/": "https://xn--bcher-kva.example.org/",
    "https://1.1.1.1/": "https://1.1.1.1/",
    "https://[2606:4700:4700:0::1111]/": "https://[2606:4700:4700::1111]/",
    "https://example.org/ä?q=ü": "https://example.org/%C3%A4?q=%C3%BC",
    "https://example.org/a%2Fb?x=%26": "https://example.org/a%2Fb?x=%26",
}  # fmt: skip


async def numeric(name: str, port: int) -> Sequence[str]:
    """What the system does with an address, without asking anybody for a name."""
    info = await asyncio.get_running_loop().getaddrinfo(name, port, flags=socket.AI_NUMERICHOST)
    return [str(each[4][0]) for each in info]


def test_the_table_is_long_enough() -> None:
    assert len(set(REFUSED)) >= 80


@pytest.mark.parametrize("url", REFUSED)
async def test_an_inner_host_is_refused_however_it_is_spelled(url: str) -> None:
    with pytest.raises(ToolFailed) as caught:
        await guard.addresses(urls.read(url), numeric)
    assert "cannot be resolved" not in str(caught.value)  # it was refused for what it is


@pytest.mark.parametrize("url", ALLOWED)
def test_an_honest_url_is_read_into_one_spelling(url: str) -> None:
    assert urls.read(url).url == ALLOWED[url]


@pytest.mark.parametrize(
    "url", ["http://a b/", "http://a\n.org/", "http://a.org/\r\nHost: b", "", "h" * 2001]
)
def test_blanks_and_controls_are_refused(url: str) -> None:
    with pytest.raises(ToolFailed):
        urls.read(url)


@pytest.mark.parametrize(
    ("rule", "url", "vouched"),
    [
        ("wiki.corp:8080", "http://wiki.corp:8080/", True),
        ("*.corp:443", "https://a.corp/", True),
        ("wiki.corp:8080", "http://wiki.corp/", False),
        ("*.corp:443", "https://corp/", False),
        ("127.0.0.1:80", "http://127.0.0.1/", True),
    ],
)
def test_only_the_hosts_own_list_vouches_for_a_private_one(rule: str, url: str, *, vouched: bool) -> None:
    if vouched:
        assert urls.read(url, private=[rule]).vouched
    else:
        with pytest.raises(ToolFailed):
            urls.read(url, private=[rule])


@pytest.mark.parametrize(
    "found", [["93.184.215.14", "10.0.0.1"], ["169.254.169.254"], [], ["::1", "1.1.1.1"]]
)
async def test_every_address_of_a_name_must_be_public(found: list[str]) -> None:
    async def resolve(_name: str, _port: int) -> Sequence[str]:
        return found

    with pytest.raises(ToolFailed, match="not public"):
        await guard.addresses(urls.read("https://example.org/"), resolve)


@pytest.mark.parametrize("address", ["169.254.169.254", "100.100.100.200", "fd00:ec2::254", "224.0.0.1"])
async def test_vouching_for_a_host_never_opens_the_clouds_metadata(address: str) -> None:
    async def resolve(_name: str, _port: int) -> Sequence[str]:
        return [address]

    with pytest.raises(ToolFailed, match="not public"):
        await guard.addresses(urls.read("http://wiki.corp/", private=["wiki.corp:80"]), resolve)
