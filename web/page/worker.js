"use strict";

// One worker does one request, so that whatever it needed is given back when it ends, and cancelling is ending it.

/** Progress is shown a few times a second at most. */
const PAUSE = 100;

self.onmessage = async ({ data: { module, files, request, types } }) => {
  const reader = new FileReaderSync();
  const outputs = types.map(() => []);
  const complaints = [];
  let told = 0;
  const host = {
    read: (file, offset, length) => new Uint8Array(reader.readAsArrayBuffer(files[file].slice(offset, offset + length))),
    write: (output, bytes) => outputs[output].push(bytes),
    complain: (message) => complaints.push(message),
    progress(read, total) {
      if (performance.now() - told > PAUSE) {
        told = performance.now();
        self.postMessage({ read, total });
      }
    },
  };
  const names = files.map(({ name, size }) => ({ name, size }));
  try {
    const status = await runModule(module, { ...request, files: names }, host);
    self.postMessage({ status, complaints, outputs: outputs.map((parts, number) => new Blob(parts, { type: types[number] })) });
  } catch (error) {
    // Without a word of its own the module stopped for want of memory.
    self.postMessage({ status: 2, complaints, outOfMemory: complaints.length === 0, error: String(error) });
  }
};
