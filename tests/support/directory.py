"""A real LDAP server with two users, on a free port, in the clear and over TLS."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

from support.authority import make_certificates
from support.processes import eventually
from support.redis import free_port

_CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {folder}/certificate.pem
TLSCertificateKeyFile {folder}/key.pem
database mdb
suffix "dc=example"
rootdn "cn=admin,dc=example"
rootpw searching
directory {folder}/data
"""

_ENTRIES = """
dn: dc=example
objectClass: organization
objectClass: dcObject
dc: example
o: Example

dn: ou=people,dc=example
objectClass: organizationalUnit
ou: people

dn: uid=anna,ou=people,dc=example
objectClass: inetOrgPerson
uid: anna
cn: Anna
sn: A
userPassword: anna's

dn: uid=o*(tt)\\5Co,ou=people,dc=example
objectClass: inetOrgPerson
uid: o*(tt)\\o
cn: Otto
sn: O
userPassword: otto's

dn: ou=roles,dc=example
objectClass: organizationalUnit
ou: roles

dn: cn=clerk,ou=roles,dc=example
objectClass: groupOfNames
cn: clerk
member: uid=anna,ou=people,dc=example
member: uid=o*(tt)\\5Co,ou=people,dc=example

dn: cn=admin,ou=roles,dc=example
objectClass: groupOfNames
cn: admin
member: uid=anna,ou=people,dc=example
"""


class DirectoryServer:
    """``slapd``; ``anna`` (clerk, admin) and ``o*(tt)\\o`` (clerk) have the passwords ``anna's`` and ``otto's``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.tls_port = free_port(), free_port()
        self.ca = make_certificates(folder).ca
        self.process: subprocess.Popen[bytes] | None = None
        (folder / "data").mkdir()
        (folder / "slapd.conf").write_text(_CONFIGURATION.format(folder=folder))
        (folder / "entries.ldif").write_text(_ENTRIES)
        self._program = _found("slapd")
        add = [_found("slapadd"), "-f", folder / "slapd.conf", "-l", folder / "entries.ldif"]
        subprocess.run(add, check=True, capture_output=True, timeout=60)

    @property
    def url(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"ldaps://127.0.0.1:{self.tls_port}"

    def start(self) -> None:
        listening = f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.tls_port}"
        command = [self._program, "-d", "0", "-f", self.folder / "slapd.conf", "-h", listening]
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        eventually(self._answers, "slapd listens", 30)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)
            self.process = None

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "output").read_text()
        try:
            for port in (self.port, self.tls_port):
                socket.create_connection(("127.0.0.1", port), 5).close()
        except OSError:
            return False
        return True


def _found(program: str) -> str:
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    assert found, f"tests need {program}: run tests/peers/install"
    return found
