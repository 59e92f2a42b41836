"""The scripts of the recipe store: each is a `.lua` file in this folder, its keys and arguments at its top.

Redis runs a script as one step, with no other command in between. `store.py`, `holds.py`, `journal.py`
and `reader.py` hand the keys in.
"""

from lib.lua import read_lua

END_HOLD = read_lua(__file__, "end_hold")
FORGET = read_lua(__file__, "forget")
READ = read_lua(__file__, "read")
SWAP = read_lua(__file__, "announce", "swap")
UPDATE = read_lua(__file__, "announce", "update")
