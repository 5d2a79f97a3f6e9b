#!/usr/bin/env python3
"""A registry that can be told to misbehave, for the tests of pull and push.

In a test:
    store = Store()
    image = store.add_image("team/app", "1", [tar_layer({"etc/x": b"hi"})])
    with FakeRegistry(store) as registry:
        registry.fault("GET .*/blobs/", times=1, reset_at=1000)
        ... pull registry.host + "/team/app:1" ...
        registry.log        # every request: method, path, headers (lower-case names), body bytes sent

By hand:  fake_registry.py --port 5001 --layout DIR      (DIR: an OCI layout, tags by ref.name)

A fault is a rule: it applies to requests whose "METHOD path?query" its pattern finds, `times` times
(None: for ever), after `skip` matching requests. What it can do:
    status, headers, body      answer this and nothing else
    delay                      seconds before the answer
    redirect                   307 to this prefix + path (or exactly to it when it ends in '!')
    reset_at, close_at         after N body bytes: RST, or a clean FIN
    stall_at                   after N body bytes: silence until the client goes
    rate                       body bytes per second
    drip                       seconds between single body bytes
    corrupt_at                 flip a bit of body byte N
    replace                    other body bytes (headers tell the truth about it, not the digest)
    extra                      N bytes more than announced, chunked so that they arrive
    content_type, content_length, docker_digest, etag   this header instead
    chunked                    no Content-Length
    range: "ignore" | "lie" | "wrong_total" | "no_header"   how a Range request is treated
of a push:
    break_at                   keep N bytes of a body that is sent (PATCH, PUT), then RST
    early                      answer `status` without reading the body
    location, upload_range     these headers of an upload instead (None: without)
    lose                       forget the upload
    deaf                       do it, and close without an answer
    sip                        body bytes taken per second
"""
import argparse
import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import re
import socket
import ssl
import struct
import tarfile
import threading
import time
import urllib.parse

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def tar_layer(files, mode=0o644):
    """A tar of {name: bytes}; names ending in / are folders."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name.rstrip("/"))
            if name.endswith("/"):
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
            else:
                info.size, info.mode = len(content), mode
                tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


class Image:
    """What add_image made: digests and bytes of every part."""

    def __init__(self, digest, manifest, media_type, config, config_digest, layers, diff_ids):
        self.digest, self.manifest, self.media_type = digest, manifest, media_type
        self.config, self.config_digest = config, config_digest
        self.layers, self.diff_ids = layers, diff_ids  # layers: [(digest, bytes)]


class Store:
    def __init__(self):
        self.blobs = {}      # digest -> bytes, or a path to stream from
        self.manifests = {}  # digest -> (media type, bytes)
        self.tags = {}       # (repository, tag) -> digest
        self.links = set()   # (repository, digest of a blob): what each repository has
        self.uploads = {}    # id -> [repository, bytes]

    def add_blob(self, data):
        digest = digest_of(data)
        self.blobs[digest] = data
        return digest

    def add_manifest(self, repository, tag, media_type, data):
        digest = digest_of(data)
        self.manifests[digest] = (media_type, data)
        if tag:
            self.tags[repository, tag] = digest
        self.links.update((repository, blob) for blob in blobs_of(data))
        return digest

    def add_image(self, repository, tag, tars, flavour="docker", compress="gzip", platform=("amd64", None),
                  config=None, edit_manifest=None, edit_config=None):
        """`compress`: gzip, zstd (needs python3-zstandard or the zstd program) or none."""
        layers, diff_ids, descriptors = [], [], []
        for tar in tars:
            diff_ids.append(digest_of(tar))
            packed, suffix = compressed(tar, compress)
            layers.append((self.add_blob(packed), packed))
            kind = DOCKER_LAYER if flavour == "docker" and compress == "gzip" else OCI_LAYER + suffix
            descriptors.append({"mediaType": kind, "size": len(packed), "digest": layers[-1][0]})
        document = {"architecture": platform[0], "os": "linux", "created": "2024-01-02T03:04:05Z",
                    "config": config or {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"], "Labels": {"a": "b"}},
                    "rootfs": {"type": "layers", "diff_ids": diff_ids},
                    "history": [{"created": "2024-01-02T03:04:05Z", "created_by": "test"} for _ in tars]}
        if platform[1]:
            document["variant"] = platform[1]
        if edit_config:
            edit_config(document)
        config_bytes = json.dumps(document).encode()
        config_digest = self.add_blob(config_bytes)
        media_type = DOCKER_MANIFEST if flavour == "docker" else OCI_MANIFEST
        manifest = {"schemaVersion": 2, "mediaType": media_type,
                    "config": {"mediaType": DOCKER_CONFIG if flavour == "docker" else OCI_CONFIG,
                               "size": len(config_bytes), "digest": config_digest},
                    "layers": descriptors}
        if edit_manifest:
            edit_manifest(manifest)
        data = json.dumps(manifest).encode()
        digest = self.add_manifest(repository, tag, media_type, data)
        return Image(digest, data, media_type, config_bytes, config_digest, layers, diff_ids)

    def add_index(self, repository, tag, images, flavour="oci", edit=None):
        """`images`: [(Image, architecture, variant)]."""
        entries = []
        for image, architecture, variant in images:
            platform = {"architecture": architecture, "os": "linux"}
            if variant:
                platform["variant"] = variant
            entries.append({"mediaType": image.media_type, "size": len(image.manifest),
                            "digest": image.digest, "platform": platform})
        media_type = DOCKER_LIST if flavour == "docker" else OCI_INDEX
        document = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries}
        if edit:
            edit(document)
        return self.add_manifest(repository, tag, media_type, json.dumps(document).encode())

    def add_layout(self, folder):
        """An OCI layout (index.json, blobs/sha256/...): ref.name "repository:tag" names each entry."""
        for name in os.listdir(os.path.join(folder, "blobs/sha256")):
            self.blobs["sha256:" + name] = os.path.join(folder, "blobs/sha256", name)
        with open(os.path.join(folder, "index.json")) as file:
            entries = json.load(file)["manifests"]
        for entry in entries:
            self._adopt(entry)
            name = entry.get("annotations", {}).get("org.opencontainers.image.ref.name")
            if name:
                repository, _, tag = name.rpartition(":") if ":" in name else ("image", "", name)
                self.tags[repository, tag] = entry["digest"]

    def _adopt(self, entry):
        data = self.read(entry["digest"])
        self.manifests[entry["digest"]] = (entry["mediaType"], data)
        for child in json.loads(data).get("manifests", []):
            self._adopt(child)

    def read(self, digest):
        data = self.blobs.get(digest)
        if isinstance(data, str):
            with open(data, "rb") as file:
                return file.read()
        return data


def blobs_of(manifest):
    """Digests of what an image manifest's repository must have."""
    try:
        document = json.loads(manifest)
        return [d["digest"] for d in [*(document.get("layers") or []), document["config"]] if not d.get("urls")]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def compressed(data, how):
    if how == "gzip":
        return gzip.compress(data, 6, mtime=0), "+gzip"
    if how == "zstd":
        import subprocess
        return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout, "+zstd"
    return data, ""


