"""What a store does within Redis, as Lua scripts: each runs as one step, so values, index and log agree.

A value is a string of its own, and expires by itself. Beside the values stand an index (a sorted set of all keys, by
their bytes), the times at which values expire (a sorted set, milliseconds since the epoch), and the log (a stream of
keys that changed).
"""

from __future__ import annotations

from typing import Final

__all__ = ["ADD", "DELETE", "END", "NEWS", "PAGE", "PUT", "REPLACE", "SWEEP", "TAKE"]

_WRITING: Final = """
local value_at, index, expiries, log = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local key, limit = ARGV[1], ARGV[2]

local function tell()
  redis.call('XADD', log, 'MAXLEN', '~', limit, '*', 'key', key)
end

local function forget()
  local was = redis.call('DEL', value_at) + redis.call('ZREM', index, key)
  redis.call('ZREM', expiries, key)
  if was > 0 then tell() end
end

local function keep(value, milliseconds)
  if milliseconds == '' then
    redis.call('SET', value_at, value)
    redis.call('ZREM', expiries, key)
  elseif tonumber(milliseconds) <= 0 then
    return forget()
  else
    local time = redis.call('TIME')
    local expires = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + milliseconds)
    redis.call('SET', value_at, value, 'PXAT', expires)
    redis.call('ZADD', expiries, expires, key)
  end
  redis.call('ZADD', index, 0, key)
  tell()
end
"""

PUT: Final = _WRITING + "keep(ARGV[3], ARGV[4])"
ADD: Final = _WRITING + "if redis.call('EXISTS', value_at) == 1 then return 0 end keep(ARGV[3], ARGV[4]) return 1"
REPLACE: Final = (
    _WRITING + "if redis.call('GET', value_at) ~= ARGV[5] then return 0 end keep(ARGV[3], ARGV[4]) return 1"
)
TAKE: Final = _WRITING + "local value = redis.call('GET', value_at) forget() return value"
DELETE: Final = _WRITING + "forget()"

SWEEP: Final = """
local index, expiries, log = KEYS[1], KEYS[2], KEYS[3]
local values, limit, page = ARGV[1], ARGV[2], ARGV[3]
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
for _, key in ipairs(redis.call('ZRANGEBYSCORE', expiries, '-inf', now, 'LIMIT', 0, page)) do
  if redis.call('EXISTS', values .. key) == 0 then
    redis.call('ZREM', expiries, key)
    redis.call('ZREM', index, key)
    redis.call('XADD', log, 'MAXLEN', '~', limit, '*', 'key', key)
  end
end
"""
"""Tell of values that have expired. Keys: index, expiries, log."""

PAGE: Final = """
local found = {}
for number, key in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[2], ARGV[3], 'LIMIT', 0, ARGV[4])) do
  found[2 * number - 1] = key
  found[2 * number] = redis.call('GET', ARGV[1] .. key)
end
return found
"""
"""Keys of a range with their values (nil for one that has just expired). Key: index."""

END: Final = """
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return newest and newest[1] or redis.call('XADD', KEYS[1], '*', 'key', '')
"""
"""The id of the newest entry of the log, which gets its first one here."""

NEWS: Final = """
local log, values, position, prefix, page = KEYS[1], ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if #redis.call('XRANGE', log, position, position) == 0 then return nil end
local entries = redis.call('XRANGE', log, '(' .. position, '+', 'COUNT', page)
local seen, keys = {}, {}
for number = #entries, 1, -1 do
  local key = entries[number][2][2]
  if key ~= '' and not seen[key] and string.sub(key, 1, #prefix) == prefix then
    seen[key] = true
    keys[#keys + 1] = key
  end
end
local news = {#entries > 0 and entries[#entries][1] or position, #entries == page and 1 or 0}
for number = #keys, 1, -1 do
  news[#news + 1] = keys[number]
  news[#news + 1] = redis.call('GET', values .. keys[number])
end
return news
"""
"""Keys that changed since a position, each once and where it changed last, with their values: the position to go on
from, 1 if there is more, then keys and values. Nil where the log does not hold the position any more. Key: log."""
