#!/usr/bin/env python3
"""Puts the page together: web/assemble.py MODULE OUT. Everything is in it, the module packed with gzip and as base64."""
import base64
import gzip
import hashlib
import pathlib
import re
import sys

page = pathlib.Path(__file__).parent / "page"
root = pathlib.Path(__file__).parent.parent
module, out = map(pathlib.Path, sys.argv[1:])


def text(name):
    return (page / name).read_text().strip()


def base64_of(data):
    return base64.b64encode(data).decode()


script = "\n" + text("page.js") + "\n"
version = re.search(r'^version = "(.*)"', (root / "Cargo.toml").read_text(), re.M)[1]
policy = "; ".join([
    "default-src 'none'",
    # This script alone, and WebAssembly; the worker is a part of the page, too.
    f"script-src 'sha256-{base64_of(hashlib.sha256(script.encode()).digest())}' 'wasm-unsafe-eval'",
    "worker-src blob:",
    # The report brings its own style.
    "style-src 'unsafe-inline'",
    "frame-src blob:",
    "connect-src 'none'",
    "form-action 'none'",
    "base-uri 'none'",
])
parts = {
    "policy": policy,
    "style": text("style.css"),
    "version": version,
    "module": base64_of(gzip.compress(module.read_bytes(), 9, mtime=0)),
    "example": base64_of((root / "fixtures/time-wait-collision/fires-lab-vsftpd.pcap").read_bytes()),
    "worker": text("engine.js") + "\n" + text("worker.js"),
    "script": script.strip("\n"),
}
for name in ("engine.js", "worker.js", "page.js"):
    assert "</script" not in text(name), f"{name} would end its element"
html = text("index.html")
for name, part in parts.items():
    assert html.count("{{" + name + "}}") == 1, name
    html = html.replace("{{" + name + "}}", part)
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(html + "\n")
print(f"{out}: {out.stat().st_size} bytes, the module {module.stat().st_size}, packed {len(base64.b64decode(parts['module']))}")
