"""The four ways to count, in Lua: what the tables of ``apim_sdk.counting`` do, for one question each.

Each is given the key, its limit, what is asked (0 grant, 1 settle), and two numbers, and ends with ``give``. The rest
of the script, and what it holds in a key, is in ``apim_stores.redis_counting_script``.
"""

from __future__ import annotations

from typing import Final

__all__ = ["FIXED", "GCRA", "LOG", "SLIDING"]

GCRA: Final = """
-- limit.ticks a window; a unit is limit.part of backlog, of which limit.drain go with each tick
local function ticks_of(limit, moment)
  if limit.ticks == limit.length then return moment end
  local windows = floor(moment / limit.length)
  return windows * limit.ticks + floor((moment - windows * limit.length) * limit.ticks / limit.length)
end

local function gcra(key, limit, what, first, most)
  local part, capacity, backlog = limit.part, limit.most * limit.part, 0
  local micros_each = limit.length / limit.ticks / limit.drain
  local changed, kept, parts = read(key)
  if changed and parts > 0 then
    if parts ~= part then -- there are other units now: what was taken stays taken
      kept = floor(kept / parts) * part + floor(kept % parts * part / parts)
    end
    local elapsed = ticks_of(limit, now) - ticks_of(limit, changed)
    backlog = min(max(kept - max(elapsed, 0) * limit.drain, 0), LARGEST)
  end
  local function keep(value)
    backlog = min(max(value, 0), LARGEST)
    if backlog == 0 then redis.call('DEL', key)
    else write(key, now, backlog, part, backlog * micros_each / 1000) end
  end
  local free = floor((capacity - backlog) / part)
  if what == 1 then
    if first ~= 0 then keep(backlog + first * part) end
    free = capacity - backlog
    local wait = max(part - free, 0)
    return give(0, ceil(wait * micros_each), max(floor(free / part), 0), ceil(backlog * micros_each))
  end
  if free >= first then
    local units = min(free, most)
    keep(backlog + units * part)
    return give(units, 0, free - units, ceil(backlog * micros_each))
  end
  local reset, wait = ceil(backlog * micros_each), NEVER
  if first <= limit.most then
    local arrival = backlog + first * part
    if limit.counts_refused then
      keep(min(arrival, capacity + limit.units * part))
      arrival = backlog + first * part
    end
    wait = max(ceil((arrival - capacity) * micros_each), 1)
  end
  give(0, wait, max(free, 0), reset)
end
"""

FIXED: Final = """
local function fixed(key, limit, what, first, most)
  local begin, finish, count = read(key)
  if not begin or today >= finish or finish - today > 2 * limit.length then
    count = 0
    if limit.after == 0 then begin, finish = today, today + limit.length
    elseif today < limit.begin or today >= limit.after then return give(-1, 0, 0, 0)
    elseif today < limit.finish then begin, finish = limit.begin, limit.finish
    else begin, finish = limit.finish, limit.after end
  end
  local function keep(value)
    count = min(max(value, 0), MOST)
    if count == 0 then redis.call('DEL', key) -- a window begins with the first unit
    else write(key, begin, finish, count, finish - today) end
  end
  local left = (finish - today) * 1000
  if what == 1 then
    if first ~= 0 then keep(count + first) end
    local free = max(limit.units - count, 0)
    return give(0, free > 0 and 0 or left, free, count > 0 and left or 0)
  end
  local free = max(limit.units - count, 0)
  if free >= first then
    local units = min(free, most)
    keep(count + units)
    return give(units, 0, free - units, left)
  end
  if first <= limit.units and limit.counts_refused then keep(count + first) end
  give(0, first <= limit.units and left or NEVER, free, left)
end
"""

