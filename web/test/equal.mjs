// What the module writes is what the program writes, to the byte: JSON, SARIF, HTML and the anonymised evidence, and the
// complaints, of every capture in the directories named, alone, and of those directories that hold points or a key log,
// together.
//   node web/test/equal.mjs MODULE PROGRAM DIRECTORY...
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { load, run } from "./module.mjs";

const [modulePath, program, ...directories] = process.argv.slice(2);
const module = load(modulePath);
const out = mkdtempSync(path.join(tmpdir(), "ftpwhy-equal-"));
const KEY = "000102030405060708090a0b0c0d0e0f";
const REPORTS = ["json", "sarif", "html"];

/** Groups of files to compare, each of one directory: every capture, with its key log and facts, and what is together. */
function groups(directory) {
  const found = [];
  const entries = readdirSync(directory).sort();
  const captures = entries.filter((name) => /\.(pcap|pcapng|snoop|bin|txt)(\d*|\.gz|\.zst)$/.test(name));
  for (const name of captures) {
    const stem = name.replace(/\.[^.]*$/, "");
    const beside = [`${stem}.keys`, `${stem}.facts.json`].filter((other) => entries.includes(other));
    found.push({ directory, files: [name], beside: [] });
    if (beside.length > 0) found.push({ directory, files: [name], beside });
  }
  if (path.basename(path.dirname(directory)) === "_points" && captures.length > 1) found.push({ directory, files: captures, beside: [] });
  for (const name of entries) {
    const inner = path.join(directory, name);
    if (statSync(inner).isDirectory()) found.push(...groups(inner));
  }
  return found;
}

const isAnswer = (status) => status === 0 || status === 1;

/** Runs the program in the directory of the files, so that it knows them by the same names. */
function native(directory, args) {
  const ran = spawnSync(program, args, { cwd: directory, encoding: "utf8", maxBuffer: 1 << 30 });
  const errors = ran.stderr.split("\n").filter((line) => line.startsWith("error: ")).map((line) => line.slice(7));
  return { failed: !isAnswer(ran.status), errors };
}

const written = (name) => {
  const file = path.join(out, name);
  const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  rmSync(file, { force: true });
  return bytes;
};

const flags = (files) => files.flatMap((name) => [name.endsWith(".keys") ? "--keylog" : "--facts", name]);

let compared = 0;
const different = [];
for (const group of directories.flatMap(groups)) {
  const { directory, files, beside } = group;
  const read = [...files, ...beside].map((name) => [name, readFileSync(path.join(directory, name))]);
  const label = `${directory}: ${[...files, ...beside].join(" ")}`;
  const expect = (what, same) => {
    compared += 1;
    if (!same) different.push(`${label}: ${what}`);
  };
  const ours = await run(module, read, { reports: REPORTS }, REPORTS.length);
  const input = ["--isolated", ...flags(beside), ...files];
  const theirs = native(directory, ["--json", "-o", path.join(out, "json"), "-o", `sarif=${path.join(out, "sarif")}`, ...input]);
  native(directory, ["show", "--html", path.join(out, "html"), ...input]);
  REPORTS.forEach((name, number) => expect(name, ours.outputs[number].equals(written(name))));
  expect("status", theirs.failed === (ours.status === 2));
  expect(`complaints: ${ours.complaints} / ${theirs.errors}`, String(ours.complaints) === String(theirs.errors));
  if (ours.outputs[0].length > 0 && JSON.parse(ours.outputs[0]).findings.length > 0) {
    const packets = await run(module, read, { evidence: KEY }, 1);
    native(directory, ["extract", "--anonymize", "--anonymize-key", KEY, "--finding", "*", "--annotate", "-w", path.join(out, "evidence"), ...input]);
    expect("evidence", packets.outputs[0].length > 0 && packets.outputs[0].equals(written("evidence")));
  }
}
rmSync(out, { recursive: true });
console.log(`${compared} outputs compared, ${different.length} differ`);
different.slice(0, 30).forEach((line) => console.log(line));
process.exit(different.length === 0 && compared > 100 ? 0 : 1);
