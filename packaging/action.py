#!/usr/bin/env python3
"""Runs the steps of action.yml as a runner would: packaging/action.py BIN, the directory that `ftpwhy` is in.

`uses:` steps are not run; that they would get what they need is checked. Needs PyYAML."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

root = pathlib.Path(__file__).resolve().parent.parent
action = yaml.safe_load((root / "action.yml").read_text())
program = pathlib.Path(sys.argv[1]).resolve()
fixtures = root / "fixtures" / "time-wait-collision"


def run(given, event=None):
    """The action's outcome, its log, its summary and its SARIF file, with these inputs."""
    inputs = {name: declared.get("default", "") for name, declared in action["inputs"].items()} | given
    assert set(inputs) == set(action["inputs"]), "an input that the action does not have"
    work = pathlib.Path(tempfile.mkdtemp())
    summary, log, outputs, uploads = work / "summary", "", {}, []

    def value(text):
        return re.sub(r"\$\{\{ *inputs\.([a-z-]+) *\}\}", lambda name: inputs[name[1]], text)

    def holds(condition):
        if condition is None:
            return True
        parts = condition.split(" && ")
        known = {"inputs.sarif != ''": inputs["sarif"] != "",
                 "github.event.pull_request.head.repo.fork != true": event != "fork"}
        return all(known[part] for part in parts)

    for step in action["runs"]["steps"]:
        if not holds(step.get("if")):
            continue
        if "uses" in step:
            uploads.append({name: value(text) for name, text in step["with"].items()})
            assert (root / uploads[-1]["sarif_file"]).is_file(), "there is nothing to upload"
            continue
        output = work / f"output{len(outputs)}"
        output.touch()
        environment = {"PATH": f"{program}:{os.environ['PATH']}", "HOME": str(work), "GITHUB_STEP_SUMMARY": str(summary),
                       "GITHUB_OUTPUT": str(output), **{name: value(text) for name, text in step.get("env", {}).items()}}
        # As GitHub runs `shell: bash`.
        assert step["shell"] == "bash"
        done = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=root, env=environment,
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        log += done.stdout
        outputs |= dict(line.split("=", 1) for line in output.read_text().splitlines())
        if done.returncode != 0:
            return step["name"], log, summary, outputs, uploads
    return None, log, summary, outputs, uploads


sarif = tempfile.NamedTemporaryFile(suffix=".sarif")
failing = str((fixtures / "fires-lab-vsftpd.pcap").relative_to(root))
fine = str((fixtures / "silent-lab-vsftpd-random-ports.pcap").relative_to(root))

failed, log, summary, outputs, uploads = run({"captures": failing, "sarif": sarif.name})
assert failed == "Check the captures", (failed, log)
assert "::error " in log and "time-wait-collision" in log, log
assert "time-wait-collision" in summary.read_text()
assert outputs["file"] == sarif.name and uploads[0]["sarif_file"] == sarif.name
results = json.load(open(sarif.name))["runs"][0]["results"]
assert any(result["ruleId"] == "time-wait-collision" for result in results), results

failed, log, *_ = run({"captures": failing, "sarif": sarif.name, "fail-on": "never"})
assert failed is None and "time-wait-collision" in log, (failed, log)
failed, log, *_ = run({"captures": fine, "sarif": sarif.name})
assert failed is None and "::error" not in log, (failed, log)
failed, log, _, outputs, uploads = run({"captures": fine, "sarif": ""})
assert failed is None and not outputs and not uploads, (failed, log)
failed, log, _, _, uploads = run({"captures": fine, "sarif": sarif.name}, "fork")
assert failed is None and not uploads, (failed, uploads)
failed, log, *_ = run({"captures": str(fixtures.relative_to(root)), "expectations": "true", "sarif": sarif.name})
assert failed is None, (failed, log)
# One that cannot be read: what is found in the others is uploaded nevertheless, and the check fails.
failed, log, _, outputs, uploads = run({"captures": f"{failing} README.md", "sarif": sarif.name, "fail-on": "never"})
assert failed == "Check the captures" and len(uploads) == 1 and "could not read README.md" in log, (failed, log)
print("action.py: all is well")
