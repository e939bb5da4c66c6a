"""Where webhooks may go: URLs and addresses (webhooks.md 7)."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openharbor.cloud.webhooks.addresses import (
    MALFORMED,
    NOT_ALLOWED,
    SCHEME,
    TOO_LONG,
    USER,
    Rules,
    Target,
    UrlFault,
    fault_of,
    permitted,
    rules_of,
    target_of,
)
from openharbor.kit.errors import Failed

OUTSIDE = Rules(loopback=False)
REFUSED = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.169.254
172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.7
203.0.113.7 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::ffff:10.0.0.1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 64:ff9b::10.0.0.1 64:ff9b::127.0.0.1
64:ff9b::a9fe:a9fe 64:ff9b:1::8.8.8.8 100::1 2001::1 2001:db8::1 2001:10::1 2002:0a00:0001::1 2002:0808:0808::1
3fff::1 5f00::1 fc00::1 fd12:3456::1 fe80::1 fe80::1%2 fec0::1 ff02::1 ff0e::1 4000::1
"""
ALLOWED = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 169.253.255.255
172.15.255.255 172.32.0.0 192.0.1.1 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
2606:4700:4700::1111 2a00:1450:4001:81b::200e 2001:4860:4860::8888 ::ffff:8.8.8.8 64:ff9b::8.8.8.8
"""


@pytest.mark.parametrize("address", REFUSED.split())
def test_private_and_reserved_addresses_are_refused(address: str) -> None:
    assert not permitted(ip_address(address), OUTSIDE)


@pytest.mark.parametrize("address", ALLOWED.split())
def test_public_addresses_are_allowed(address: str) -> None:
    assert permitted(ip_address(address), OUTSIDE)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_every_dress(address: object) -> None:
    plain = ip_address(str(address))
    for prefix in ("::ffff:", "64:ff9b::"):
        assert permitted(ip_address(f"{prefix}{address}"), OUTSIDE) == permitted(plain, OUTSIDE)


@given(st.ip_addresses())
def test_nothing_is_allowed_that_python_knows_as_private_or_multicast(address: object) -> None:
    known = ip_address(str(address))
    if permitted(known, OUTSIDE):
        assert known.is_global or known.version == 6
        assert not any((known.is_multicast, known.is_loopback, known.is_link_local, known.is_unspecified))


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd00::5"])
def test_an_installation_can_allow_named_ranges(address: str) -> None:
    rules = rules_of(["10.1.0.0/16", "fd00::/8"], loopback=False)
    assert permitted(ip_address(address), rules)
    assert not permitted(ip_address("10.2.0.1"), rules)


def test_a_setting_that_is_no_range_is_told() -> None:
    with pytest.raises(Failed, match=r"webhook_networks: .*10\.1\.0\.1/16"):
        rules_of(["10.1.0.1/16"], loopback=True)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://shop.example.com", Target(True, "shop.example.com", 443, "/", "shop.example.com")),
        ("https://Shop.example.com/a/b?c=d#e", Target(True, "shop.example.com", 443, "/a/b?c=d", "shop.example.com")),
        ("https://shop.example.com:8443/?q", Target(True, "shop.example.com", 8443, "/?q", "shop.example.com:8443")),
        ("http://127.0.0.1:9/x", Target(False, "127.0.0.1", 9, "/x", "127.0.0.1:9")),
        ("https://[2606:4700::1]:444/", Target(True, "2606:4700::1", 444, "/", "[2606:4700::1]:444")),
    ],
)
def test_a_url_is_taken_apart(url: str, target: Target) -> None:
    assert target_of(url) == target


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("ftp://shop.example.com/", SCHEME),
        ("shop.example.com", SCHEME),
        ("", SCHEME),
        ("//shop.example.com/", SCHEME),
        ("javascript:alert(1)", SCHEME),
        ("https://", MALFORMED),
        ("https:///hooks", MALFORMED),
        ("https://shop.example.com:0/", MALFORMED),
        ("https://shop.example.com:65536/", MALFORMED),
        ("https://shop.example.com:x/", MALFORMED),
        ("https://shop.example.com:/", MALFORMED),
        ("https://[::1/", MALFORMED),
        ("https://bücher.example/", MALFORMED),
        ("https://shop.example.com/a b", MALFORMED),
        ("https://shop.example.com/\r\nx: y", MALFORMED),
        ("https://shop.example.com\\@10.0.0.1/", MALFORMED),
        ("https://user@shop.example.com/", USER),
        ("https://user:word@shop.example.com/", USER),
        ("https://shop.example.com/" + "x" * 2048, TOO_LONG),
    ],
)
def test_a_url_that_cannot_be_used_is_told_why(url: str, fault: UrlFault) -> None:
    assert target_of(url) == fault


@given(st.text())
def test_any_text_gives_a_target_or_a_fault(text: str) -> None:
    for url in (text, f"https://{text}"):
        found = target_of(url)
        assert isinstance(found, UrlFault) or (found.host and f"{found.authority}{found.resource}".isprintable())


def target(url: str) -> Target:
    found = target_of(url)
    assert isinstance(found, Target)
    return found


@pytest.mark.parametrize(
    ("url", "addresses", "fault"),
    [
        ("https://shop.example.com/", ["8.8.8.8", "2606:4700::1"], None),
        ("https://shop.example.com/", [], None),
        ("https://shop.example.com/", ["10.0.0.1"], NOT_ALLOWED),
        ("https://shop.example.com/", ["8.8.8.8", "10.0.0.1"], NOT_ALLOWED),
        ("https://localhost/", ["127.0.0.1"], None),
        ("http://localhost/", ["127.0.0.1", "::1"], None),
        ("http://localhost/", ["::ffff:127.0.0.1"], None),
        ("http://shop.example.com/", ["8.8.8.8"], SCHEME),
        ("http://shop.example.com/", ["127.0.0.1", "8.8.8.8"], SCHEME),
        ("http://shop.example.com/", [], SCHEME),
        ("http://10.0.0.1/", ["10.0.0.1"], SCHEME),
    ],
)
def test_what_a_name_leads_to_is_judged(url: str, addresses: list[str], fault: UrlFault | None) -> None:
    assert fault_of(target(url), addresses, Rules(loopback=True)) == fault


def test_in_production_this_machine_is_a_private_address_unless_it_is_named() -> None:
    assert fault_of(target("http://localhost/"), ["127.0.0.1"], OUTSIDE) == NOT_ALLOWED
    assert fault_of(target("http://localhost/"), ["127.0.0.1"], rules_of(["127.0.0.0/8"], loopback=False)) is None
