"""Dividing the cores between the gateway and its load."""

import pytest

from bench.affinity import Cores, divide, pinned


def test_on_two_cores_gateway_and_load_have_one_each():
    assert Cores(gateway=(1,), load=(0,)) == divide((0, 1))


def test_on_many_cores_the_load_side_takes_two():
    assert Cores(gateway=(7,), load=(0, 1)) == divide(tuple(range(8)))


def test_cores_of_their_own_are_apart():
    assert divide((0, 1)).apart


def test_on_one_core_both_share_it_and_say_so():
    assert Cores(gateway=(3,), load=(3,)) == divide((3,))
    assert not divide((3,)).apart


def test_no_core_at_all_is_an_error():
    with pytest.raises(ValueError, match="no processor core"):
        divide(())


def test_pinning_puts_taskset_before_the_command():
    assert ("taskset", "-c", "0,1", "wrk", "-t1") == pinned(("wrk", "-t1"), (0, 1))
