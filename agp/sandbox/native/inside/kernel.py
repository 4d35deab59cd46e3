"""Raw system calls and their numbers; nothing here decides anything."""

from __future__ import annotations

import ctypes
import os

MACHINE = os.uname().machine
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
_SYSCALL = LIBC.syscall

# AUDIT_ARCH_*: what the kernel says in a filter about who makes the call.
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_SET_SECCOMP = 1, 4, 8, 22
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4


def call(number: int, *arguments: object) -> int:
    """One system call: its result, or OSError."""
    result = _SYSCALL(ctypes.c_long(number), *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def prctl(option: int, *arguments: int) -> None:
    """``prctl`` with integer arguments; OSError where the kernel refuses."""
    words = [ctypes.c_ulong(each) for each in (*arguments, 0, 0, 0, 0)][:4]
    if LIBC.prctl(ctypes.c_int(option), *words) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


_BOTH = """
read 0 63|write 1 64|close 3 57|fstat 5 80|lseek 8 62|mmap 9 222|mprotect 10 226|munmap 11 215
brk 12 214|rt_sigaction 13 134|rt_sigprocmask 14 135|rt_sigreturn 15 139|ioctl 16 29
pread64 17 67|pwrite64 18 68|readv 19 65|writev 20 66|sched_yield 24 124|mremap 25 216
msync 26 227|madvise 28 233|dup 32 23|nanosleep 35 101|getitimer 36 102|setitimer 38 103
getpid 39 172|sendfile 40 71|sendto 44 206|recvfrom 45 207|shutdown 48 210
getsockname 51 204|socketpair 53 199|getsockopt 55 209|clone 56 220|execve 59 221
exit 60 93|wait4 61 260|kill 62 129|uname 63 160|fcntl 72 25|fsync 74 82|fdatasync 75 83
ftruncate 77 46|getcwd 79 17|chdir 80 49|fchdir 81 50|umask 95 166|gettimeofday 96 169
getrlimit 97 163|getrusage 98 165|sysinfo 99 179|times 100 153|getuid 102 174|getgid 104 176
geteuid 107 175|getegid 108 177|getppid 110 173|getgroups 115 158|getresuid 118 148
getresgid 120 150|getpgid 121 155|getsid 124 156|capget 125 90|rt_sigpending 127 136
rt_sigtimedwait 128 137|rt_sigsuspend 130 133|sigaltstack 131 132|statfs 137 43|fstatfs 138 44
getpriority 140 141|sched_getparam 143 121|sched_getscheduler 145 120
sched_get_priority_max 146 125|sched_get_priority_min 147 126|prctl 157 167|setrlimit 160 164
gettid 186 178|getxattr 191 8|lgetxattr 192 9|fgetxattr 193 10|listxattr 194 11
llistxattr 195 12|flistxattr 196 13|futex 202 98|sched_getaffinity 204 123|getdents64 217 61
set_tid_address 218 96|restart_syscall 219 128|fadvise64 221 223|clock_gettime 228 113
clock_getres 229 114|clock_nanosleep 230 115|exit_group 231 94|epoll_ctl 233 21|tgkill 234 131
waitid 247 95|openat 257 56|mkdirat 258 34|newfstatat 262 79|unlinkat 263 35|renameat 264 38
symlinkat 266 36|readlinkat 267 78|faccessat 269 48|pselect6 270 72|ppoll 271 73
set_robust_list 273 99|get_robust_list 274 100|epoll_pwait 281 22|eventfd2 290 19
epoll_create1 291 20|dup3 292 24|pipe2 293 59|preadv 295 69|pwritev 296 70|prlimit64 302 261
getcpu 309 168|renameat2 316 276|getrandom 318 278|membarrier 324 283|copy_file_range 326 285
preadv2 327 286|pwritev2 328 287|statx 332 291|rseq 334 293|clone3 435 435|close_range 436 436
openat2 437 437|faccessat2 439 439|epoll_pwait2 441 441|futex_waitv 449 449
"""
_X86 = """
open 2|stat 4|lstat 6|poll 7|access 21|pipe 22|select 23|dup2 33|pause 34|alarm 37|fork 57
vfork 58|getdents 78|rename 82|mkdir 83|rmdir 84|creat 85|unlink 87|symlink 88|readlink 89
getpgrp 111|arch_prctl 158|time 201|epoll_create 213|epoll_wait 232|eventfd 284
"""


def _table() -> dict[str, int]:
    rows = [row.split() for row in _BOTH.replace("\n", "|").split("|") if row]
    column = 1 if MACHINE == "x86_64" else 2
    table = {row[0]: int(row[column]) for row in rows}
    if MACHINE == "x86_64":
        old = [row.split() for row in _X86.replace("\n", "|").split("|") if row]
        table |= {name: int(number) for name, number in old}
    return table


NUMBERS = _table() if MACHINE in AUDIT else {}
