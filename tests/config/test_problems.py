"""The texts and the machine-readable form of problems."""

from apim_core.config.problems import ConfigErrors, Location, Problem, did_you_mean

PROBLEM = Problem("gateway.yaml", 3, 5, "/apis/0/nmae", "the key 'nmae' is not known here", "did you mean 'name'?")


def test_a_problem_begins_with_its_place_and_ends_with_its_remedy() -> None:
    expected = "gateway.yaml:3:5: the key 'nmae' is not known here\n  at /apis/0/nmae\n  fix: did you mean 'name'?"

    assert expected == str(PROBLEM)


def test_what_is_not_known_of_a_place_is_left_out() -> None:
    assert "gateway.yaml: it is missing" == str(Problem("gateway.yaml", None, None, "", "it is missing"))
    assert "it is missing\n  at /a" == str(Problem("", None, None, "/a", "it is missing"))


def test_problems_are_counted() -> None:
    assert f"{PROBLEM}\n1 problem" == str(ConfigErrors([PROBLEM]))
    assert f"{PROBLEM}\n{PROBLEM}\n2 problems" == str(ConfigErrors([PROBLEM, PROBLEM]))


def test_problems_have_a_form_for_machines() -> None:
    expected = {
        "file": "gateway.yaml",
        "line": 3,
        "column": 5,
        "pointer": "/apis/0/nmae",
        "message": "the key 'nmae' is not known here",
        "hint": "did you mean 'name'?",
    }

    assert [expected] == ConfigErrors([PROBLEM]).to_json()


def test_a_location_reads_like_those_of_compilers() -> None:
    assert "gateway.yaml:3:5" == str(PROBLEM.location)
    assert "gateway.yaml" == str(Location("gateway.yaml"))


def test_a_slip_of_the_pen_is_recognised() -> None:
    assert "did you mean 'limits'?" == did_you_mean("limit", ["limits", "listen"])
    assert "did you mean 'key_managers'?" == did_you_mean("Key-Managers", ["key_managers", "keys"])
    assert "did you mean 'rate-limit'?" == did_you_mean("rate_limit", ["rate-limit"])


def test_nothing_is_guessed_where_nothing_is_close() -> None:
    assert did_you_mean("zebra", ["limits", "listen"]) is None
    assert did_you_mean(1, ["limits"]) is None
