// The page in headless Chromium, opened as a file:
//   node web/test/browser.mjs PAGE MODULE CHROMIUM [SCREENSHOTS]
// Every capture that it drops is a fixture, or made of one.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { launch, open } from "./chromium.mjs";
import { load, run } from "./module.mjs";

const [page, modulePath, chromium, screenshots] = process.argv.slice(2);
const fixtures = fileURLToPath(new URL("../../fixtures/", import.meta.url));
const fixture = (name) => path.join(fixtures, name);
const COLLISION = fixture("time-wait-collision/fires-lab-vsftpd.pcap");
const POINTS = ["client.pcap", "server.pcap"].map((name) => fixture(`_points/act_syn_drop/${name}`));
const scratch = mkdtempSync(path.join(tmpdir(), "ftpwhy-page-"));
const url = pathToFileURL(path.resolve(page)).href;
let failures = 0;
function expect(what, holds, seen = "") {
  if (!holds) failures += 1;
  console.log(`${holds ? "ok  " : "FAIL"} ${what}${holds || seen === "" ? "" : `: ${JSON.stringify(seen)}`}`);
}
const write = (name, bytes) => {
  const file = path.join(scratch, name);
  writeFileSync(file, bytes);
  return file;
};
async function shoot(tab, name) {
  if (!screenshots) return;
  mkdirSync(screenshots, { recursive: true });
  writeFileSync(path.join(screenshots, `${name}.png`), await tab.screenshot());
}

/** The example again and again, each time from another port and a second later, `fill` bytes of another connection between. */
function many(bytes, times, fill) {
  const header = bytes.subarray(0, 24);
  const records = [];
  for (let at = 24; at < bytes.length;) {
    const length = bytes.readUInt32LE(at + 8);
    records.push(bytes.subarray(at, at + 16 + length));
    at += 16 + length;
  }
  const parts = [header];
  const first = records[0].readUInt32LE(0);
  for (let turn = 0; turn < times; turn += 1) {
    for (const record of records) {
      const copy = Buffer.from(record);
      copy.writeUInt32LE(first + turn * 2 + (record.readUInt32LE(0) - first), 0);
      // The client's address of the control and data connections: 10.1.x.y instead of 10.1.0.10.
      const address = Buffer.from([10, 1, 0, 10]);
      for (let at = copy.indexOf(address); at >= 0; at = copy.indexOf(address, at + 4)) copy.writeUInt16BE(0x0a01 + turn % 0xf000, at + 2);
      parts.push(copy);
    }
    const last = records[records.length - 1];
    for (let filled = 0; filled < fill; filled += 1400) {
      const packet = Buffer.alloc(16 + 54 + 1400, 0x55);
      last.copy(packet, 0, 0, 16 + 12);
      packet.writeUInt32LE(first + turn * 2 + 1, 0);
      packet.writeUInt32LE(54 + 1400, 8);
      packet.writeUInt32LE(54 + 1400, 12);
      Buffer.from([8, 0, 0x45, 0, 5, 0xa0, 0, 7, 0, 0, 64, 6, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2, 0x9c, 0x40, 0x1f, 0x90]).copy(packet, 28);
      packet.writeUInt32BE(filled + turn * fill, 54);
      Buffer.from([0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]).copy(packet, 58);
      parts.push(packet);
    }
  }
  return Buffer.concat(parts);
}

