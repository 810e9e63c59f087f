"""Which addresses may be dialled for somebody else: public ones, whatever they are wrapped in."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address

_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_INNER = tuple(
    map(
        ipaddress.ip_network,
        (
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "fc00::/7",
            "::1/128",
        ),
    )
)
_METADATA = (ipaddress.IPv4Network("100.100.100.200/32"), ipaddress.IPv6Network("fd00:ec2::/32"))
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        (
            "168.63.129.16/32",  # a cloud's wire server, on an address that looks public
            "192.88.99.0/24",  # relays to other networks
            "192.0.0.0/24",  # protocols' own
            "3fff::/20",  # documentation
            "fec0::/10",  # site-local, of old
            "::/96",  # v4 in v6, of old
            "2002::/16",  # 6to4
            "2001::/32",  # Teredo
        ),
    )
)


def is_public(text: str) -> bool:
    """Whether ``text`` is an address of the public network: not loopback, private, link-local, metadata …"""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    inner = embedded(address)
    if inner is not None:
        return is_public(str(inner))
    if any(address.version == net.version and address in net for net in _NEVER):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def is_inner(text: str) -> bool:
    """Whether ``text`` is an address of a company's own network or of this host.

    Never one that stands for another address, nor one at which a cloud answers its machines.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return any(address.version == net.version and address in net for net in _INNER) and not any(
        address.version == net.version and address in net for net in _METADATA
    )


def embedded(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for (mapped, NAT64)."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if any(address in net for net in _NAT64):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None
