-- Append a batch of clicks to the log, mark their visitors as seen, and count them for live caps.
-- KEYS: 1 the log (stream), 2 the conversions (sorted set). The keys `seen:<mark>` are made here, and those of
--       live counts (hashes, see offers/live_caps/store.py) come as arguments.
-- ARGV: 1 for how many seconds a visitor counts as seen, 2 for how many a live count is kept,
--       3 the number of live counts, then four for each:
--       its key, how many clicks reach its limit, how many to add that are in no batch any more,
--       the places in this batch of the clicks that it counts (such as "1,2,5"),
--       then four for each click:
--       its record (JSON that begins with {"lid":"...),
--       the mark of its visitor ("" where uniqueness is not wanted),
--       what is known of its uniqueness ("" for nothing: it is looked up here),
--       "<due ms> <conversion message>" ("" for none).
-- Returns what each live count came to, and the places of the clicks that one of theirs had no room for: these
-- are not written, but decided again.
--
-- One step, so that no visitor is marked as seen by a click that is not in the log, and no two workers take the
-- last place under a cap. `seen:<mark>` holds the beginning of the lid: a click that is written a second time,
-- after the answer to the first was lost, finds its own and stays unique.
-- No allow-oom: a full Redis refuses the batch whole, before the first write, and the clicks go to the spool;
-- what memory is left is for delivery, which makes room.
local log, conversions, seen_seconds = KEYS[1], KEYS[2], ARGV[1]
local counts, totals, away = {}, {}, {}
local first_click = 4 + 4 * ARGV[3]
-- For the place of each click its counts; empty where no cap is counted.
local counted_by = {}
for at = 4, first_click - 1, 4 do
  local count = {key = ARGV[at], room = tonumber(ARGV[at + 1]), added = tonumber(ARGV[at + 2])}
  count.total = tonumber(redis.call('HGET', count.key, 'clicks') or 0) + count.added
  counts[#counts + 1] = count
  for place in string.gmatch(ARGV[at + 3], '%d+') do
    place = tonumber(place)
    counted_by[place] = counted_by[place] or {}
    table.insert(counted_by[place], count)
  end
end
local function has_room(place)
  local mine = counted_by[place]
  if not mine then return true end
  for _, count in ipairs(mine) do
    if count.total >= count.room then return false end
  end
  for _, count in ipairs(mine) do
    count.total, count.added = count.total + 1, count.added + 1
  end
  return true
end
local function append(at)
  local click, mark, unique, conversion = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  if mark ~= '' and unique == '' then
    local lid = string.sub(click, 9, 16)
    local first = redis.call('SET', 'seen:' .. mark, lid, 'NX', 'GET', 'EX', seen_seconds)
    unique = (not first or first == lid) and '1' or '0'
  end
  redis.call('XADD', log, '*', 'click', click, 'unique', unique)
  if conversion ~= '' then
    local space = string.find(conversion, ' ', 1, true)
    redis.call('ZADD', conversions, string.sub(conversion, 1, space - 1), string.sub(conversion, space + 1))
  end
end
local place = 0
for at = first_click, #ARGV, 4 do
  if has_room(place) then append(at) else away[#away + 1] = place end
  place = place + 1
end
for at, count in ipairs(counts) do
  totals[at] = count.total
  if count.added ~= 0 then
    redis.call('HINCRBY', count.key, 'clicks', count.added)
    redis.call('HSETNX', count.key, 'since_s', redis.call('TIME')[1])
    redis.call('EXPIRE', count.key, ARGV[2])
  end
end
return {totals, away}
