"""Reading resident memory out of /proc."""

import os

from bench.memory import Memory, forget_peak, memory, parse_status

STATUS = "Name:\tgateway\nVmPeak:\t  90000 kB\nVmHWM:\t   51200 kB\nVmRSS:\t   40960 kB\nThreads:\t4\n"


def test_sizes_are_in_bytes():
    assert Memory(resident=40960 * 1024, peak=51200 * 1024) == parse_status(STATUS)


def test_a_kernel_thread_holds_nothing():
    assert Memory(0, 0) == parse_status("Name:\tkthreadd\nThreads:\t1\n")


def test_memory_is_summed_over_a_process_and_its_children(tmp_path):
    for number, parent in ((10, 1), (11, 10), (12, 1)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "stat").write_text(f"{number} (gateway) S {parent}" + " 0" * 40)
        (folder / "status").write_text(STATUS)
    assert Memory(2 * 40960 * 1024, 2 * 51200 * 1024) == memory(10, tmp_path)


def test_a_forgotten_peak_falls_back_to_what_is_resident():
    held = bytearray(64 << 20)
    held[::4096] = b"x" * len(held[::4096])
    before = memory(os.getpid()).peak
    del held
    forget_peak(os.getpid())
    assert memory(os.getpid()).peak < before
