"""The engine beside a second, plain reading of the specification, on random recipes and clicks."""
