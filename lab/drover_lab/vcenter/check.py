"""Asked of the vCenter's Go code before a commit: gofmt has nothing to change, go vet nothing to say."""

import sys
from pathlib import Path

from drover.errors import DroverError
from drover_lab.process import output
from drover_lab.vcenter import program


def main() -> int:
    """:returns: the exit code. What is wrong is said on stderr."""
    try:
        formatter = Path(program.go("env", "GOROOT").strip()) / "bin" / "gofmt"
        unformatted = output([str(formatter), "-l", str(program.SOURCES)])
        program.go("vet", ".")
    except DroverError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    if unformatted:
        sys.stderr.write(f"gofmt would change:\n{unformatted}")
    return 1 if unformatted else 0


if __name__ == "__main__":
    sys.exit(main())
