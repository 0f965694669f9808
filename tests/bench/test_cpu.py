"""Reading CPU time out of /proc."""

import os
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from bench.cpu import (
    CoreTime,
    ProcessStat,
    cpu_seconds,
    family,
    others_share,
    parse_core_time,
    parse_stat,
)

STAT = (
    "4242 (gateway) S 17 4242 4242 0 -1 4194304 900 20 0 0 "
    "150 60 7 3 20 0 4 0 163000 9000000 2500 18446744073709551615 1 1 0 0\n"
)


def test_a_stat_line_gives_ids_own_time_and_time_of_reaped_children():
    assert ProcessStat(4242, 17, own_ticks=210, reaped_ticks=10) == parse_stat(STAT)


def test_a_command_name_may_hold_blanks_and_brackets():
    assert parse_stat(STAT) == parse_stat(STAT.replace("(gateway)", "(a) b (c d)"))


def test_the_family_is_the_process_and_all_below_it():
    master, worker, grandchild, stranger = (
        ProcessStat(10, 1, 5, 0),
        ProcessStat(11, 10, 6, 0),
        ProcessStat(12, 11, 7, 0),
        ProcessStat(13, 1, 8, 0),
    )
    assert (master, worker, grandchild) == family(10, (grandchild, stranger, worker, master))


def test_a_process_that_is_gone_has_no_family():
    assert () == family(99, (ProcessStat(10, 1, 5, 0),))


def test_cpu_time_is_the_sum_over_the_family_in_seconds(tmp_path):
    ticks_a_second = os.sysconf("SC_CLK_TCK")
    for line in (STAT, STAT.replace("4242 (gateway) S 17", "4243 (worker) S 4242")):
        folder = tmp_path / line.split()[0]
        folder.mkdir()
        (folder / "stat").write_text(line)
    assert 2 * (150 + 60 + 7 + 3) / ticks_a_second == cpu_seconds(4242, tmp_path)


def test_work_in_a_child_is_seen_while_it_lives_and_after_it_was_reaped():
    code = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"
    before = cpu_seconds(os.getpid())
    child = subprocess.Popen((sys.executable, "-c", code), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    alive = cpu_seconds(os.getpid()) - before
    child.communicate(b"\n")
    reaped = cpu_seconds(os.getpid()) - before
    assert alive >= 0.25
    assert reaped >= alive


@given(st.integers(0, 2**40), st.integers(0, 2**40), st.text(st.characters(codec="ascii"), max_size=15))
def test_whatever_the_name_the_times_are_those_of_the_line(user, system, name):
    line = STAT.replace(" 150 60 ", f" {user} {system} ").replace("(gateway)", f"({name})")
    assert user + system == parse_stat(line).own_ticks


CORES = """\
cpu  300 0 100 1000 20 0 30 10 0 0
cpu0 100 0 50 600 10 0 10 0 0 0
cpu1 200 0 50 400 10 0 20 10 0 0
intr 12345
"""


def test_a_core_is_busy_with_all_but_idling_and_waiting_for_disks():
    assert CoreTime(busy=280, total=690) == parse_core_time(CORES, (1,))


def test_times_of_several_cores_are_summed():
    assert CoreTime(busy=440, total=1460) == parse_core_time(CORES, (0, 1))


def test_what_a_core_did_beside_the_gateway_is_the_share_of_others():
    ticks_a_second = os.sysconf("SC_CLK_TCK")
    spent = CoreTime(busy=130, total=200).since(CoreTime(busy=30, total=0))
    assert 0.25 == others_share(spent, 50 / ticks_a_second)


def test_nobody_has_less_than_nothing_of_a_core():
    assert 0.0 == others_share(CoreTime(busy=10, total=100), 1.0)
    assert 0.0 == others_share(CoreTime(busy=0, total=0), 0.0)
