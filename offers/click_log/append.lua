-- Append a batch of clicks to the log, and mark their visitors as seen.
-- KEYS: 1 the log (stream), 2 the conversions (sorted set). The keys `seen:<mark>` are made here.
-- ARGV: 1 for how many seconds a visitor counts as seen, then four for each click:
--       its record (JSON that begins with {"lid":"...),
--       the mark of its visitor ("" where uniqueness is not wanted),
--       what is known of its uniqueness ("" for nothing: it is looked up here),
--       "<due ms> <conversion message>" ("" for none).
-- Returns the number of clicks.
--
-- One step, so that no visitor is marked as seen by a click that is not in the log. `seen:<mark>` holds the
-- beginning of the lid: a click that is written a second time, after the answer to the first was lost, finds
-- its own and stays unique.
-- No allow-oom: a full Redis refuses the batch whole, before the first write, and the clicks go to the spool;
-- what memory is left is for delivery, which makes room.
local log, conversions, seen_seconds = KEYS[1], KEYS[2], ARGV[1]
for at = 2, #ARGV, 4 do
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
return (#ARGV - 1) / 4
