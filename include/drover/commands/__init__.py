"""The built-in commands, one a file: `app` is its Typer application, its docstring's first line is its help."""
