"""Looking into a guest: its files, offline, and its services, from outside."""
