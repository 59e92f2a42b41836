"""Characters that copying, spreadsheets and mailers leave around a text: blanks, invisible ones, quotes."""

# Controls and the blank; fillers and blanks of other scripts; zero-width and direction marks.
BLANKS = (
    "".join(map(chr, range(33)))
    + "\x7f\x85\xa0\xad\u034f\u061c\u115f\u1160\u1680\u180e\u2028\u2029\u3000\u3164\ufeff\uffa0"
    + "".join(map(chr, (*range(0x2000, 0x2010), *range(0x202A, 0x2030), *range(0x205F, 0x2070))))
)
SURROUNDINGS = BLANKS + "\"'`\u2018\u2019\u201c\u201d"
