"""Recordings of play on disk: read, written, checked and downloaded."""
