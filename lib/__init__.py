"""What more than one app needs and that knows none of them."""
