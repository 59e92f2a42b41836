"""The visitor: address, place, device."""
