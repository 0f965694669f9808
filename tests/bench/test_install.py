"""Telling versions and absences."""

import pytest

from bench.install import Missing, Tools, version_in


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("nginx version: nginx/1.22.1", "1.22.1"),
        ("envoy  version: 9e5580933739775e8bce696a57a2e1bc99368f23/1.40.0/Clean/RELEASE", "1.40.0"),
        ("v2.11.7 h1:yj0Y4fYZ", "2.11.7"),
        ("Usage: wrk", "unknown"),
    ],
)
def test_a_version_is_found_in_what_a_program_says_of_itself(answer, version):
    assert version == version_in(answer)


def test_a_program_that_is_not_there_says_why():
    tools = Tools({}, {}, {"caddy": "no wheel for this platform"})
    with pytest.raises(Missing) as caught:
        tools.path("caddy")
    assert "caddy is needed and could not be installed: no wheel for this platform" == str(caught.value)
