"""Runs a record's code inside the sandbox: makes its objects, calls them, and replies in JSON.

A reply is ``{"result": …}``, with ``"params"`` where the state changed, or ``{"fault": words}``
where the code says what is wrong with its input (ValueError). Nothing here is trusted by the host.
"""

# pyright: basic, reportMissingImports=false, reportCallIssue=false
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportOptionalMemberAccess=false

import importlib.util
import os
import sys


def call(file, name, given, injected):
    """Call a function."""
    return _reply(lambda: _load(file, name)(**given, **_injected(injected)))


def act(file, name, params, method, given, injected):
    """Call a method of an object that is made of parameters; make one of the new ones too."""
    made = []

    def work():
        made.append(_load(file, name))
        return getattr(made[0](**params), method)(**given, **_injected(injected))

    return _reply(work, lambda changed: made[0](**changed))


def build(file, name, params):
    """Whether an object can be made of parameters at all."""

    def work():
        _load(file, name)(**params)

    return _reply(work)


def rebuild(file, name, params):
    """The parameters as an object that was made of them gives them back."""

    def work():
        return getattr(_load(file, name)(**params), "params", params)

    reply = _reply(work)
    return {"params": reply["result"]} if "result" in reply else reply


def run_policy(file, name, settings, run):
    """Run an agent's policy."""
    from agp.runtime import AgentRun, Answer

    answer = _settled(_load(file, name)(**settings).run(AgentRun(run)))
    if not isinstance(answer, Answer):
        raise TypeError(f"its policy returned {type(answer).__name__}, not an Answer")
    return {"answer": answer.data()}


def _reply(work, check=None):
    try:
        result = _settled(work())
        if not _is_changed(result):
            return {"result": result}
        if check is not None:
            check(result.params)
        return {"result": result.result, "params": result.params}
    except ValueError as error:
        return {"fault": str(error)}


def _is_changed(result):
    actions = sys.modules.get("agp.rspl.kinds.actions")
    return actions is not None and isinstance(result, actions.Changed)


def _load(file, name):
    stem = file.removesuffix(".py").replace("/", ".")
    if stem in sys.modules:  # as a module of the library that was loaded before
        stem = "confined_" + stem
    spec = importlib.util.spec_from_file_location(stem, os.path.abspath(file))
    module = sys.modules[stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def _injected(given):
    if not given:
        return {}
    from agp.runtime import Task

    return {name: Task(**value) for name, value in given.items()}


def _settled(value):
    """What a call gives; what is asynchronous is run to its end.

    Asking the host blocks, so most coroutines never wait, and need no event loop.
    """
    if not hasattr(value, "send"):
        return value
    if "asyncio" in sys.modules:
        return _in_loop(value)
    try:
        value.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("it waits for something: import asyncio, which gives it a loop")


def _in_loop(coroutine):
    """Run a coroutine in a loop without sockets: it wakes by itself, and only itself."""
    import asyncio
    import selectors
    import time

    class Sleeper(selectors.SelectSelector):
        def select(self, timeout=None):
            time.sleep(0.002 if timeout is None else max(0.0, min(timeout, 0.002)))
            return []

    class Loop(asyncio.SelectorEventLoop):
        def _make_self_pipe(self):
            self._internal_fds = 0
            self._ssock = self._csock = None

        def _close_self_pipe(self):
            return None

        def _write_to_self(self):
            return None

    loop = Loop(Sleeper())
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()
