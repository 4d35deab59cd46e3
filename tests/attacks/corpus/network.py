"""The network and other channels: sockets of every family, shared memory, terminals."""

from __future__ import annotations

import asyncio
import contextlib

from tests.attacks.case import Attack, leaked, noted, says
from tests.attacks.scene import Scene

_HEAD = "import socket\ndef attack(scene):\n"


def _reaches(name: str, tries: str, fact: str, body: str, bait: str = "network") -> Attack:
    return Attack(name=name, tries=tries, code=_HEAD + body, baits=[bait], succeeded=noted(fact))


async def _connect(scene: Scene) -> None:
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", scene.facts["free"])
            writer.close()
            scene.seen["door"] = "the host could connect to a server that it opened"
            return
        await asyncio.sleep(0.05)


def _creates(name: str, tries: str, families: str, unless: str = "") -> Attack:
    return Attack(
        name=name,
        tries=tries,
        code=f"""
            import socket
            def attack(scene):
                said = []
                for family, kind, protocol in {families}:
                    try:
                        socket.socket(family, kind, protocol)
                        return "done"
                    except OSError as error:
                        said.append(repr(error))
                return said
            """,
        succeeded=says(),
        unless=unless,
    )


ATTACKS = [
    _reaches(
        "tcp_connect",
        "connects to a TCP server",
        "tcp",
        "    socket.create_connection(('127.0.0.1', scene['tcp']), 2).send(b'x')",
    ),
    Attack(
        name="tcp6_connect",
        tries="connects to a TCP server over IPv6",
        code=_HEAD + "    socket.create_connection(('::1', scene.get('tcp6', 1)), 2).send(b'x')",
        baits=["network"],
        succeeded=noted("tcp6"),
        unless="this machine has no IPv6",
    ),
    _reaches(
        "tcp_fast_open",
        "connects without connect: sendto with MSG_FASTOPEN",
        "tcp",
        "    s = socket.socket()\n    s.settimeout(1)\n"
        "    s.sendto(b'x', 0x20000000, ('127.0.0.1', scene['tcp']))",
    ),
    _reaches(
        "udp_send",
        "sends a datagram",
        "udp",
        "    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "    s.sendto(b'x', ('127.0.0.1', scene['udp']))",
    ),
    _reaches(
        "dns_query",
        "sends a secret out inside a DNS question (to a name server on loopback)",
        "udp",
        "    question = b'\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\6secret\\3com\\0\\0\\1\\0\\1'\n"
        "    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "    s.connect(('127.0.0.1', scene['udp']))\n    s.send(question)",
    ),
    _reaches(
        "http_library",
        "fetches a URL with the standard library",
        "tcp",
        "    import urllib.request\n"
        "    urllib.request.urlopen('http://127.0.0.1:%d/' % scene['tcp'], timeout=0.5)",
    ),
    Attack(
        name="listen",
        tries="opens a door: a TCP server that others can connect to",
        code="""
            import socket
            def attack(scene):
                server = socket.create_server(("127.0.0.1", scene["free"]))
                server.settimeout(1.5)
                server.accept()
            """,
        baits=["network"],
        during=_connect,
        succeeded=noted("door"),
    ),
    _reaches(
        "unix_path",
        "connects to a Unix socket by its path (a container daemon's, say)",
        "unix",
        "    s = socket.socket(socket.AF_UNIX)\n    s.connect(scene['unix'])",
        "unix",
    ),
    _reaches(
        "unix_abstract",
        "connects to an abstract Unix socket, which has no path to protect",
        "abstract",
        "    s = socket.socket(socket.AF_UNIX)\n    s.connect(scene['abstract'])",
        "unix",
    ),
    _reaches(
        "unix_datagram",
        "sends to an abstract datagram socket from a socketpair's end",
        "unix_datagram",
        "    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "    a.sendto(b'x', scene['unix_datagram'])",
        "unix",
    ),
    Attack(
        name="netlink",
        tries="asks the kernel for its network interfaces over netlink",
        code="""
            import socket, struct
            def attack(scene):
                s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
                s.settimeout(1)
                s.send(struct.pack("IHHIIB3x", 20, 18, 0x301, 1, 0, 0))
                return "done" if s.recv(1000) else "nothing"
            """,
        succeeded=says(),
    ),
    _creates(
        "raw_sockets",
        "opens raw and packet sockets",
        "[(2, 3, 1), (17, 3, 768)]",
        "only root can do this",
    ),
    _creates(
        "odd_sockets",
        "opens sockets of rare families: vsock, kernel crypto, Bluetooth, CAN, TIPC, RDS",
        "[(38, 5, 0), (40, 1, 0), (31, 3, 1), (29, 3, 1), (30, 2, 0), (21, 5, 0), (16, 2, 15)]",
    ),
    Attack(
        name="posix_shared_memory",
        tries="reads another process's shared memory in /dev/shm",
        code="def attack(scene):\n    return open(scene['posix_memory']).read()",
        baits=["shared_memory"],
        succeeded=leaked,
    ),
    Attack(
        name="sysv_shared_memory",
        tries="attaches another process's System V shared memory",
        kernel=True,
        code="""
            def attack(scene):
                segment = sys_(29, scene["key"], 0, 0)
                where = sys_(30, segment, 0, 0o10000)
                return ctypes.string_at(where, scene["length"]).decode()
            """,
        baits=["shared_memory"],
        succeeded=leaked,
    ),
    Attack(
        name="sysv_messages",
        tries="takes a message out of another process's System V queue",
        kernel=True,
        code="""
            def attack(scene):
                queue = sys_(68, scene["key"], 0)
                message = ctypes.create_string_buffer(200)
                size = sys_(70, queue, message, 100, 0, 0)
                return message.raw[8:8 + size].decode()
            """,
        baits=["shared_memory"],
        succeeded=leaked,
    ),
    Attack(
        name="posix_queue",
        tries="opens a POSIX message queue that others could read",
        kernel=True,
        code="""
            def attack(scene):
                name = scene["mark"].encode()
                sys_(240, name, 0o100 | 2, 0o600, 0)
                sys_(241, name)
                return "done"
            """,
        succeeded=says(),
    ),
    Attack(
        name="terminal_write",
        tries="writes to the host's terminal, and types into it with TIOCSTI",
        code="""
            import fcntl, os
            def attack(scene):
                fd = os.open(scene["terminal"], os.O_RDWR | os.O_NOCTTY)
                os.write(fd, b"planted\\n")
                fcntl.ioctl(fd, 0x5412, b"i")
            """,
        baits=["terminal"],
        succeeded=noted("terminal"),
    ),
    Attack(
        name="controlling_terminal",
        tries="types into whatever terminal it has: /dev/tty, its standard streams",
        code="""
            import fcntl, os
            def attack(scene):
                said = []
                for way in ("/dev/tty", "/dev/console", "/dev/ptmx"):
                    try:
                        os.open(way, os.O_RDWR | os.O_NOCTTY)
                        return "done"
                    except OSError as error:
                        said.append(repr(error))
                return said
            """,
        succeeded=says(),
    ),
]
