"""The command line: one small file a command, and nothing the library could not do without it.

`main.py` puts the commands together; `options.py` holds what several commands take, `render.py`
and `report.py` how things look, `progress.py` what is shown while a run goes on, `failures.py`
how an error ends the program. Heavy imports stand inside functions: `agp --help` must be quick.
"""
