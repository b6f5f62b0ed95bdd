"""The browser page on which people record their own play."""