const headline = "document.body.classList.contains('reported') && document.getElementById('headline').textContent";
const trouble = "document.getElementById('trouble').textContent";
/** The report's own text, from within its frame. */
async function reportText(tab) {
  const end = Date.now() + 20_000;
  for (;;) {
    for (const session of tab.frames.values()) {
      const text = await tab.evaluate("document.readyState === 'complete' && document.body.innerText", session).catch(() => "");
      if (text) return text;
    }
    if (Date.now() > end) return "";
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}

/** The contrast of an element's text with what is behind it. */
const CONTRAST = `(selector) => {
  const parse = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const element = document.querySelector(selector);
  let behind = element;
  while (parse(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
  const [one, other] = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map(parse).map(light);
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}`;

async function main() {
  const asked = [];
  const server = createServer((request, response) => { asked.push(request.url); response.end("x"); });
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  const elsewhere = `http://127.0.0.1:${server.address().port}/`;
  const browser = launch(chromium);
  try {
    let tab = await open(browser, url);
    const ready = await tab.evaluate("unpacked.then(() => performance.now())");
    console.log(`time ready ${ready.toFixed(0)} ms after the page was asked for`);

    // What is dropped is judged, and shown as the program shows it.
    await tab.drop([COLLISION]);
    expect("a dropped capture gets its headline", await tab.until(headline) === "1 of 2 transfers failed");
    expect("the cause stands beside it", (await tab.evaluate("document.getElementById('detail').textContent")).startsWith("time-wait-collision"));
    expect("the focus is on the headline", await tab.evaluate("document.activeElement.id") === "headline");
    const text = await reportText(tab);
    expect("the report is shown", text.includes("still has 10.2.0.20:20"), text.slice(0, 200));
    await shoot(tab, "report-800");

    // Downloads are the module's own outputs, which web/test/equal.mjs compares with the program's.
    const downloads = path.join(scratch, "downloads");
    await browser.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: downloads });
    const ours = await run(load(modulePath), [["fires-lab-vsftpd.pcap", readFileSync(COLLISION)]], { reports: ["html", "json", "sarif"] }, 3);
    for (const [number, name] of ["html", "json", "sarif"].entries()) {
      await tab.evaluate(`document.getElementById('${name}').click()`);
      const file = path.join(downloads, `fires-lab-vsftpd.${name}`);
      await waitFor(() => existsSync(file) && readFileSync(file).equals(ours.outputs[number]));
      expect(`${name} is saved`, existsSync(file) && readFileSync(file).equals(ours.outputs[number]));
    }
    await tab.evaluate("document.getElementById('evidence').click()");
    const evidence = path.join(downloads, "fires-lab-vsftpd.evidence.pcapng");
    await waitFor(() => existsSync(evidence));
    const packets = existsSync(evidence) ? readFileSync(evidence) : Buffer.alloc(0);
    expect("the evidence is saved as pcapng", packets.length > 500 && packets.readUInt32LE(0) === 0x0a0d0d0a, packets.length);
    expect("its addresses are others", !packets.includes(Buffer.from([10, 1, 0, 10])) && !packets.includes("10,1,0,10,"));
    const again = await run(load(modulePath), [["evidence.pcapng", packets]], { reports: ["json"] }, 1);
    expect("it gives the same finding", JSON.parse(again.outputs[0]).findings.some((one) => one.diagnosis === "time-wait-collision"));

    // Keyboard alone.
    await tab.evaluate("document.getElementById('again').focus()");
    await tab.press("Enter", "Enter", "\r");
    expect("Enter opens the start again", await tab.evaluate("!document.getElementById('start').hidden && document.activeElement.id") === "files");
    const order = [];
    for (let step = 0; step < 3; step += 1) {
      order.push(await tab.evaluate("document.activeElement.id || document.activeElement.tagName"));
      await tab.press("Tab");
    }
    expect("Tab goes through the controls in their order", String(order) === "files,example,SUMMARY", order);
    await tab.evaluate("document.getElementById('example').focus()");
    await tab.press("Enter", "Enter", "\r");
    expect("the example is analysed", await tab.until(headline) === "1 of 2 transfers failed");

    // Screen reader.
    await tab.send("Accessibility.enable");
    const { nodes } = await tab.send("Accessibility.getFullAXTree");
    const named = nodes.filter((node) => !node.ignored).map((node) => `${node.role?.value}:${node.name?.value}`);
    expect("headline, buttons and report have names", ["heading:1 of 2 transfers failed", "button:Open other files", "link:Save report (HTML)", "Iframe:Report"].every((name) => named.includes(name)), named);
    expect("troubles are announced", nodes.some((node) => node.role?.value === "alert") && nodes.some((node) => node.role?.value === "status"));
    const unnamed = nodes.filter((node) => !node.ignored && ["button", "link", "textbox", "progressbar"].includes(node.role?.value) && !node.name?.value);
    expect("no control is without a name", unnamed.length === 0, unnamed.map((node) => node.role.value));

    // Points, keys, packed captures.
    await drop(tab, POINTS);
    const points = await reportText(tab);
    expect("two captures are points of one incident", points.includes("2 points"), points.slice(0, 300));
    const encrypted = write("ftps.pcapng", withoutSecrets(readFileSync(fixture("_keylog/cbc.pcapng"))));
    await drop(tab, [encrypted]);
    const sealed = await saved(tab, downloads, "json", "ftps.json");
    rmSync(path.join(downloads, "ftps.json"));
    await drop(tab, [fixture("_keylog/cbc.keys"), encrypted]);
    const opened = await saved(tab, downloads, "json", "ftps.json");
    expect("a key log decrypts", !sealed.sessions[0].tls.decrypted && opened.sessions[0].tls.decrypted, opened.sessions[0].tls);
    for (const [name, bytes] of [["x.pcap.gz", gzipSync(readFileSync(COLLISION))], ["x.pcap.zst", zstdOf(readFileSync(COLLISION))]]) {
      await drop(tab, [write(name, bytes)]);
      expect(`${name} is read`, await tab.evaluate(headline) === "1 of 2 transfers failed");
    }

    // Troubles.
    await tab.drop([write("notes.txt", "nothing of the kind")]);
    expect("what is no capture is told", (await tab.until(trouble)).startsWith("could not read notes.txt"));
    await tab.drop([write("empty.pcap", "")]);
    expect("an empty file is told", (await tab.until(`${trouble}.includes("empty.pcap") && ${trouble}`)).includes("empty"));
    await drop(tab, [COLLISION, write("notes.txt", "nothing of the kind")]);
    expect("what could be read is shown nevertheless", (await tab.evaluate(headline)).startsWith("1 of 2 transfers failed (not everything"), await tab.evaluate(headline));
    expect("and what could not is told", (await tab.evaluate(trouble)).includes("notes.txt"));

    // Larger ones, of which a little is FTP. How long they take is said, for it depends on the machine.
    const bytes = readFileSync(COLLISION);
    for (const [mebi, times] of [[10, 50], [100, 500]]) {
      const file = write(`large-${mebi}.pcap`, many(bytes, times, Math.floor((mebi * 2 ** 20) / times) - bytes.length));
      await tab.evaluate("window.began = undefined; new MutationObserver(() => { if (!document.getElementById('work').hidden) window.began ??= performance.now(); else if (window.began) window.ended ??= performance.now(); }).observe(document.getElementById('work'), { attributes: true })");
      await tab.evaluate("window.ended = undefined");
      await drop(tab, [file], 300);
      const took = await tab.evaluate("window.ended - window.began");
      console.log(`time ${mebi} MiB in ${took.toFixed(0)} ms`);
      expect(`${mebi} MiB are judged`, (await tab.evaluate(headline)).startsWith(`${times} of ${2 * times}`), await tab.evaluate(headline));
    }
    // The large capture again, and it is cancelled.
    await tab.evaluate("document.getElementById('again').click()");
    await tab.drop([path.join(scratch, "large-100.pcap")]);
    await tab.until("document.getElementById('bar').value > 0", 60);
    expect("progress is shown", await tab.evaluate("document.getElementById('bar').position > 0 && !document.getElementById('work').hidden"));
    await shoot(tab, "progress");
    await tab.evaluate("document.getElementById('cancel').focus()");
    await tab.press("Enter", "Enter", "\r");
    expect("Cancel leads back", await tab.evaluate("!document.getElementById('start').hidden && document.getElementById('work').hidden && shown.worker === null"));

    // Nothing leaves, even if the page wanted to.
    const outside = tab.requests.filter((request) => !/^(file|blob|data|about):/.test(request));
    expect("the network log is empty", outside.length === 0, outside);
    const tried = await tab.evaluate(`Promise.all([fetch("${elsewhere}page").then(() => "sent", () => "refused"),
      new Promise((done) => { const image = new Image(); image.onload = () => done("sent"); image.onerror = () => done("refused"); image.src = "${elsewhere}image"; }),
      new Promise((done) => { try { const socket = new WebSocket("${elsewhere}".replace("http", "ws")); socket.onopen = () => done("sent"); socket.onerror = () => done("refused"); } catch { done("refused"); } }),
      new Promise((done) => { const worker = new Worker(URL.createObjectURL(new Blob(["fetch('${elsewhere}worker').then(() => postMessage('sent'), () => postMessage('refused'))"]))); worker.onmessage = ({ data }) => done(data); }),
      navigator.sendBeacon("${elsewhere}beacon") ? "queued" : "refused"])`);
    expect("a connection is refused from the page and from a worker", tried.slice(0, 4).every((one) => one === "refused"), tried);
    await new Promise((resolve) => { setTimeout(resolve, 500); });
    expect("and none arrived", asked.length === 0, asked);

    // Narrow, and dark.
    for (const scheme of ["light", "dark"]) {
      await tab.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
      for (const width of [360, 800, 1280]) {
        await tab.send("Emulation.setDeviceMetricsOverride", { width, height: 720, deviceScaleFactor: 1, mobile: width === 360 });
        await tab.evaluate("document.getElementById('again').click()");
        const wide = "document.documentElement.scrollWidth";
        expect(`the start fits ${width} px, ${scheme}`, await tab.evaluate(wide) <= width, await tab.evaluate(wide));
        await shoot(tab, `start-${width}-${scheme}`);
        for (const selector of ["h1", "#formats", "#drop label strong", "#private p", "#example"]) {
          const contrast = await tab.evaluate(`(${CONTRAST})(${JSON.stringify(selector)})`);
          expect(`${selector} can be read, ${scheme}`, contrast >= 4.5, contrast);
        }
        await drop(tab, [COLLISION]);
        expect(`the report's bar fits ${width} px, ${scheme}`, await tab.evaluate(wide) <= width, await tab.evaluate(wide));
        const room = await tab.evaluate("document.getElementById('report').clientHeight");
        expect(`and leaves room for the report, ${room} px of 720`, room > 480, room);
        await shoot(tab, `report-${width}-${scheme}`);
        for (const selector of ["#headline", "#detail", "#html"]) {
          const contrast = await tab.evaluate(`(${CONTRAST})(${JSON.stringify(selector)})`);
          expect(`${selector} can be read, ${scheme}`, contrast >= 4.5, contrast);
        }
      }
    }
    expect("no script failed", tab.errors.length === 0, tab.errors);
  } finally {
    server.close();
    await browser.close();
  }

  // A browser that gives little memory.
  const small = launch(chromium, ["--js-flags=--wasm-max-mem-pages=120"]);
  try {
    const tab = await open(small, url);
    await tab.drop([write("sessions.pcap", many(readFileSync(COLLISION), 2000, 0))]);
    const said = await tab.until(trouble, 120);
    expect("a capture too large for memory gets the sentence", said.startsWith("This needs more memory"), said);
    expect("and the page can be used again", await tab.evaluate("!document.getElementById('start').hidden"));
  } finally {
    await small.close();
  }
}

