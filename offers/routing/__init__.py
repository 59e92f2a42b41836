"""From the rules to a decision: whose page, whose click, for how much."""
