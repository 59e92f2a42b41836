"""Who is clicking: address, place, device."""
