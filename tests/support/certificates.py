"""Certificates of every kind for registries under test, made by the openssl program."""

import base64
import os
import subprocess
import time

CONFIG = '''[ca]
default_ca = us
[us]
database = {folder}/index
new_certs_dir = {folder}
serial = {folder}/serial
default_md = sha256
policy = any
unique_subject = no
rand_serial = yes
[any]
commonName = supplied
[authority]
basicConstraints = critical,CA:true
keyUsage = keyCertSign,cRLSign
'''


def openssl(*args, **kw):
    return subprocess.run(['openssl', *args], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw).stdout


def stamp(seconds):
    return time.strftime('%Y%m%d%H%M%SZ', time.gmtime(time.time() + seconds))


class Authority:
    """`crt` is its certificate; issue() makes what it signs: (certificate, key), both files."""

    def __init__(self, folder, name='Test CA'):
        self.folder, self.name = folder, name
        os.makedirs(folder, exist_ok=True)
        open(os.path.join(folder, 'index'), 'w').close()
        self.config = os.path.join(folder, 'openssl.cnf')
        with open(self.config, 'w') as file:
            file.write(CONFIG.format(folder=folder))
        self.crt, self.key = self._path('ca.crt'), self._path('ca.key')
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30',
                '-subj', f'/CN={name}', '-extensions', 'v3_ca', '-keyout', self.key, '-out', self.crt)

    def _path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, *names, begins=-3600, ends=30 * 86400, rsa=False):
        """`names` are DNS names and addresses, e.g. 'reg.test', '10.9.0.1'; times are seconds from now."""
        kind = ['rsa:2048'] if rsa else ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
        cert, key, request, more = (self._path(f'{name}.{end}') for end in ('cert', 'key', 'csr', 'ext'))
        openssl('req', '-newkey', *kind, '-nodes', '-subj', f'/CN={name}', '-keyout', key, '-out', request)
        kinds = [('IP:' if n.replace('.', '').isdigit() or ':' in n else 'DNS:') + n for n in names or (name,)]
        with open(more, 'w') as file:
            file.write('subjectAltName=' + ','.join(kinds) + '\n')
        openssl('ca', '-batch', '-config', self.config, '-keyfile', self.key, '-cert', self.crt, '-in', request,
                '-out', cert, '-notext', '-extfile', more, '-startdate', stamp(begins), '-enddate', stamp(ends))
        return cert, key


def jwt(claims, cert, key, digest='sha256'):
    """A token signed as docker-registry wants it: the certificate travels in the header (x5c)."""
    import json

    def packed(data):
        return base64.urlsafe_b64encode(data).rstrip(b'=')
    der = openssl('x509', '-in', cert, '-outform', 'DER')
    head = {'typ': 'JWT', 'alg': 'RS256', 'x5c': [base64.b64encode(der).decode()]}
    text = packed(json.dumps(head).encode()) + b'.' + packed(json.dumps(claims).encode())
    return (text + b'.' + packed(openssl('dgst', '-' + digest, '-sign', key, input=text))).decode()
