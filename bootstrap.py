"""Make the course's environment in `.venv`, from `requirements.lock`, with nothing but Python.

Run by the Makefile. It uses the standard library only, and syntax that old Pythons can read, so that even those
get a sentence instead of a traceback. When the environment is there and fits the lock, it does nothing.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
TOOLS = os.path.join(ROOT, ".tools")
LOCK = os.path.join(ROOT, "requirements.lock")
UV = "uv==0.13.9"
OLDEST, NEWEST = (3, 10), (3, 13)
NEEDED = ("ctypes", "sqlite3", "ssl")
GIGABYTES_NEEDED = 4
# What says which packages go where, and for which Python; what says where they come from is the learner's own.
FOREIGN = ("PYTHON", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE", "PIP_CONSTRAINT", "PIP_NO_DEPS")
FOREIGN += ("PIP_DRY_RUN", "PIP_PLATFORM", "PIP_PYTHON", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_TARGET", "UV_PREFIX")
FOREIGN += ("UV_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE_NEWER", "UV_PROJECT")


def main():
    check_folder()
    stamp = os.path.join(VENV, "fits")
    if read(stamp) == fingerprint():
        return
    python = find_python()
    check_space()
    uv = find_uv(python)
    say("Making the environment in .venv (1.3 GB, a few minutes the first time) ...")
    run([uv, "venv", "--quiet", "--clear", "--python", python, VENV])
    run([uv, "pip", "install", "--require-hashes", "--requirement", LOCK])
    run([uv, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", ROOT])
    with open(stamp, "w") as file:
        file.write(fingerprint())


def check_folder():
    """The course's folder must be writable, and on a system that its packages are made for."""
    if os.name == "nt":
        fail("Windows itself is not supported: open this folder in WSL or in the dev container (see README.md).")
    if not os.access(ROOT, os.W_OK):
        fail("%s cannot be written: give yourself the right to write there, or copy the course to your home." % ROOT)
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        fail(
            "This is a Python for Intel Macs, for which some packages are not made any more: on Apple silicon install "
            "a Python of its own, on an Intel Mac open this folder in the dev container (see README.md)."
        )


def check_space():
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < GIGABYTES_NEEDED:
        fail(
            "%.1f GB are free on the disk of %s and %d are needed: free some space, then run the command again."
            % (free, ROOT, GIGABYTES_NEEDED)
        )


def find_python():
    """This Python if it fits, else one of the machine's that does."""
    names = ["python3.%d" % minor for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    for command in [sys.executable] + [path for path in map(shutil.which, names) if path]:
        version, lacking = look_at(command)
        if OLDEST <= version <= NEWEST and not lacking:
            return command
    lacking = look_at(sys.executable)[1]
    if lacking:
        fail(
            "%s was built without %s: install a whole Python 3.10 to 3.13 (on Debian: python3-full), and run "
            "`make PYTHON=/path/to/it ...` if it is not on your PATH." % (sys.executable, " and ".join(lacking))
        )
    fail(
        "Python %d.%d does not fit: install Python 3.10 to 3.13, and run `make PYTHON=/path/to/it ...` "
        "if it is not on your PATH." % sys.version_info[:2]
    )


def look_at(command):
    """The version of a Python, and what its build left out that the course needs."""
    code = (
        "import sys; print(sys.version_info[0], sys.version_info[1])\n"
        "for name in %r:\n try: __import__(name)\n except ImportError: print(name)" % (NEEDED,)
    )
    try:
        said = subprocess.check_output([command, "-c", code], universal_newlines=True).split()
        return (int(said[0]), int(said[1])), said[2:]
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError):
        return (0, 0), []


def find_uv(python):
    """uv: the machine's own, or one in the course's private folder."""
    own = os.path.join(TOOLS, "bin", "uv")
    if shutil.which("uv"):
        return shutil.which("uv")
    if not os.path.exists(own):
        say("Fetching uv into .tools ...")
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", TOOLS, UV]
        if subprocess.call([python, "-m", "pip", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            pip[0] = python_with_pip(python)
        run(pip)
    return own


def python_with_pip(python):
    """A private Python with pip, for a machine whose Python comes without it."""
    scratch = os.path.join(TOOLS, "pip")
    made = subprocess.call([python, "-m", "venv", scratch], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if made:
        fail("%s has neither pip nor venv: install uv, or your system's python3-pip or python3-venv." % python)
    return os.path.join(scratch, "bin", "python")


def run(command):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    environment.update(VIRTUAL_ENV=VENV, UV_PYTHON_DOWNLOADS="never", UV_LINK_MODE=link_mode())
    # uv has certificates of its own and does not know those of a company's proxy; the second is the older name.
    environment.update(UV_SYSTEM_CERTS="1", UV_NATIVE_TLS="1", PIP_ROOT_USER_ACTION="ignore")
    if not os.access(os.path.expanduser("~"), os.W_OK):
        environment.setdefault("UV_CACHE_DIR", os.path.join(TOOLS, "cache"))
    if subprocess.call(command, env=environment):
        fail(
            "Packages could not be fetched or installed (the lines above say why): the first start needs a network; "
            "check the connection, the proxy (HTTPS_PROXY) and the space on the disk, then run the command again."
        )


def link_mode():
    """Hard links save time and space, and uv warns where the file system has none."""
    return os.environ.get("UV_LINK_MODE", "hardlink" if os.stat(ROOT).st_dev == home_device() else "copy")


def home_device():
    home = os.path.expanduser("~")
    return os.stat(home).st_dev if os.path.isdir(home) else None


def fingerprint():
    """What the environment was made from, and where: a folder that was moved needs a new one."""
    return hashlib.sha256((read(LOCK) + ROOT).encode()).hexdigest()


def read(path):
    if not os.path.isfile(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def say(text):
    print(text)
    sys.stdout.flush()


def fail(sentence):
    sys.exit(sentence)


if __name__ == "__main__":
    main()
