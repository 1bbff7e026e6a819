"use strict";

/**
 * Runs one request in the WebAssembly module, compiled or as its bytes, and returns the exit status that the program would
 * have: 0, or 2 after complaints. `host` does what the module asks for:
 *   read(file, offset, length)  gives a Uint8Array of at most that many bytes of a file of the request
 *   write(output, bytes)        takes bytes of an output, in their order
 *   complain(message)           is told what is wrong
 *   progress(read, total)       is told how many bytes have been read; comes often
 * Throws a WebAssembly.RuntimeError where the module gave up: it had a bug, which it complained of, or no memory left.
 */
async function runModule(module, request, host) {
  let exports;
  const bytes = (from, length) => new Uint8Array(exports.memory.buffer, from, length);
  const worker = {
    read(file, offset, to, length) {
      try {
        const piece = host.read(file, offset, length);
        bytes(to, length).set(piece);
        return piece.length;
      } catch {
        return -1;
      }
    },
    write: (output, from, length) => host.write(output, bytes(from, length).slice()),
    complain: (from, length) => host.complain(new TextDecoder().decode(bytes(from, length))),
    progress: (read, total) => host.progress(read, total),
  };
  const made = await WebAssembly.instantiate(module, { worker });
  exports = (made.instance ?? made).exports;
  const text = new TextEncoder().encode(JSON.stringify(request));
  const room = exports.room(text.length);
  bytes(room, text.length).set(text);
  return exports.run(room, text.length);
}
