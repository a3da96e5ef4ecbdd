"""Bundle the evidence of a run, signed, and check a bundle that somebody kept."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Bundle the evidence of a run, or check a bundle.")

ALTERED = 1
KeyFile = Annotated[
    Path | None, typer.Option("--key-file", help="The private key; $DROVER_SIGNING_KEY, or one of yours by default.")
]
Json = Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")]


@app.command("verify")
def verify(
    bundle: Annotated[Path, typer.Argument(help="What 'audit bundle' wrote.")],
    key: Annotated[
        str | None, typer.Option(help="Who must have signed it: a fingerprint (SHA256:...) or a public key in PEM.")
    ] = None,
    json_output: Json = False,
) -> None:
    """Says whether a bundle is as it was signed.

    Exit code 0: intact; 1: altered, and what; 2: no bundle.
    """
    from drover.evidence.audit import audit
    from drover.evidence.keys import expected_fingerprint
    from drover.streams import visible

    result = audit(bundle, expected_fingerprint(key) if key else None)
    if json_output:
        typer.echo(json.dumps({"intact": not result.problems, **asdict(result)}))
    elif result.problems:
        typer.echo("\n".join(["Altered:", *(f"  {visible(problem)}" for problem in result.problems)]))
    else:
        typer.echo(
            f"Intact: wave {visible(result.wave)}, run {visible(result.run)}, {result.machines} machines, "
            f"{result.records} records, {result.files} files, signed with {result.key}."
        )
        if key is None:
            typer.echo("Compare that key with the one you know, or give it with --key: a bundle can carry any key.")
    if result.problems:
        raise typer.Exit(ALTERED)


@app.command("bundle")
def make(
    run_folder: Annotated[Path, typer.Argument(help="The folder of one run: <evidence>/<wave>/<run>.")],
    out: Annotated[Path, typer.Argument(help="The file to write.")],
    key_file: KeyFile = None,
    json_output: Json = False,
) -> None:
    """Writes all evidence of a run into one signed file; a key that nobody named is made on first use."""
    from drover import streams
    from drover.errors import BadInputError
    from drover.evidence import keys
    from drover.evidence.bundle import bundle
    from drover.evidence.store import RunStore

    try:
        run = RunStore.at(run_folder.resolve())
    except (OSError, ValueError, KeyError):
        raise BadInputError(
            f"{run_folder} is not the folder of a run.", remedy="Name a folder <evidence>/<wave>/<run>."
        ) from None
    if not out.parent.is_dir():
        raise BadInputError(f"There is no folder {out.parent}.", remedy="Make it first, or write elsewhere.")
    with keys.key_file(key_file, streams.told) as path:
        done = bundle(run, out, path)
    if json_output:
        typer.echo(json.dumps(asdict(done), default=str))
    else:
        typer.echo(f"Wrote {out}: {done.files} files, {done.records} records, signed with {done.key}.")


@app.command("key")
def key(
    key_file: KeyFile = None,
    new: Annotated[bool, typer.Option("--new", help="Make a key where there is none yet.")] = False,
) -> None:
    """Shows the public key and fingerprint that bundles made here are signed with."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    from drover import streams
    from drover.evidence import keys

    with keys.key_file(key_file, streams.told, new=new) as path:
        public = keys.signing_key(path).public_key()
    typer.echo(keys.fingerprint(keys.public_bytes(public)))
    typer.echo(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(), nl=False)
