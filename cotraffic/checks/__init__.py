"""System checks: settings that cannot work together are refused at start."""