/** Drops files and waits for their report. */
async function drop(tab, files, seconds = 60) {
  await tab.evaluate("document.getElementById('again').click()");
  await tab.drop(files);
  await tab.until(headline, seconds);
}

async function waitFor(holds, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  while (!holds() && Date.now() < end) await new Promise((resolve) => { setTimeout(resolve, 20); });
}

/** What is saved under a name, as JSON. */
async function saved(tab, folder, id, name) {
  await tab.evaluate(`document.getElementById('${id}').click()`);
  const file = path.join(folder, name);
  await waitFor(() => existsSync(file));
  return JSON.parse(readFileSync(file, "utf8"));
}

/** A pcapng file (little endian) without its blocks of decryption secrets. */
function withoutSecrets(bytes) {
  const blocks = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at + 4)) {
    if (bytes.readUInt32LE(at) !== 0x0a) blocks.push(bytes.subarray(at, at + bytes.readUInt32LE(at + 4)));
  }
  return Buffer.concat(blocks);
}

/** A zstd frame of stored blocks (RFC 8878 3.1.1), which needs no compressor. */
function zstdOf(bytes) {
  const parts = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0]), Buffer.alloc(4)];
  parts[1].writeUInt32LE(bytes.length);
  const block = Buffer.alloc(3);
  block.writeUIntLE(1 | (bytes.length << 3), 0, 3);
  return Buffer.concat([...parts, block, bytes]);
}

try {
  await main();
} catch (error) {
  failures += 1;
  console.log(`FAIL ${error.stack}`);
}
rmSync(scratch, { recursive: true, force: true });
console.log(failures === 0 ? "the page is as it should be" : `${failures} failures`);
process.exit(failures === 0 ? 0 : 1);
