"""The framework: how plugins are asked, in which order, and what their answers mean."""
