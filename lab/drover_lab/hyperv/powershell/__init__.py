"""PowerShell 5.1 as far as our scripts use it: its grammar, strictly."""