SLIDING: Final = """
local function sliding(key, limit, what, first, most)
  local units, ticks = limit.units, limit.ticks
  local micros_each = limit.length / ticks
  local window, before, count = floor(now / limit.length), 0, 0
  local passed = now - window * limit.length
  local elapsed = ticks == limit.length and passed or floor(passed * ticks / limit.length)
  local counted, former, kept = read(key)
  if counted then
    if counted == window then before, count = former, kept
    elseif counted == window + 1 then window, elapsed, before, count = counted, 0, former, kept
    elseif counted == window - 1 then before = kept end
  end
  local function keep(value)
    count = min(value, MOST)
    write(key, window, before, count, (2 * limit.length - passed) / 1000)
  end
  local function free_now()
    return max(floor((units * ticks - before * (ticks - elapsed)) / ticks) - count, 0)
  end
  local function wait_for(cost)
    local room = units - cost
    if room < 0 then return NEVER end
    if count > room then
      return ceil((2 * ticks - elapsed - floor(room * ticks / count)) * micros_each)
    end
    return ceil(max(ticks - floor((room - count) * ticks / max(before, 1)) - elapsed, 1) * micros_each)
  end
  local function until_empty()
    local left = ticks - elapsed
    return ceil((count > 0 and left + ticks or before > 0 and left or 0) * micros_each)
  end
  if what == 1 then
    if first ~= 0 then
      if count + first < 0 then
        before = max(before + count + first, 0)
        keep(0)
      else keep(count + first) end
    end
    local free = free_now()
    return give(0, free > 0 and 0 or wait_for(1), free, until_empty())
  end
  local free = free_now()
  if free >= first then
    local taken = min(free, most)
    keep(count + taken)
    return give(taken, 0, free - taken, until_empty())
  end
  if first <= units and limit.counts_refused then keep(count + first) end
  give(0, wait_for(first), free, until_empty())
end
"""

LOG: Final = """
local function entry_of(text)
  local moment, units = match(text, '^(%d+) (%d+)$')
  return whole(moment), whole(units)
end

-- all units, and how many of the oldest calls are over; nil where the list is none
local function read_log(key, length)
  local head = redis.pcall('LINDEX', key, 0)
  if not head then return 0, 0, true end
  local total, over, from, page = whole(type(head) == 'string' and match(head, '^%d+$') or nil), 0, 1, 8
  if not total then return drop(key, head) end
  while true do
    local entries = redis.call('LRANGE', key, from, from + page - 1)
    for _, text in ipairs(entries) do
      local moment, units = entry_of(text)
      if not moment or not units then return drop(key) end
      if moment > now - length then return max(total, 0), over, false end
      total, over = total - units, over + 1
    end
    if #entries < page then return 0, over, false end
    from, page = from + page, 500
  end
end

local function log(key, limit, what, first, most)
  local length, units = limit.length, limit.units
  local total, over, empty = read_log(key, length)
  if not total then total, over, empty = 0, 0, true end
  local function tidy() -- the list begins with its total and the oldest call that counts
    if empty then redis.call('RPUSH', key, total)
    elseif over > 0 then
      redis.call('LTRIM', key, over + 1, -1)
      redis.call('LPUSH', key, string.format('%.0f', total))
    end
    empty, over = false, 0
  end
  local function add(more)
    tidy()
    total = total + more
    redis.call('LSET', key, 0, string.format('%.0f', total))
    redis.call('RPUSH', key, string.format('%.0f %.0f', now, more))
    redis.call('PEXPIRE', key, ceil(length / 1000) + MARGIN)
  end
  local function give_back(less)
    tidy()
    local calls = redis.call('LLEN', key) - 1
    while less > 0 and calls > 0 do
      local moment, taken = entry_of(redis.call('RPOP', key))
      if not moment or not taken then break end
      local back = min(taken, less)
      if back < taken then redis.call('RPUSH', key, string.format('%.0f %.0f', moment, taken - back))
      else calls = calls - 1 end
      total, less = total - back, less - back
    end
    if calls == 0 then
      redis.call('DEL', key)
      total, empty = 0, true
    else redis.call('LSET', key, 0, string.format('%.0f', max(total, 0))) end
  end
  local function wait_for(cost)
    local excess, from = total + cost - units, over + 1
    if cost > units or empty then return NEVER end
    while true do
      local entries = redis.call('LRANGE', key, from, from + 99)
      for _, text in ipairs(entries) do
        local moment, taken = entry_of(text)
        if not moment or not taken then return NEVER end
        excess = excess - taken
        if excess <= 0 then return moment + length - now end
      end
      if #entries < 100 then return NEVER end
      from = from + 100
    end
  end
  local function until_empty()
    local last = not empty and redis.call('LLEN', key) > over + 1 and redis.call('LINDEX', key, -1)
    local moment = last and entry_of(last)
    return moment and max(moment + length - now, 0) or 0
  end
  if what == 1 then
    if first > 0 then add(first) elseif first < 0 then give_back(-first) end
    local free = max(units - total, 0)
    return give(0, free > 0 and 0 or wait_for(1), free, until_empty())
  end
  local free = max(units - total, 0)
  if free >= first then
    local taken = min(free, most)
    add(taken)
    return give(taken, 0, free - taken, length)
  end
  if limit.counts_refused and total < 2 * units then add(first) end
  give(0, wait_for(first), free, until_empty())
end
"""
