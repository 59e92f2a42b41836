"""The staff page: what this instance knows, and whether it is true. It reads what the rooms publish."""
