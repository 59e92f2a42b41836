"""Recognises robots, link previews and programs by their user agent."""

from offers.visitors.automated import AutomatedReason
from offers.visitors.crawlers import CrawlerList
from offers.visitors.marks import description
from offers.visitors.robot_marks import (
    BOT,
    BOT_WITHOUT_SYSTEM,
    PREVIEW,
    PROGRAM,
    PROGRAM_WITHOUT_SYSTEM,
    without_models,
)


def recognized(user_agent: str, has_system: bool, crawlers: CrawlerList) -> AutomatedReason | None:
    """Return what kind of machine a user agent is of, None if it may be a person's.

    `has_system`: it names an operating system. Then it is believed to be a person's unless a mark leaves no
    doubt. What neither marks nor list know is a person's, however odd it is, for a person's click counts.
    """
    if not user_agent.strip():
        return AutomatedReason.NO_USER_AGENT
    if PROGRAM.match(user_agent):
        return AutomatedReason.PROGRAM
    reason = _reason(user_agent, has_system, crawlers)
    if reason is None:
        # Nearly every user agent. The others are looked at again without the names of phones and apps.
        return None
    return _reason(without_models(user_agent, description(user_agent)), has_system, crawlers)


def _reason(text: str, has_system: bool, crawlers: CrawlerList) -> AutomatedReason | None:
    lower_case, crawler = text.lower(), crawlers.find(text, has_system)
    is_bot = BOT.mark(text, lower_case) or (not has_system and BOT_WITHOUT_SYSTEM.mark(text, lower_case))
    if not is_bot and crawler is None:
        is_program = not has_system and PROGRAM_WITHOUT_SYSTEM.mark(text, lower_case)
        return AutomatedReason.PROGRAM if is_program else None
    if (crawler is not None and crawler.is_preview) or PREVIEW.search(text):
        return AutomatedReason.PREVIEW
    is_program = not is_bot and crawler is not None and crawler.is_library
    return AutomatedReason.PROGRAM if is_program else AutomatedReason.BOT