class Fault:
    def __init__(self, pattern, times=None, skip=0, **what):
        self.pattern, self.times, self.skip, self.what = re.compile(pattern), times, skip, what

    def take(self, line):
        if not self.pattern.search(line):
            return None
        if self.skip > 0:
            self.skip -= 1
            return None
        if self.times is not None:
            if self.times == 0:
                return None
            self.times -= 1
        return self.what


class FakeRegistry:
    """auth: None, "basic" or "bearer". users: {name: password}. anonymous: tokens without a user.
    token_uses: a token is refused after that many requests (401 in the middle).
    pushers: who may push (None: everybody); with bearer, tokens must have the scopes then.
    per_repository: a blob is there for the repositories that have it; else for all."""

    def __init__(self, store, port=0, host="127.0.0.1", auth=None, users=None, anonymous=True, realm=None,
                 token_uses=None, token_field="token", identity_tokens=(), tls=None, client_ca=None,
                 service="fake", pushers=None, per_repository=False, mounts=True, absolute=True,
                 receive_bytes=None):
        self.pushers, self.per_repository, self.mounts, self.absolute = pushers, per_repository, mounts, absolute
        self.store, self.auth, self.users = store, auth, users or {}
        self.anonymous, self.realm, self.token_uses = anonymous, realm, token_uses
        self.token_field, self.identity_tokens, self.service = token_field, set(identity_tokens), service
        self.faults, self.log, self.tokens, self.lock = [], [], {}, threading.Lock()
        self.concurrent = self.concurrent_max = 0  # blob bodies under way at once
        self.uploading = self.uploading_max = 0
        registry = self

        class Bound(Handler):
            pass
        Bound.registry = registry
        self.server = http.server.ThreadingHTTPServer((host, port), Bound)
        self.server.daemon_threads = True
        if receive_bytes:  # what the kernel takes before we read
            self.server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.scheme = "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            if client_ca:
                context.load_verify_locations(client_ca)
                context.verify_mode = ssl.CERT_REQUIRED
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
            self.scheme = "https"
        self.port = self.server.server_address[1]
        self.host = f"{host}:{self.port}"
        self.url = f"{self.scheme}://{self.host}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def fault(self, pattern, times=None, skip=0, **what):
        with self.lock:
            self.faults.append(Fault(pattern, times, skip, **what))

    def requests(self, pattern):
        with self.lock:
            return [r for r in self.log if re.search(pattern, r["method"] + " " + r["path"])]

    def new_token(self, scopes):
        token = "tok-" + base64.b16encode(os.urandom(8)).decode().lower()
        with self.lock:
            self.tokens[token] = [scopes, self.token_uses]
        return token

    def granted(self, header, repository, action):
        """What a bearer token was asked for; everything where nobody is kept from pushing."""
        if self.auth != "bearer" or self.pushers is None:
            return True
        scopes = self.tokens.get(header.removeprefix("Bearer "), [[]])[0]
        return any(s.startswith(f"repository:{repository}:") and action in s.rsplit(":", 1)[1].split(",")
                   for s in scopes)

    def token_ok(self, header):
        with self.lock:
            entry = self.tokens.get(header.removeprefix("Bearer "))
            if not entry or not header.startswith("Bearer "):
                return False
            if entry[1] is not None:
                if entry[1] == 0:
                    return False
                entry[1] -= 1
            return True


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry = None

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except (ConnectionError, ssl.SSLError, OSError, ValueError):
            pass

    def do_HEAD(self):
        self.serve()

    def do_GET(self):
        self.serve()

    def do_POST(self):
        self.serve()

    def do_PATCH(self):
        self.serve()

    def do_PUT(self):
        self.serve()

    def do_DELETE(self):
        self.serve()

    # --- the protocol -------------------------------------------------------------------------

    def serve(self):
        headers = {k.lower(): v for k, v in self.headers.items()}
        self.entry = entry = {"method": self.command, "path": self.path, "headers": headers, "body": "",
                              "time": time.monotonic(), "sent": 0}
        with self.registry.lock:
            self.registry.log.append(entry)
            what = {}
            for fault in self.registry.faults:
                taken = fault.take(f"{self.command} {self.path}")
                if taken is not None:
                    what = taken
                    break
        if self.command in ("PATCH", "PUT", "DELETE"):
            return self.serve_push(what, entry)
        length = int(self.headers.get("Content-Length") or 0)
        sent_body = self.rfile.read(length).decode("latin-1") if length else ""
        entry["body"] = sent_body
        if "delay" in what:
            time.sleep(what["delay"])
        if "status" in what:
            return self.reply(what["status"], what.get("body", "").encode(), what.get("headers", {}), what)
        if "redirect" in what:
            target = what["redirect"]
            target = target[:-1] if target.endswith("!") else target + self.path
            return self.reply(307, b"", {"Location": target}, {})
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/token":
            return self.serve_token(urllib.parse.parse_qs(url.query), urllib.parse.parse_qs(sent_body))
        if not url.path.startswith("/v2/"):
            return self.error(404, "PAGE_UNKNOWN", "no such page")
        if not self.authorized(url.path):
            return None
        if url.path == "/v2/":
            return self.reply(200, b"{}", {"Content-Type": "application/json"}, what)
        found = re.fullmatch(r"/v2/(.+)/blobs/uploads/([^/]*)", url.path)
        if found:
            return self.serve_upload(*found.groups(), urllib.parse.parse_qs(url.query), what)
        found = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/]+)", url.path)
        if not found:
            return self.error(404, "PAGE_UNKNOWN", "no such page")
        repository, kind, name = found.groups()
        if kind == "manifests":
            return self.serve_manifest(repository, name, what)
        if self.registry.per_repository and (repository, name) not in self.registry.store.links:
            return self.error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        return self.serve_blob(name, what)

    # --- pushes -------------------------------------------------------------------------------

    def sent(self, what):
        """The pieces of the request's body; ends the connection where the fault says."""
        left = what.get("break_at")
        for piece in self.pieces():
            if "sip" in what:
                time.sleep(len(piece) / what["sip"])
            if left is not None and len(piece) >= left:
                yield piece[:left]
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                raise ConnectionAbortedError
            left = left - len(piece) if left is not None else None
            yield piece

    def pieces(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            left = int(self.headers.get("Content-Length") or 0)
            while left:
                piece = self.rfile.read(min(left, 65536))
                if not piece:
                    raise ConnectionAbortedError
                left -= len(piece)
                yield piece
            return
        while True:
            size = int(self.rfile.readline().split(b";")[0] or b"!", 16)
            piece = self.rfile.read(size)
            if len(piece) < size or self.rfile.readline() not in (b"\r\n", b"\n"):
                raise ConnectionAbortedError
            if not size:
                return
            yield piece

    def serve_push(self, what, entry):
        registry, url = self.registry, urllib.parse.urlsplit(self.path)
        entry["size"] = 0
        upload = re.fullmatch(r"/v2/(.+)/blobs/uploads/([^/]+)", url.path)
        session = registry.store.uploads.get(upload[2]) if upload else None
        challenge = self.challenge(url.path)
        good = "status" not in what and "redirect" not in what and not challenge
        with registry.lock:
            registry.uploading += 1
            registry.uploading_max = max(registry.uploading, registry.uploading_max)
        body = bytearray() if session is None or not good else session[1]
        try:
            if not what.get("early"):
                for piece in self.sent(what):
                    body += piece
                    entry["size"] += len(piece)
        finally:
            with registry.lock:
                registry.uploading -= 1
            if what.get("lose") and upload:
                registry.store.uploads.pop(upload[2], None)
        if "delay" in what:
            time.sleep(what["delay"])
        if "status" in what:
            self.close_connection |= bool(what.get("early"))
            return self.reply(what["status"], what.get("body", "").encode(), dict(what.get("headers", {})), what)
        if "redirect" in what:
            target = what["redirect"]
            return self.reply(307, b"", {"Location": target[:-1] if target.endswith("!") else target + self.path}, {})
        if challenge:
            return self.error(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": challenge})
        manifest = re.fullmatch(r"/v2/(.+)/manifests/([^/]+)", url.path)
        if manifest and self.command == "PUT":
            return self.put_manifest(*manifest.groups(), bytes(body), what)
        if session is None:
            return self.error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        if self.command == "DELETE":
            del registry.store.uploads[upload[2]]
            return self.reply(204, b"", {}, what)
        if not self.may_push(upload[1]):
            return None
        if self.command == "PATCH":
            return self.reply(202, b"", self.upload_headers(*upload.groups(), what), what)
        digest = urllib.parse.parse_qs(url.query).get("digest", [""])[0]
        del registry.store.uploads[upload[2]]
        if digest_of(bytes(body)) != digest:
            return self.error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        registry.store.blobs[digest] = bytes(body)
        registry.store.links.add((upload[1], digest))
        return self.reply(201, b"", {"Docker-Content-Digest": digest, "Location": f"/v2/{upload[1]}/blobs/{digest}"}, what)

    def upload_headers(self, repository, name, what):
        size = len(self.registry.store.uploads.get(name, [0, b""])[1])
        where = f"{self.registry.url if self.registry.absolute else ''}/v2/{repository}/blobs/uploads/{name}?_state={size}"
        # A registry that has nothing yet says "0-0", as Docker's does.
        headers = {"Location": where, "Range": f"0-{max(size, 1) - 1}", "Docker-Upload-UUID": name}
        for key, header in (("location", "Location"), ("upload_range", "Range")):
            if key in what:
                headers[header] = what[key]
        return headers

    def serve_upload(self, repository, name, query, what):
        store = self.registry.store
        if name:
            if name not in store.uploads:
                return self.error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
            return self.reply(204, b"", self.upload_headers(repository, name, what), what)
        if not self.may_push(repository):
            return None
        wanted, origin = query.get("mount", [""])[0], query.get("from", [""])[0]
        allowed = self.registry.granted(self.headers.get("Authorization", ""), origin, "pull")
        if wanted and self.registry.mounts and allowed and (origin, wanted) in store.links:
            store.links.add((repository, wanted))
            return self.reply(201, b"", {"Location": f"/v2/{repository}/blobs/{wanted}",
                                         "Docker-Content-Digest": wanted}, what)
        name = base64.b16encode(os.urandom(8)).decode().lower()
        store.uploads[name] = [repository, bytearray()]
        return self.reply(202, b"", self.upload_headers(repository, name, what), what)

    def put_manifest(self, repository, tag, data, what):
        if not self.may_push(repository):
            return None
        store = self.registry.store
        for digest in blobs_of(data):
            if (repository, digest) not in store.links:
                return self.error(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
        digest = store.add_manifest(repository, "" if ":" in tag else tag, self.headers.get("Content-Type"), data)
        return self.reply(201, b"", {"Docker-Content-Digest": digest}, what)

    def may_push(self, repository):
        registry, header = self.registry, self.headers.get("Authorization", "")
        if registry.auth != "bearer" or registry.granted(header, repository, "push"):
            return True
        self.error(401, "UNAUTHORIZED", "authentication required",
                   {"WWW-Authenticate": f'Bearer realm="{registry.url}/token",service="{registry.service}",'
                                        f'scope="repository:{repository}:push,pull",error="insufficient_scope"'})
        return False

    # --- tokens -------------------------------------------------------------------------------

    def serve_token(self, query, form):
        registry = self.registry
        scopes = query.get("scope") or form.get("scope", [""])[0].split()
        if self.command == "POST":
            if form.get("refresh_token", [""])[0] not in registry.identity_tokens:
                return self.error(401, "UNAUTHORIZED", "bad refresh token")
        elif not self.basic_ok(self.headers.get("Authorization")):
            return self.error(401, "UNAUTHORIZED", "incorrect username or password")
        user = ""
        if self.headers.get("Authorization"):
            user = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode().partition(":")[0]
        if registry.pushers is not None and self.command == "GET" and user not in registry.pushers:
            scopes = [s.rsplit(":", 1)[0] + ":pull" for s in scopes]
        token = registry.new_token(scopes)
        body = json.dumps({registry.token_field: token, "expires_in": 300}).encode()
        return self.reply(200, body, {"Content-Type": "application/json"}, {})

    def basic_ok(self, header):
        if not header:
            return self.registry.anonymous
        try:
            name, _, password = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
        except ValueError:
            return False
        return self.registry.users.get(name) == password

    def authorized(self, path):
        challenge = self.challenge(path)
        if challenge:
            self.error(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": challenge})
        return not challenge

    def challenge(self, path):
        """What is asked of a request that shows too little; a token is used up by it."""
        registry, header = self.registry, self.headers.get("Authorization", "")
        if registry.auth is None:
            return None
        if registry.auth == "basic":
            if header and self.basic_ok(header):
                return None
            challenge = 'Basic realm="fake registry"'
        else:
            if registry.token_ok(header):
                return None
            realm = registry.realm or registry.url + "/token"
            repository = re.sub(r"^/v2/(.*)/(manifests|blobs)/.*$", r"\1", path)
            challenge = f'Bearer realm="{realm}",service="{registry.service}"'
            if repository != path:
                challenge += f',scope="repository:{repository}:pull"'
        return challenge

    def serve_manifest(self, repository, name, what):
        store = self.registry.store
        digest = name if ":" in name else store.tags.get((repository, name))
        if digest not in store.manifests:
            return self.error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        media_type, data = store.manifests[digest]
        headers = {"Content-Type": media_type, "Docker-Content-Digest": digest}
        return self.reply(200, data, headers, what)

    def serve_blob(self, digest, what):
        data = self.registry.store.read(digest)
        if data is None:
            return self.error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        headers = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest,
                   "Accept-Ranges": "bytes", "ETag": f'"{digest}"'}
        status, mode = 200, what.get("range")
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        validator = self.headers.get("If-Range")
        etag = what.get("etag", headers["ETag"])
        if wanted and mode != "ignore" and (not validator or validator == etag):
            begin = int(wanted[1])
            if begin >= len(data):
                return self.reply(416, b"", {"Content-Range": f"bytes */{len(data)}"}, what)
            end = min(int(wanted[2] or len(data) - 1), len(data) - 1)
            total = len(data) + (7 if mode == "wrong_total" else 0)
            said = begin + (1 if mode == "lie" else 0)
            if mode != "no_header":
                headers["Content-Range"] = f"bytes {said}-{end}/{total}"
            status, data = 206, data[begin:end + 1]
        with self.registry.lock:
            self.registry.concurrent += 1
            self.registry.concurrent_max = max(self.registry.concurrent, self.registry.concurrent_max)
        try:
            return self.reply(status, data, headers, what)
        finally:
            with self.registry.lock:
                self.registry.concurrent -= 1

    # --- answers ------------------------------------------------------------------------------

    def error(self, status, code, message, headers=None):
        body = json.dumps({"errors": [{"code": code, "message": message, "detail": None}]}).encode()
        self.reply(status, body, {"Content-Type": "application/json", **(headers or {})}, {})

    def reply(self, status, data, headers, what):
        if what.get("deaf"):
            self.close_connection = True
            return
        if "replace" in what:
            data = what["replace"]
        if "corrupt_at" in what and what["corrupt_at"] < len(data):
            at = what["corrupt_at"]
            data = data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1:]
        for key, name in (("content_type", "Content-Type"), ("docker_digest", "Docker-Content-Digest"),
                          ("etag", "ETag")):
            if key in what:
                headers[name] = what[key]
        chunked = what.get("chunked") or "extra" in what
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        if chunked:
            data += b"x" * what.get("extra", 0)
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(what.get("content_length", len(data))))
        self.end_headers()
        if self.command != "HEAD":
            self.send_body(data, chunked, what)
        if what.get("content_length", len(data)) != len(data):
            self.close_connection = True

    def send_body(self, data, chunked, what):
        stops = [(what[k], k) for k in ("reset_at", "close_at", "stall_at") if k in what]
        stop, how = min(stops) if stops else (len(data), None)
        step, rate, at = 64 * 1024, what.get("rate"), 0
        if "drip" in what:
            step, rate = 1, 1 / what["drip"]
        elif rate:
            step = max(1, rate // 20)
        while at < min(stop, len(data)):
            part = data[at:min(at + step, stop)]
            if chunked:
                part_sent = b"%x\r\n" % len(part) + part + b"\r\n"
            else:
                part_sent = part
            self.wfile.write(part_sent)
            at += len(part)
            self.entry["sent"] = at
            if rate:
                time.sleep(len(part) / rate)
        self.wfile.flush()
        if how is None:
            if chunked:
                self.wfile.write(b"0\r\n\r\n")
            return
        self.close_connection = True
        if how == "stall_at":
            self.connection.settimeout(600)
            try:
                self.connection.recv(1)
            except OSError:
                pass
        elif how == "reset_at":
            time.sleep(0.05)  # let the client read what was sent: a RST drops what is still queued
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=5001)
    parser.add_argument("--layout", action="append", default=[], help="OCI layout folder to serve")
    parser.add_argument("--auth", choices=["basic", "bearer"])
    parser.add_argument("--user", action="append", default=[], help="name:password")
    parser.add_argument("--fault", action="append", default=[],
                        help='JSON: {"pattern": "GET .*/blobs/", "times": 1, "reset_at": 1000}')
    options = parser.parse_args()
    store = Store()
    for layout in options.layout:
        store.add_layout(layout)
    users = dict(user.split(":", 1) for user in options.user)
    with FakeRegistry(store, options.port, auth=options.auth, users=users) as registry:
        for text in options.fault:
            registry.fault(**json.loads(text))
        print(registry.host, *(f"{r}:{t}" for r, t in store.tags), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
