"""The system calls that confined code may make: a default-deny filter, assembled here.

What is not named is refused with EPERM (never killed: a refusal is an ordinary Python error in
the confined code). A call by another architecture's numbers (32-bit, x32) kills the process.

Why some are missing: sockets other than a connected pair (network, unix sockets, sending to a
named one), signals to others, ptrace and process_vm_*, fork and exec (except for shell scripts),
namespaces and mounts, io_uring, bpf, keys, memfd, userfaultfd, System V and POSIX queues, chmod,
chown, utime, extended attributes and reading links (Landlock does not confine these), and prctl
beyond names.
"""

from __future__ import annotations

import ctypes
import struct

from .kernel import AUDIT, LIBC, MACHINE, NUMBERS, PR_SET_SECCOMP

_ALLOWED_NAMES = """
read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close close_range
fstat newfstatat stat lstat statx access faccessat faccessat2 getdents getdents64 getcwd chdir
fchdir mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 symlink symlinkat
creat ftruncate fsync fdatasync fadvise64 sendfile copy_file_range umask statfs
fstatfs mmap munmap mremap mprotect madvise brk msync futex futex_waitv set_robust_list
get_robust_list rseq membarrier set_tid_address arch_prctl sched_yield sched_getaffinity
sched_getparam sched_getscheduler sched_get_priority_max sched_get_priority_min getcpu
getpriority clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time times
getrusage sysinfo uname getrandom getpid getppid gettid getuid geteuid getgid getegid getresuid
getresgid getgroups getpgid getpgrp getsid capget rt_sigaction rt_sigprocmask rt_sigreturn
rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack pause alarm setitimer getitimer
restart_syscall poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait
epoll_pwait epoll_pwait2 eventfd eventfd2 pipe pipe2 dup dup2 dup3 exit exit_group wait4 waitid
getrlimit setrlimit recvfrom shutdown getsockname getsockopt
"""
ALLOWED = tuple(_ALLOWED_NAMES.split())

# Newer variants whose callers fall back to the old call when the kernel seems not to have them.
UNKNOWN = ("clone3", "openat2")
UNSUPPORTED = ("getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr")

_THREAD = (0x3D0F00, 0x7D0F00)  # what glibc and musl ask for a thread with
_NEW_NAMESPACES_OR_PARENT = 0x7E028000
_FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032)  # no owner, lease or notification
_IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # no TIOCSTI, no FIOSETOWN
_PRCTL = (3, 15, 16, 21, 39)
_O_TRUNC, _O_ACCMODE, _O_TMPFILE = 0o1000, 0o3, 0o20000000

_EPERM, _ENOSYS, _EOPNOTSUPP = 1, 38, 95
_KILL, _ALLOW, _ERRNO = 0x80000000, 0x7FFF0000, 0x00050000
_LOAD, _EQ, _GE, _ANY, _AND, _RETURN, _JUMP = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06, 0x05

Code = list[tuple[int, int, int, int]]


def supported() -> bool:
    """Whether this machine's system calls are known here."""
    return MACHINE in AUDIT


def _word(position: int, *, high: bool = False) -> tuple[int, int, int, int]:
    """Load half of an argument (both machines are little-endian)."""
    return (_LOAD, 0, 0, 16 + 8 * position + 4 * high)


def _end(error: int = 0) -> tuple[int, int, int, int]:
    return (_RETURN, 0, 0, _ERRNO | error if error else _ALLOW)


def _one_of(position: int, values: tuple[int, ...]) -> Code:
    """Allow where the low word of an argument is one of ``values``; the kernel reads no more."""
    code = [_word(position)]
    for value in values:
        code += [(_EQ, 0, 1, value), _end()]
    return [*code, _end(_EPERM)]


def _opening(position: int) -> Code:
    # O_TRUNC without writing empties a file and is no write for the first versions of Landlock;
    # nor is access mode 3, which opens for neither reading nor writing and may empty too; an
    # unnamed file would not be seen by who measures the folder.
    return [
        _word(position),
        (_ANY, 0, 1, _O_TMPFILE),
        _end(_EOPNOTSUPP),
        (_AND, 0, 0, _O_TRUNC | _O_ACCMODE),
        (_EQ, 0, 1, _O_TRUNC),
        _end(_EPERM),
        (_AND, 0, 0, _O_ACCMODE),
        (_EQ, 0, 1, _O_ACCMODE),
        _end(_EPERM),
        _end(),
    ]


