# Which of the files $p.paths are there. Where $p.remove says so, they are removed.
param($p)
foreach ($path in @($p.paths)) {
    if (Test-Path -LiteralPath $path) {
        if ($p.remove) {
            Remove-Item -LiteralPath $path -Force
        }
        $path
    }
}
