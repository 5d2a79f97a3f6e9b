#!/usr/bin/env python3
"""Pulls through pull_tool from a registry that misbehaves. usage: pull_test.py PULL_TOOL [test names]"""
import base64
import glob
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from fake_registry import *  # noqa: E402,F403

TOOL = sys.argv.pop(1) if len(sys.argv) > 1 else "build/tests/registry/pull_tool"


def noise(count, seed=1):
    return random.Random(seed).randbytes(count)


class Pull(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="registry-pull-")
        self.store = Store()
        self.layers = [tar_layer({"etc/": b"", "etc/base": b"base\n", "big": noise(3_000_000)}),
                       tar_layer({"etc/second": b"2\n", "more": noise(500_000, 2)})]
        self.image = self.store.add_image("team/app", "1", self.layers)

    def tearDown(self):
        shutil.rmtree(self.root, ignore_errors=True)

    def pull(self, registry, *options, reference="team/app:1", timeout=60):
        return subprocess.run([TOOL, self.root, f"{registry.host}/{reference}", *options], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)

    def good(self, registry, *options, **more):
        done = self.pull(registry, *options, **more)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        self.assertIn(self.image.config_digest, done.stdout)
        found = sorted(glob.glob(self.root + "/layers/*/diff/big"))
        self.assertEqual(len(found), 1)
        with open(found[0], "rb") as file:
            self.assertEqual(file.read(), noise(3_000_000))
        self.nothing_left()
        return done.stdout

    def bad(self, registry, text, *options, **more):
        done = self.pull(registry, *options, **more)
        self.assertEqual(done.returncode, 1, done.stderr + done.stdout)
        self.assertIn(text, done.stderr)
        listed = subprocess.run([TOOL, self.root, "--list"], text=True, stdout=subprocess.PIPE)
        self.assertEqual(listed.stdout, "")
        self.assertEqual(os.listdir(self.root + "/staging"), [])
        return done

    def nothing_left(self):
        self.assertEqual(os.listdir(self.root + "/staging"), [])
        self.assertEqual(glob.glob(self.root + "/ingest/*"), [])

    def test_plain_pull_and_its_words(self):
        with FakeRegistry(self.store) as registry:
            out = self.good(registry)
            words = [line.split("|")[1] for line in out.splitlines() if line.startswith(self.image.layers[0][0][7:19])]
            self.assertEqual(words[0], "Pulling fs layer")
            for word in ("Downloading", "Verifying Checksum", "Download complete", "Extracting", "Pull complete"):
                self.assertIn(word, words)
            self.assertIn(f"|Digest: {self.image.digest}|", out)
            self.assertIn("Status: Downloaded newer image for", out)
            again = self.good(registry)
            self.assertIn("Status: Image is up to date for", again)

    def test_kinds_of_images(self):
        for flavour, how in (("oci", "gzip"), ("oci", "zstd"), ("oci", "none")):
            with self.subTest(how), FakeRegistry(self.store) as registry:
                shutil.rmtree(self.root)
                os.mkdir(self.root)
                self.image = self.store.add_image("team/app", how, self.layers, flavour, how)
                self.good(registry, reference="team/app:" + how)
                self.good(registry, reference="team/app@" + self.image.digest)

    def test_index_chooses_the_platform(self):
        other = self.store.add_image("team/app", None, [tar_layer({"x": b"arm"})], "oci", platform=("arm64", "v8"))
        digest = self.store.add_index("team/app", "multi", [(other, "arm64", "v8"), (self.image, "amd64", None)])
        with FakeRegistry(self.store) as registry:
            out = self.good(registry, "--platform", "linux/amd64", reference="team/app:multi")
            self.assertIn("Digest: " + digest, out)
            done = self.pull(registry, "--platform", "linux/s390x", reference="team/app:multi")
            self.assertIn("no matching manifest for linux/s390x in the manifest list entries", done.stderr)

    def test_token_in_the_middle_runs_out(self):
        with FakeRegistry(self.store, auth="bearer", token_uses=2) as registry:
            self.good(registry)

    def test_basic(self):
        auth = base64.urlsafe_b64encode(json.dumps({"username": "me", "password": "hunter2"}).encode()).decode()
        with FakeRegistry(self.store, auth="basic", users={"me": "hunter2"}, anonymous=False) as registry:
            self.bad(registry, "no basic auth credentials")
            self.good(registry, "--auth", auth)

    def test_credentials_do_not_follow_redirects(self):
        auth = base64.urlsafe_b64encode(json.dumps({"username": "me", "password": "hunter2"}).encode()).decode()
        with FakeRegistry(self.store) as other, \
                FakeRegistry(self.store, auth="basic", users={"me": "hunter2"}, anonymous=False) as registry:
            registry.fault("GET .*/blobs/", redirect=other.url)
            self.good(registry, "--auth", auth)
            self.assertGreater(len(other.log), 0)
            self.assertTrue(all("authorization" not in r["headers"] for r in other.log))

    def test_reset_resumes_where_it_stopped(self):
        with FakeRegistry(self.store) as registry:
            registry.fault(f"GET .*{self.image.layers[0][0]}", times=1, reset_at=2_000_000)
            self.good(registry)
            ranges = [r["headers"].get("range") for r in registry.requests(self.image.layers[0][0])]
            self.assertEqual(len(ranges), 2)
            self.assertTrue(ranges[1] and int(ranges[1][6:-1]) > 0, ranges)

    def test_kill_resumes_from_disk(self):
        with FakeRegistry(self.store) as registry:
            registry.fault(f"GET .*{self.image.layers[0][0]}", times=1, stall_at=2_000_000)
            process = subprocess.Popen([TOOL, self.root, registry.host + "/team/app:1"], stdout=subprocess.DEVNULL)
            deadline = time.time() + 20
            while time.time() < deadline and sum(os.path.getsize(p) for p in glob.glob(self.root + "/ingest/*.part")) < 1_900_000:
                time.sleep(0.05)
            process.kill()
            process.wait()
            self.good(registry)
            ranges = [r["headers"].get("range") for r in registry.requests(self.image.layers[0][0])]
            self.assertTrue(ranges[-1] and int(ranges[-1][6:-1]) > 1_000_000, ranges)

    def test_faults_that_pass(self):
        blob = f"GET .*{self.image.layers[0][0]}"
        for name, what in {"close": {"close_at": 1000}, "500": {"status": 500}, "429": {"status": 429, "headers": {"Retry-After": "1"}},
                           "stall": {"stall_at": 5000}, "corrupt": {"reset_at": 1_500_000, "corrupt_at": 10},
                           "manifest 503": {"pattern": "GET .*/manifests/", "status": 503}}.items():
            with self.subTest(name), FakeRegistry(self.store) as registry:
                shutil.rmtree(self.root)
                os.mkdir(self.root)
                registry.fault(what.pop("pattern", blob), times=1, **what)
                self.good(registry, "--stall", "1000")

    def test_lies_about_ranges(self):
        blob = f"GET .*{self.image.layers[0][0]}"
        for mode in ("ignore", "lie", "wrong_total", "no_header"):
            with self.subTest(mode), FakeRegistry(self.store) as registry:
                shutil.rmtree(self.root)
                os.mkdir(self.root)
                registry.fault(blob, times=1, reset_at=1_000_000)
                registry.fault(blob, times=1, range=mode)
                self.good(registry)

    def test_lies_that_do_not_pass(self):
        blob, config = f"GET .*{self.image.layers[0][0]}", f"GET .*{self.image.config_digest}"
        cases = {"corrupt layer": (blob, {"corrupt_at": 100_000}, ""), "extra bytes": (blob, {"extra": 10}, "larger than"),
                 "other layer": (blob, {"replace": b"x" * len(self.image.layers[0][1])}, ""),
                 "short layer": (blob, {"replace": self.image.layers[0][1][:1000]}, "unexpected EOF"),
                 "config": (config, {"corrupt_at": 5}, "verification failed"),
                 "type": ("GET .*/manifests/", {"content_type": OCI_INDEX}, "mediaType in manifest should be"),
                 "loop": (blob, {"redirect": ""}, "stopped after 10 redirects"), "stall": (blob, {"stall_at": 100}, ""),
                 "drip": (blob, {"drip": 0.1}, "sent nothing for too long"),
                 "drip of a manifest": ("GET .*/manifests/", {"drip": 0.1}, ""),
                 "404": ("GET .*/manifests/", {"status": 404}, "not found: manifest unknown: manifest unknown"),
                 "500": ("GET .*/manifests/", {"status": 500}, "500 Internal Server Error"),
                 "endless": ("GET .*/manifests/", {"extra": 5_000_000}, "larger than the limit")}
        for name, (pattern, what, text) in cases.items():
            with self.subTest(name), FakeRegistry(self.store) as registry:
                shutil.rmtree(self.root)
                os.mkdir(self.root)
                registry.fault(pattern, **what)
                self.bad(registry, text, "--stall", "500", "--attempts", "3")

    def test_wrong_content_for_a_digest(self):
        with FakeRegistry(self.store) as registry:
            registry.fault("GET .*/manifests/", replace=self.image.manifest + b" ")
            self.bad(registry, "verification failed", reference="team/app@" + self.image.digest)

    def test_nobody_there(self):
        with FakeRegistry(self.store) as registry:
            pass
        done = self.bad(registry, "connection refused")
        self.assertIn(f'Get "http://{registry.host}/v2/": dial tcp {registry.host}: connect: connection refused', done.stderr)

    def test_two_clients_share_one_pull(self):
        with FakeRegistry(self.store) as registry:
            registry.fault("GET .*/blobs/", rate=3_000_000)
            out = self.good(registry, "--twice")
            self.assertEqual(len(registry.requests(f"GET .*{self.image.layers[0][0]}")), 1)
            self.assertIn(f"\n2:{self.image.config_digest}", out)

    def test_mirror_and_fall_back(self):
        self.store.add_image("library/thing", "latest", self.layers)
        with FakeRegistry(self.store) as registry:
            done = subprocess.run([TOOL, self.root, "thing", "--mirror", registry.url], text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("Status: Downloaded newer image for thing:latest", done.stdout)

    def test_removal_gives_everything_back(self):
        with FakeRegistry(self.store) as registry:
            self.good(registry)
            done = subprocess.run([TOOL, self.root, "--remove", f"{registry.host}/team/app:1", "--list"], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            lines = done.stdout.splitlines()
            self.assertEqual(lines[0], f"Untagged: {registry.host}/team/app:1")
            self.assertEqual(lines[1], f"Untagged: {registry.host}/team/app@{self.image.digest}")
            self.assertEqual(lines[2], f"Deleted: {self.image.config_digest}")
            self.assertEqual(len(lines), 5)
            self.assertEqual(glob.glob(self.root + "/layers/*/diff"), [])

    def test_secrets_stay_out(self):
        auth = base64.urlsafe_b64encode(json.dumps({"username": "me", "password": "hunter2"}).encode()).decode()
        with FakeRegistry(self.store, auth="bearer", users={"me": "other"}, anonymous=False) as registry:
            done = self.bad(registry, "unauthorized: incorrect username or password", "--auth", auth)
            self.assertNotIn("hunter2", done.stderr + done.stdout)
            self.assertNotIn("scope=", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=1)