def _pair() -> Code:
    # Unix stream sockets only: a datagram socket could send to any other by name.
    return [
        _word(0),
        (_EQ, 1, 0, 1),
        _end(_EPERM),
        _word(1),
        (_AND, 0, 0, 0xF),
        (_EQ, 0, 1, 1),
        _end(),
        _end(_EPERM),
    ]


def _no_address() -> Code:
    return [
        _word(4),
        (_EQ, 0, 3, 0),
        _word(4, high=True),
        (_EQ, 0, 1, 0),
        _end(),
        _end(_EPERM),
    ]


def _conditions(pid: int, *, shell: bool, signals: bool) -> dict[str, Code]:
    rules: dict[str, Code] = {
        "fcntl": _one_of(1, _FCNTL),
        "ioctl": _one_of(1, _IOCTL),
        "prctl": _one_of(0, _PRCTL),
        "prlimit64": _one_of(0, (0, pid)),
        "open": _opening(1),
        "openat": _opening(2),
        "socketpair": _pair(),
        "sendto": _no_address(),
        "clone": _one_of(0, _THREAD),
    }
    if shell:
        namespaces = (_ANY, 0, 1, _NEW_NAMESPACES_OR_PARENT)
        rules["clone"] = [_word(0), namespaces, _end(_EPERM), _end()]
        rules |= {name: [_end()] for name in ("fork", "vfork", "execve")}
        rules |= {name: [_end()] for name in ("kill", "tgkill") if signals}
    else:
        rules |= {name: _one_of(0, (pid,)) for name in ("kill", "tgkill")}
    return rules


def assemble(pid: int, *, shell: bool, signals: bool) -> bytes:
    """The filter for process ``pid``.

    ``shell``: it may start programs; ``signals``: those may signal each other, because something
    else keeps them from signalling anyone else.
    """
    code: Code = [
        (_LOAD, 0, 0, 4),
        (_EQ, 1, 0, AUDIT[MACHINE]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
    ]
    if MACHINE == "x86_64":
        code += [(_GE, 0, 1, 0x40000000), (_RETURN, 0, 0, _KILL)]
    code += _decide(_spans(_rules(pid, shell=shell, signals=signals)))
    return b"".join(struct.pack("<HBBI", *each) for each in code)


def _rules(pid: int, *, shell: bool, signals: bool) -> dict[int, Code]:
    """What becomes of each call that is not simply refused, by its number."""
    named: dict[str, Code] = {name: [_end()] for name in ALLOWED}
    named |= {name: [_end(_ENOSYS)] for name in UNKNOWN}
    named |= {name: [_end(_EOPNOTSUPP)] for name in UNSUPPORTED}
    named |= _conditions(pid, shell=shell, signals=signals)
    return {NUMBERS[name]: rule for name, rule in named.items() if name in NUMBERS}


def _spans(rules: dict[int, Code]) -> list[tuple[int, Code]]:
    """The numbers at which the rule changes, with the rule from there on."""
    refused = [_end(_EPERM)]
    spans: list[tuple[int, Code]] = [(0, refused)]
    for number in range(max(rules) + 2):
        rule = rules.get(number, refused)
        if rule != spans[-1][1]:
            spans.append((number, rule))
    return spans[1:] if len(spans) > 1 and spans[1][0] == 0 else spans


def _decide(spans: list[tuple[int, Code]]) -> Code:
    """A search tree: the kernel runs the filter for every number when it is installed."""
    if len(spans) == 1:
        return spans[0][1]
    middle = len(spans) // 2
    below, above = _decide(spans[:middle]), _decide(spans[middle:])
    if len(below) < 256:
        return [(_GE, len(below), 0, spans[middle][0]), *below, *above]
    return [(_GE, 0, 1, spans[middle][0]), (_JUMP, 0, 0, len(below)), *below, *above]


def apply(code: bytes) -> None:
    """Install a filter for good; needs ``no_new_privs``. Raises OSError."""

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    buffer = ctypes.create_string_buffer(code, len(code))
    program = Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p).value)
    if LIBC.prctl(PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp refuses the filter")


class Template:
    """A filter that is assembled once and used in many processes."""

    _PID = 0x5EC0DE5E  # no number of a process, and of nothing else in a filter

    def __init__(self) -> None:
        self._code = assemble(self._PID, shell=False, signals=False)

    def of(self, pid: int) -> bytes:
        """The filter for process ``pid``."""
        return self._code.replace(struct.pack("<I", self._PID), struct.pack("<I", pid))
