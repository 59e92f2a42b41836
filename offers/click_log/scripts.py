"""The scripts of the click log: each is a `.lua` file in this folder, with its keys and arguments at its top.

Redis runs a script as one step, with no other command in between, so nobody sees half of it. When Redis uses
more memory than it may (`maxmemory`) it refuses most writes; a script whose first line has `flags=allow-oom`
runs all the same. Delivery's scripts have the flag, for they make room; the one that writes clicks has not,
so that there is room left for them.
"""

from lib.lua import read_lua

APPEND = read_lua(__file__, "append")
WRITE = read_lua(__file__, "write")
ACKNOWLEDGE = read_lua(__file__, "acknowledge")
ADVANCE = read_lua(__file__, "advance")
FORGET_SENT = read_lua(__file__, "forget_sent")
DEAD_LETTER = read_lua(__file__, "dead_letter")
FORGET_CONSUMERS = read_lua(__file__, "forget_consumers")
DROP_OLDEST = read_lua(__file__, "drop_oldest")
REDELIVER = read_lua(__file__, "move", "redeliver")
REDELIVER_CONVERSIONS = read_lua(__file__, "move", "redeliver_conversions")
FIND = read_lua(__file__, "find")
