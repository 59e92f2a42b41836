#!lua flags=allow-oom
-- Run one command, even when Redis is out of memory: for the few small keys that delivery writes.
-- KEYS: none; the keys are in the command.
-- ARGV: the command and its arguments.
-- Returns the reply of the command.
--
-- allow-oom: delivery must be able to say where it is, or it could not make room.
return redis.call(unpack(ARGV))
