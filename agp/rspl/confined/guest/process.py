"""``agp.runtime.process`` as confined code sees it: programs run in a sandbox of their own."""

# pyright: basic, reportMissingImports=false

import agp_guest


class Limits:
    """What one run may use; the host allows no more than it would itself."""

    def __init__(
        self,
        *,
        wall_s=10.0,
        cpu_s=10,
        memory_mb=1024,
        output_bytes=1_000_000,
        file_mb=16,
        processes=16,
    ):
        self.wall_s, self.cpu_s, self.memory_mb = wall_s, cpu_s, memory_mb
        self.output_bytes, self.file_mb, self.processes = output_bytes, file_mb, processes


class ProcessResult:
    """What a run left behind."""

    def __init__(self, outcome, exit_code, stdout, stderr, duration_s):
        self.outcome, self.exit_code = outcome, exit_code
        self.stdout, self.stderr, self.duration_s = stdout, stderr, duration_s


async def run_python(code, *, stdin="", files=None, limits=None, **_):
    """Run Python code as a program."""
    everything = {**(files or {}), "main.py": code}
    return await run_files(everything, "main.py", stdin=stdin, limits=limits)


async def run_files(files, entry, arguments=(), *, stdin="", limits=None, **_):
    """Run one of the files as a program."""
    return ProcessResult(
        **agp_guest.ask(
            "run_program",
            files=dict(files),
            entry=entry,
            arguments=list(arguments),
            stdin=stdin,
            limits=vars(limits or Limits()),
        )
    )
