"""Which names of Python give a program which power."""

from __future__ import annotations

from agp.capabilities.texts import words

BUILTINS = words(
    "__build_class__ __builtins__ __import__ __loader__ __spec__ breakpoint compile delattr dir "
    "eval exec getattr globals help input locals open setattr type vars"
)
"""Built-in names that are looked at; any other is harmless by itself."""

DYNAMIC_BUILTINS = BUILTINS - words("delattr dir getattr help input open setattr type")

DUNDERS = words(
    "__base__ __bases__ __build_class__ __builtins__ __closure__ __code__ __dataclass_fields__ "
    "__delattr__ __dict__ __dir__ __func__ __getattr__ __getattribute__ __getstate__ __globals__ "
    "__import__ __loader__ __match_args__ __mro__ __reduce__ __reduce_ex__ __self__ __setattr__ "
    "__spec__ __subclasses__ ag_code ag_frame cell_contents cr_code cr_frame f_back f_builtins "
    "f_code f_globals f_locals func_globals gi_code gi_frame tb_frame"
)
"""Attributes that lead from a harmless object to everything else in the process."""

_EXEC = words(
    "agp.processes agp.runtime.process agp.sandbox asyncio.create_subprocess_exec "
    "asyncio.create_subprocess_shell asyncio.subprocess commands "
    "concurrent.futures.ProcessPoolExecutor concurrent.futures.process fabric invoke "
    "multiprocessing os.execl os.execle os.execlp os.execlpe os.execv os.execve os.execvp "
    "os.execvpe os.fork os.forkpty os.popen os.posix_spawn os.posix_spawnp os.spawnl os.spawnle "
    "os.spawnlp os.spawnlpe os.spawnv os.spawnve os.spawnvp os.spawnvpe os.startfile os.system "
    "_posixsubprocess paramiko pexpect platform.popen plumbum posix.fork posix.system "
    "posix.posix_spawn posix.execv posix.execve pty sh subprocess"
)
_NETWORK = words(
    "aiohttp anthropic asyncio.open_connection asyncio.open_unix_connection "
    "asyncio.start_server asyncio.start_unix_server boto3 dns ftplib google.cloud grpc http "
    "httplib2 httpx httpx2 huggingface_hub imaplib litellm mcp nntplib openai paho paramiko "
    "poplib psycopg psycopg2 pycurl pymongo redis requests scapy smtplib socket socketserver ssl "
    "telnetlib urllib.request urllib3 webbrowser websocket websockets xmlrpc zmq"
)
_SIGNAL = words("os.kill os.killpg signal.pthread_kill signal.raise_signal signal.setitimer")
_WRITE = words(
    "fileinput logging.FileHandler logging.handlers os.chmod os.chown os.link os.makedirs "
    "os.mkdir os.mkfifo os.mknod os.open os.remove os.removedirs os.rename os.renames os.replace "
    "os.rmdir os.symlink os.truncate os.unlink os.utime shelve shutil sqlite3 tarfile tempfile "
    "zipfile dbm os.write os.setxattr"
)
_READ = words(
    "fileinput glob linecache mmap os.listdir os.open os.readlink os.scandir os.walk os.fwalk "
    "os.stat os.read shutil sqlite3 tarfile zipfile tokenize.open pkgutil.get_data"
)
_ENVIRONMENT = words("os.environ os.environb os.getenv os.getenvb posix.environ")
DYNAMIC = words(
    "annotationlib atexit bdb builtins cProfile.run cffi cloudpickle code codecs.register codeop "
    "copyreg ctypes dataclasses.make_dataclass dill doctest ensurepip gc imp importlib inspect "
    "jinja2 joblib jsonpickle logging.StrFormatter logging.config mako marshal numexpr numpy.load "
    "operator.attrgetter operator.methodcaller pandas.eval pandas.read_pickle pdb pickle "
    "pickletools pip pkgutil profile pydoc rlcompleter runpy setuptools shelve site "
    "string.Formatter sys._current_frames sys._getframe sys.addaudithook sys.meta_path sys.modules "
    "sys.path sys.path_hooks sys.setprofile sys.settrace threading.setprofile threading.settrace "
    "timeit torch.load trace types.CodeType types.FunctionType types.MethodType types.ModuleType "
    "types.new_class typing.ForwardRef typing.get_type_hints typing_extensions.get_type_hints "
    "unittest.mock venv yaml.load yaml.unsafe_load yaml.full_load zipapp zipimport "
    "weakref.finalize"
)
"""Names by which code is made, loaded or reached in ways that reading the source does not show."""

_POWERS = {
    "exec": _EXEC,
    "network": _NETWORK,
    "signal": _SIGNAL,
    "file:write": _WRITE,
    "file:read": _READ,
    "environment": _ENVIRONMENT,
    "dynamic": DYNAMIC,
}


def public(dotted: str) -> str:
    """A dotted name without leading underscores: ``random._os`` is as good as ``random.os``."""
    return ".".join(part.lstrip("_") for part in dotted.split("."))


BY_NAME = {
    power: {public(name): name for name in sorted(names, reverse=True)}
    for power, names in _POWERS.items()
}
"""Power → the public form of the dotted names that give it → the name as it is written."""

MODULES = frozenset(
    public(name).partition(".")[0] for names in BY_NAME.values() for name in names
) | words("io pathlib sys")
"""Modules that are looked for behind other modules too (``logging.os``)."""

COMMON_WORDS = words(
    "code codecs commands dataclasses dns fabric http invoke io mcp numpy pandas pip profile "
    "requests sh site string torch trace types typing unittest"
)
"""Modules whose names are those of plain attributes too (``match.string``)."""

METHODS = {
    "file:write": words(
        "chmod hardlink_to mkdir rmdir symlink_to touch unlink write_bytes write_text"
    ),
    "file:read": words("iterdir read_bytes read_text rglob"),
}
"""Powers of methods whose object is not known (of `pathlib.Path`, mostly)."""

CALLED = words("dir help")
"""Built-in functions whose names are common words: only calling them counts."""

FORMATS = words("format format_map")
METACLASSES = words("ABCMeta EnumMeta EnumType type")
"""Classes whose subclasses decide what other classes do."""

WRAPPERS = {"functools.wraps": 1, "functools.update_wrapper": 2}
"""What copies attributes, and how many arguments it has before those that name them."""

OPENERS = words("open io.open io.FileIO codecs.open builtins.open io.open_code _io.open")
HOMES = words("os.path.expanduser pathlib.Path.home pathlib.PosixPath.home")
HOME_METHODS = words("expanduser home")
IMPORTERS = words("__import__ builtins.__import__ importlib.import_module importlib.__import__")
GETTERS = words("os.environ.get os.getenv os.environ.pop os.environ.setdefault os.getenvb")
