"""How counters count within Redis or Valkey: one Lua script that decides many questions in one step.

It does what the tables of ``apim_sdk.counting`` do, by the server's clock. Each key holds three whole numbers,

    gcra            the moment of the last change, the backlog then, how many parts of the backlog are a unit
    fixed-window    when the window begins, when it ends, and its count
    sliding-window  the number of the window, the count of the one before, and its count
    sliding-log     a list: all units in it, then "moment units" of each call, the oldest first

and expires a second after it has become as good as none. What does not look like that is dropped and counted.

Numbers in Lua are doubles, so all stay below 2**53 and are whole: moments are microseconds (milliseconds in fixed
windows), and where the units of a limit times the microseconds of its window are more than that, the window has
correspondingly fewer ticks (``apim_stores.redis_limits``).

KEYS are those of the questions. ARGV: the number of limits, eleven numbers for each, then four for each question: the
limit, what is asked (0 grant, 1 settle, 2 reset), and two numbers: least and most, or units. The answer: the server's
time in seconds and microseconds, how many values were dropped, then four numbers for each question: units (-1 where the
limit's window of the calendar is not that of the server's clock, and nothing was done), microseconds to wait (-1 for
ever), what remains, microseconds until all is there again.
"""

from __future__ import annotations

import hashlib
from typing import Final

from apim_stores.redis_counting_ways import FIXED, GCRA, LOG, SLIDING

__all__ = ["COUNT", "COUNT_SHA", "MEMBERS", "MEMBERS_SHA", "sha"]

_CLOCK: Final = "local time = redis.call('TIME')\n"

_COMMON: Final = """
local seconds, micros = tonumber(time[1]), tonumber(time[2])
local now, today = seconds * 1000000 + micros, seconds * 1000 + math.floor(micros / 1000)
local MARGIN, LARGEST, MOST, NEVER = 1000, 4503599627370496, 2199023255551, -1
local floor, ceil, min, max, match = math.floor, math.ceil, math.min, math.max, string.match
local answer, filled, dropped = {seconds, micros, 0}, 3, 0

local function give(units, wait, remaining, reset)
  answer[filled + 1], answer[filled + 2], answer[filled + 3], answer[filled + 4] = units, wait, remaining, reset
  filled = filled + 4
end

local function whole(text)
  local number = text and tonumber(text)
  return number and number <= 9007199254740992 and number or nil
end

local function drop(key, found)
  if type(found) == 'table' and found.err and not string.find(found.err, 'WRONGTYPE', 1, true) then
    error(found.err)
  end
  redis.call('DEL', key)
  dropped = dropped + 1
end

local function read(key)
  local value = redis.pcall('GET', key)
  if not value then return nil end
  if type(value) == 'string' then
    local first, second, third = match(value, '^(%d+) (%d+) (%d+)$')
    first, second, third = whole(first), whole(second), whole(third)
    if first and second and third then return first, second, third end
  end
  drop(key, value)
end

local function write(key, first, second, third, milliseconds)
  local expiry = string.format('%.0f', ceil(milliseconds) + MARGIN)
  redis.call('SET', key, string.format('%.0f %.0f %.0f', first, second, third), 'PX', expiry)
end
"""

_QUESTIONS: Final = """
local ways = {gcra, sliding, log, fixed}
local limits, at = {}, 2
for number = 1, tonumber(ARGV[1]) do
  limits[number] = {
    way = ways[tonumber(ARGV[at])],
    units = tonumber(ARGV[at + 1]), most = tonumber(ARGV[at + 2]), length = tonumber(ARGV[at + 3]),
    ticks = tonumber(ARGV[at + 4]), part = tonumber(ARGV[at + 5]), drain = tonumber(ARGV[at + 6]),
    counts_refused = ARGV[at + 7] == '1',
    begin = tonumber(ARGV[at + 8]), finish = tonumber(ARGV[at + 9]), after = tonumber(ARGV[at + 10]),
  }
  at = at + 11
end
for number = 1, #KEYS do
  local limit, what = limits[tonumber(ARGV[at])], tonumber(ARGV[at + 1])
  if what == 2 then
    redis.call('DEL', KEYS[number])
    give(0, 0, 0, 0)
  else limit.way(KEYS[number], limit, what, tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])) end
  at = at + 4
end
answer[3] = dropped
return answer
"""

COUNT: Final = _CLOCK + _COMMON + GCRA + FIXED + SLIDING + LOG + _QUESTIONS
"""Decide the questions."""

MEMBERS: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = string.format('(%.0f', now - ARGV[2])
if ARGV[3] == '1' then redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
else redis.call('ZREM', KEYS[1], ARGV[1]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', oldest)
redis.call('PEXPIRE', KEYS[1], 2 * ARGV[2])
return redis.call('ZCARD', KEYS[1])
"""
"""Who counts here: ARGV is a member, after how many milliseconds without a sign of life it is gone, and 1 for a sign of
life or 0 for a farewell. The answer is how many there are."""


def sha(script: str) -> str:
    """What the server knows a script by."""
    return hashlib.sha1(script.encode()).hexdigest()  # noqa: S324  # as Redis has it; nothing is kept safe by it


COUNT_SHA: Final = sha(COUNT)
MEMBERS_SHA: Final = sha(MEMBERS)
