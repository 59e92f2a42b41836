"""Django middleware: proxies, request ids, static files, the sign-in throttle."""
