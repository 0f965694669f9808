"""What goes to wrk and what comes back."""

from pathlib import Path

from bench.load import Load, LoadFigures, Wrk, parse_wrk

OUTPUT = """\
Running 3s test @ http://127.0.0.1:8080/
  1 threads and 32 connections
  120000 requests in 3.00s, 40.00MB read
Requests/sec:  40000.00
wrk-json {"requests":120000,"duration_us":3000000,"bytes":40000000,"p50_us":710,"p99_us":1280,"max_us":9000,\
"connect":0,"read":2,"write":1,"status":5,"timeout":3}
"""


def test_figures_come_from_the_line_of_the_script():
    expected = LoadFigures(requests=120000, seconds=3.0, p50_ms=0.71, p99_ms=1.28, errors=11)
    assert expected == parse_wrk(OUTPUT.splitlines())


def test_throughput_is_answers_over_time():
    assert 40000.0 == LoadFigures(120000, 3.0, 0.71, 1.28, 0).per_second


def test_output_without_that_line_gives_nothing():
    assert parse_wrk(["unable to connect to 127.0.0.1:8080 Connection refused"]) is None


def test_each_request_is_written_with_its_length(tmp_path):
    path = Load((b"GET / HTTP/1.1\r\n\r\n", b"POST /\nwith\n\nlines")).write(tmp_path / "requests")
    assert b"18\nGET / HTTP/1.1\r\n\r\n\n18\nPOST /\nwith\n\nlines\n" == path.read_bytes()


def test_wrk_runs_one_thread_for_whole_seconds_on_its_cores():
    wrk = Wrk(Path("/usr/bin/wrk"), connections=32, cores=(0,))
    command = wrk.command(8443, Path("/tmp/requests"), seconds=2.6, tls=True, begin=40)
    assert ("taskset", "-c", "0", "/usr/bin/wrk", "-t1", "-c32", "-d3s") == command[:7]
    assert ("https://127.0.0.1:8443/", "--", "/tmp/requests", "40") == command[-4:]
