"""The panel of clicks: the newest ones, and one click beside what the same visitor would get now."""
