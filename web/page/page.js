"use strict";

const at = (id) => document.getElementById(id);

/** What a page is told where the browser gives it no more memory. */
const TOO_LARGE = "This needs more memory than the browser gives a page. Use the program instead, it reads captures of any size: "
  + "ftpwhy FILE. Or make the capture smaller first, for example with one server only: "
  + "tcpdump -r FILE -w smaller.pcap 'host 192.0.2.1'";

/** The reports of a run, with the ending of their file. */
const REPORTS = [
  { name: "html", type: "text/html", ending: ".html" },
  { name: "json", type: "application/json", ending: ".json" },
  { name: "sarif", type: "application/sarif+json", ending: ".sarif" },
];

/** The bytes that a script element holds as base64. */
function embedded(id) {
  const text = atob(at(id).textContent.trim());
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place += 1) bytes[place] = text.charCodeAt(place);
  return bytes;
}

/** The module, unpacked once. */
const unpacked = (async () => {
  const packed = new Blob([embedded("module")]).stream();
  return new Response(packed.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
})();

const workerScript = URL.createObjectURL(new Blob([at("worker").textContent], { type: "text/javascript" }));

/** What is shown now: the files, what its outputs are called after, their addresses, and the worker that is at work. */
const shown = { files: [], name: "", urls: [], worker: null };

/** Has a worker do `request`; its answer, or nothing where it was cancelled. */
async function ask(request, types, what) {
  at("what").textContent = what;
  at("bar").removeAttribute("value");
  at("work").hidden = false;
  at("status").textContent = what;
  const worker = new Worker(workerScript);
  shown.worker = worker;
  const answer = await new Promise((answered) => {
    worker.onmessage = ({ data }) => {
      if ("status" in data) return answered(data);
      at("bar").value = Math.floor((100 * data.read) / Math.max(data.total, 1));
    };
    worker.onerror = (event) => answered({ status: 2, complaints: [], outOfMemory: true, error: event.message });
    at("cancel").onclick = () => answered(null);
    unpacked.then(
      (module) => worker.postMessage({ module, files: shown.files, request, types }),
      (error) => answered({ status: 2, complaints: [`This browser cannot run the analysis (${error.message}). Use a newer browser, or the program.`] }),
    );
  });
  worker.terminate();
  shown.worker = null;
  at("work").hidden = true;
  return answer;
}

/** Says what went wrong, one paragraph each. */
function complain(messages) {
  at("trouble").replaceChildren(...messages.map((message) => {
    const paragraph = document.createElement("p");
    paragraph.textContent = message;
    return paragraph;
  }));
}

const complaintsOf = (answer) => (answer.outOfMemory ? [TOO_LARGE] : answer.complaints);

/** What a report comes to, in a few words. */
function headline({ summary, findings, captures, complete }) {
  const transfers = (count) => (count === 1 ? "transfer" : "transfers");
  const { failed, transfers: all } = summary;
  if (all === 0 && findings.length === 0) return captures.length === 0 ? "Nothing could be read" : "No FTP transfer found";
  const part = complete ? "" : " (not everything could be read)";
  if (failed > 0) return `${failed} of ${all} ${transfers(all)} failed${part}`;
  return all > 0 ? `No failure in ${all} ${transfers(all)}${part}` : `No transfer found${part}`;
}

/** The diagnoses by which transfers failed, each with how often, the most frequent first. */
function causes({ findings }) {
  const counts = new Map();
  for (const { diagnosis, role } of findings) {
    if (role === "verdict") counts.set(diagnosis, (counts.get(diagnosis) ?? 0) + 1);
  }
  const named = [...counts].sort(([, one], [, other]) => other - one);
  return named.map(([name, count]) => (count > 1 ? `${name} (${count})` : name)).join(", ");
}

/** A file name for what is saved: that of the first capture with another ending. */
const saved = (ending) => shown.name.replace(/(\.(pcap|pcapng|cap|dmp))?\d*(\.(gz|zst|lz4))?$/i, "") + ending;

/** An address for an output, until the next files are opened. */
function url(blob) {
  const address = URL.createObjectURL(blob);
  shown.urls.push(address);
  return address;
}

/** Shows the page as it was opened. */
function start() {
  shown.urls.splice(0).forEach((address) => URL.revokeObjectURL(address));
  at("report").hidden = true;
  at("report").removeAttribute("src");
  at("result").hidden = true;
  at("start").hidden = false;
  document.body.classList.remove("reported");
  document.title = "ftpwhy: why did the FTP transfer fail?";
}

/** Analyses the files and shows the report. */
async function analyse(files) {
  if (files.length === 0 || shown.worker) return;
  start();
  complain([]);
  shown.files = distinct(files);
  at("start").hidden = true;
  const names = shown.files.map((file) => file.name).join(", ");
  const answer = await ask({ reports: REPORTS.map(({ name }) => name) }, REPORTS.map(({ type }) => type), `Analysing ${names}`);
  at("files").value = "";
  if (!answer?.outputs || answer.outputs[1].size === 0) {
    start();
    if (answer) complain(complaintsOf(answer));
    at("status").textContent = answer ? "" : "Cancelled";
    at("files").focus();
    return;
  }
  const report = JSON.parse(await answer.outputs[1].text());
  const verdict = headline(report);
  shown.name = report.captures[0]?.path ?? shown.files[0].name;
  at("headline").textContent = verdict;
  at("detail").textContent = [causes(report), names].filter((part) => part !== "").join(" · ");
  REPORTS.forEach(({ name, ending }, number) => {
    at(name).href = url(answer.outputs[number]);
    at(name).download = saved(ending);
  });
  at("evidence").hidden = report.findings.length === 0;
  at("report").src = at("html").href;
  at("report").hidden = false;
  at("result").hidden = false;
  document.body.classList.add("reported");
  document.title = `${verdict} - ftpwhy`;
  complain(complaintsOf(answer));
  at("status").textContent = "";
  at("headline").focus();
}

/** Files by names of their own, as the engine knows them by name. */
function distinct(files) {
  const names = new Set();
  return [...files].map((file) => {
    let name = file.name;
    for (let number = 2; names.has(name); number += 1) name = `${number}-${file.name}`;
    names.add(name);
    return name === file.name ? file : new File([file], name);
  });
}

/** Saves the packets of all findings under other names and addresses. */
async function saveEvidence() {
  if (shown.worker) return;
  at("evidence").disabled = true;
  const key = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const answer = await ask({ evidence: key }, ["application/octet-stream"], "Writing the evidence");
  at("evidence").disabled = false;
  if (answer?.outputs?.[0].size > 0) {
    const link = document.createElement("a");
    link.href = url(answer.outputs[0]);
    link.download = saved(".evidence.pcapng");
    link.click();
    at("status").textContent = `Saved ${link.download}`;
  } else if (answer) {
    complain(complaintsOf(answer));
  }
  at("evidence").focus();
}

at("files").onchange = () => analyse(at("files").files);
at("again").onclick = () => {
  start();
  complain([]);
  at("files").focus();
};
at("evidence").onclick = saveEvidence;
at("example").onclick = () => analyse([new File([embedded("capture")], "example.pcap")]);
document.ondragover = (event) => {
  event.preventDefault();
  document.body.classList.add("over");
};
document.ondragleave = (event) => {
  if (event.relatedTarget === null) document.body.classList.remove("over");
};
document.ondrop = (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  analyse(event.dataTransfer.files);
};
