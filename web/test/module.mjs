// The module under node, with files instead of a browser's.
import { readFileSync } from "node:fs";
import vm from "node:vm";

const engine = readFileSync(new URL("../page/engine.js", import.meta.url), "utf8");
const runModule = vm.runInThisContext(`${engine}; runModule`);

/** The module, compiled once. */
export const load = (path) => new WebAssembly.Module(readFileSync(path));

/** Runs a request over files, an array of [name, bytes]; the status, the outputs and what was complained of. */
export async function run(module, files, request, outputs) {
  const written = Array.from({ length: outputs }, () => []);
  const complaints = [];
  const progress = [];
  const status = await runModule(module, { ...request, files: files.map(([name, bytes]) => ({ name, size: bytes.length })) }, {
    read: (file, offset, length) => files[file][1].subarray(offset, offset + length),
    write: (output, bytes) => written[output].push(bytes),
    complain: (message) => complaints.push(message),
    progress: (read, total) => progress.push([read, total]),
  });
  return { status, outputs: written.map((parts) => Buffer.concat(parts)), complaints, progress };
}
