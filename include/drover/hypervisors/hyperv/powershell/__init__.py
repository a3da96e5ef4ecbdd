"""What is known of PowerShell's cmdlets: `cmdlets.json`, which our scripts are checked against."""
