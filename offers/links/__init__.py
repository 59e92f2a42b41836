"""Ad tokens and the links that carry them."""
