"""Where a caller is: what is counted, and noted, of an IP address."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network


def network(address: str | None) -> str:
    """An address; of IPv6 its network, for a caller has 2⁶⁴ of them."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ip_network(f"{found.exploded}/64", strict=False))
    return str(found)
