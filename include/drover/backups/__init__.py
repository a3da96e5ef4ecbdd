"""Finished backups, wherever they lie: what seals one, what it is proven by, how it comes back, how long it is kept."""
