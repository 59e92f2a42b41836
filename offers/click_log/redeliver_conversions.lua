-- Move the oldest dead conversion messages back to those that are to be sent; runs behind move.lua.
-- KEYS: 1 the dead conversions (stream), 2 the conversions (sorted set).
-- ARGV: 1 how many at most.
-- Returns how many were moved. They are due at once.
return move(function(of)
  redis.call('ZADD', KEYS[2], 0, of.message)
end)
