# Which of the paths $p.paths are not there.
param($p)
@($p.paths) | Where-Object { -not (Test-Path -LiteralPath $_) }
