-- Look for a click by its lid, or by how that begins, among some entries of a stream, without sending them all.
-- KEYS: 1 the stream.
-- ARGV: 1 XRANGE or XREVRANGE, 2 and 3 its two ends, 4 how many entries to look at, 5 the lid
--       or its beginning.
-- Returns three values: 1 if it was found, else 0; how many entries were looked at; the entry if it was
-- found, else the id of the last entry looked at, or '' where there was none.
--
-- A record begins with its lid, so comparing the beginning is enough. It writes nothing and needs no memory.
local mark = '{"lid":"' .. ARGV[5]
local entries = redis.call(ARGV[1], KEYS[1], ARGV[2], ARGV[3], 'COUNT', ARGV[4])
for place, entry in ipairs(entries) do
  for at = 1, #entry[2], 2 do
    if entry[2][at] == 'click' and string.sub(entry[2][at + 1], 1, #mark) == mark then
      return {1, place, entry}
    end
  end
end
return {0, #entries, #entries > 0 and entries[#entries][1] or ''}
