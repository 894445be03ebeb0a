"""Downloads from public addresses only: what a client names must not lead into the network that the server stands in."""

import http.client
import ipaddress
import socket
from typing import Any, Tuple, Union
from urllib.request import HTTPHandler, OpenerDirector, ProxyHandler, build_opener

from .._transfer import Https

_Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

# IPv6 addresses that stand for an IPv4 address, and where in them it is: NAT64 (RFC 6052) and 6to4 (RFC 3056).
_EMBEDDING = ((ipaddress.ip_network("64:ff9b::/96"), 0), (ipaddress.ip_network("2002::/16"), 80))


class BlockedAddress(OSError):
    """A host has an address that is not public."""


def guarded_opener() -> OpenerDirector:
    """An opener whose every connection, also after a redirect, goes to an address that was looked at.

    No proxy is used: it would look up names by itself.
    """
    return build_opener(ProxyHandler({}), _Http(), _Https())


def is_public(text: str) -> bool:
    """Whether an address, in text form, is one that anybody on the Internet could reach."""
    address: _Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        else:
            for network, shift in _EMBEDDING:
                if address in network:
                    return is_public(str(ipaddress.IPv4Address((int(address) >> shift) & 0xFFFFFFFF)))
    return address.is_global and not address.is_multicast and not address.is_reserved


def _connect(address: Tuple[str, int], timeout: Any = None, source_address: Any = None) -> socket.socket:
    """`socket.create_connection`, with the address that was checked as the one that is used."""
    host, port = address
    problem: OSError = OSError("{} has no address".format(host))
    found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    for _, _, _, _, place in found:
        if not is_public(str(place[0])):
            raise BlockedAddress("{} is at {}, which is not a public address".format(host, place[0]))
    for family, kind, protocol, _, place in found:
        connection = socket.socket(family, kind, protocol)
        try:
            if isinstance(timeout, (int, float)):
                connection.settimeout(timeout)
            connection.connect(place)
            return connection
        except OSError as error:
            connection.close()
            problem = error
    raise problem


class _HttpConnection(http.client.HTTPConnection):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._create_connection = _connect


class _HttpsConnection(http.client.HTTPSConnection):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._create_connection = _connect


class _Http(HTTPHandler):
    def http_open(self, req: Any) -> Any:
        return self.do_open(_HttpConnection, req)


class _Https(Https):
    connection = _HttpsConnection
