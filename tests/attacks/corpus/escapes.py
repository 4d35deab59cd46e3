"""Plain Python with no import: ways out of a language that was made smaller."""

from __future__ import annotations

from tests.attacks.case import Attack, leaked

_READ = "(scene['folder'] + '/home/.ssh/id_ed25519')"


def _escape(name: str, tries: str, code: str) -> Attack:
    return Attack(name=name, tries=tries, code=code, baits=["files"], succeeded=leaked)


ATTACKS = [
    _escape(
        "by_open",
        "opens a file with the builtin, by its plain and its hidden names",
        f"""
            def attack(scene):
                found = globals().get("__builtins__")
                found = found if isinstance(found, dict) else vars(found)
                return found["open"]{_READ}.read()
            """,
    ),
    _escape(
        "by_import",
        "imports through __import__",
        f"""
            def attack(scene):
                return __import__("io").open{_READ}.read()
            """,
    ),
    _escape(
        "by_eval",
        "builds its code as text: eval, exec and compile",
        f"""
            def attack(scene):
                space = {{}}
                exec(compile("import os", "x", "exec"), space)
                return eval("__imp" + "ort__('io')").open{_READ}.read()
            """,
    ),
    _escape(
        "by_subclasses",
        "climbs from an empty tuple to every class that is loaded",
        f"""
            def attack(scene):
                for each in ().__class__.__base__.__subclasses__():
                    if each.__name__ == "FileIO" or each.__name__ == "_wrap_close":
                        if each.__name__ == "FileIO":
                            return each{_READ}.read().decode()
                        return each.__init__.__globals__["__builtins__"]["open"]{_READ}.read()
                base = ().__class__.__base__
                for each in base.__subclasses__():
                    try:
                        found = each.__init__.__globals__
                    except AttributeError:
                        continue
                    built = found.get("__builtins__")
                    built = built if isinstance(built, dict) else vars(built)
                    return built["open"]{_READ}.read()
            """,
    ),
    _escape(
        "by_frames",
        "walks from a generator's frame up to the frames of whoever called it",
        f"""
            def attack(scene):
                def walk():
                    frame = g.gi_frame.f_back
                    while frame:
                        yield frame.f_globals
                        frame = frame.f_back
                g = walk()
                for found in g:
                    built = found.get("__builtins__")
                    built = built if isinstance(built, dict) else vars(built)
                    return built["open"]{_READ}.read()
            """,
    ),
    _escape(
        "by_traceback",
        "walks from an exception's traceback",
        f"""
            def attack(scene):
                try:
                    1 / 0
                except ZeroDivisionError as error:
                    frame = error.__traceback__.tb_frame
                while frame.f_back:
                    frame = frame.f_back
                return frame.f_builtins["open"]{_READ}.read()
            """,
    ),
    _escape(
        "by_format",
        "reaches attributes through str.format, which no parser sees",
        """
            class Thing:
                def method(self):
                    pass
            def attack(scene):
                shown = "{0.__globals__[scene]}"
                globals()["scene"] = open(scene["folder"] + "/home/.ssh/id_ed25519").read()
                return shown.format(Thing.method)
            """,
    ),
    _escape(
        "by_decorator",
        "calls through decorators, class bodies and default arguments when it is only defined",
        """
            @lambda f: f()
            def found():
                try:
                    return open
                except NameError:
                    return None
            class Holder:
                read = staticmethod(found)
            def attack(scene, way=Holder.read):
                return way(scene["folder"] + "/home/.ssh/id_ed25519").read()
            """,
    ),
    _escape(
        "by_bytecode",
        "makes code objects by hand",
        f"""
            def attack(scene):
                def harmless():
                    return None
                made = harmless.__code__.replace(co_names=("open",), co_consts=(None,))
                function = type(harmless)(made, harmless.__globals__)
                return function.__builtins__["open"]{_READ}.read()
            """,
    ),
    _escape(
        "by_pathlib",
        "reads through pathlib, whose objects a small Python may offer",
        """
            from pathlib import Path
            def attack(scene):
                return Path(scene["folder"] + "/home/.ssh/id_ed25519").read_text()
            """,
    ),
    _escape(
        "by_os_environment",
        "reads the file through os, whose functions a small Python may offer",
        """
            import os
            def attack(scene):
                fd = os.open(scene["folder"] + "/home/.ssh/id_ed25519", os.O_RDONLY)
                return os.read(fd, 200).decode()
            """,
    ),
]
