"""Settings of connections to a backend."""

import pytest
from apim_sdk.upstream import Origin, UpstreamProxy, UpstreamSettings, UpstreamTLS


@pytest.mark.parametrize(
    ("origin", "written"),
    [
        (Origin("http", "orders.example", 80), "http://orders.example"),
        (Origin("http", "orders.example", 8080), "http://orders.example:8080"),
        (Origin("https", "orders.example", 443), "https://orders.example"),
        (Origin("https", "2001:db8::1", 80), "https://[2001:db8::1]:80"),
    ],
)
def test_an_origin_is_written_without_the_port_that_its_scheme_implies(origin, written):
    assert written == str(origin)


def test_only_https_is_secure():
    assert (False, True) == (Origin("http", "a", 443).secure, Origin("https", "a", 80).secure)


@pytest.mark.parametrize(
    ("scheme", "host", "port"), [("ftp", "a", 21), ("http", "", 80), ("http", "a", 0), ("http", "a", 65536)]
)
def test_what_is_no_origin_is_refused(scheme, host, port):
    with pytest.raises(ValueError, match=r"'(scheme|host|port)'|[Ll]ength"):
        Origin(scheme, host, port)


def test_certificates_are_checked_unless_somebody_says_otherwise():
    assert UpstreamSettings().tls.verify


def test_secrets_of_a_connection_show_nowhere():
    from apim_sdk import Secret

    settings = UpstreamSettings(
        tls=UpstreamTLS(key_password=Secret("open sesame")),
        proxy=UpstreamProxy("proxy.example", 3128, "ada", Secret("open sesame")),
    )

    assert "open sesame" not in repr(settings)


def test_equal_settings_are_one_key_so_that_pools_can_be_shared():
    assert 1 == len({UpstreamSettings(), UpstreamSettings()})
