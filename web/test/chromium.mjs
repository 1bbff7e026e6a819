// A headless Chromium, spoken to over pipes in the DevTools protocol.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** Starts Chromium with further flags; `send`, `on`, and `close`. */
export function launch(program, flags = []) {
  const profile = mkdtempSync(path.join(tmpdir(), "ftpwhy-chromium-"));
  const child = spawn(program, [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--remote-debugging-pipe", `--user-data-dir=${profile}`, ...flags, "about:blank",
  ], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
  const [, , , commands, events] = child.stdio;
  const waiting = new Map();
  const listeners = [];
  let last = 0;
  let rest = "";
  events.setEncoding("utf8");
  events.on("data", (text) => {
    const messages = (rest + text).split("\0");
    rest = messages.pop();
    for (const message of messages.map((one) => JSON.parse(one))) {
      if (message.id === undefined) {
        listeners.forEach((listener) => listener(message));
        continue;
      }
      const { resolve, reject } = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error) reject(new Error(JSON.stringify(message.error)));
      else resolve(message.result);
    }
  });
  child.on("exit", () => {
    for (const { reject } of waiting.values()) reject(new Error("Chromium has ended"));
    waiting.clear();
  });
  const send = (method, params = {}, sessionId = undefined) => new Promise((resolve, reject) => {
    last += 1;
    waiting.set(last, { resolve, reject });
    commands.write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`);
  });
  const close = async () => {
    const ended = new Promise((resolve) => { child.on("exit", resolve); });
    await send("Browser.close").catch(() => child.kill());
    await ended;
    rmSync(profile, { recursive: true, force: true });
  };
  return { send, on: (listener) => listeners.push(listener), close };
}

/** A tab that shows `url`: everything that it and what it starts asked the network for, and ways to look and act. */
export async function open(browser, url) {
  const { targetId } = await browser.send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await browser.send("Target.attachToTarget", { targetId, flatten: true });
  const tab = { requests: [], errors: [], frames: new Map() };
  const enable = async (session) => {
    await browser.send("Network.enable", {}, session).catch(() => {});
    await browser.send("Runtime.enable", {}, session).catch(() => {});
    await browser.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: true, flatten: true }, session).catch(() => {});
    await browser.send("Runtime.runIfWaitingForDebugger", {}, session).catch(() => {});
  };
  browser.on(async ({ method, params }) => {
    if (method === "Network.requestWillBeSent") tab.requests.push(params.request.url);
    if (method === "Network.webSocketCreated") tab.requests.push(params.url);
    if (method === "Runtime.exceptionThrown") tab.errors.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === "Target.attachedToTarget" && params.sessionId !== sessionId) {
      if (params.targetInfo.type === "iframe") tab.frames.set(params.targetInfo.targetId, params.sessionId);
      await enable(params.sessionId);
    }
    if (method === "Target.detachedFromTarget") {
      for (const [target, session] of tab.frames) if (session === params.sessionId) tab.frames.delete(target);
    }
  });
  tab.send = (method, params = {}) => browser.send(method, params, sessionId);
  await enable(sessionId);
  await tab.send("Page.enable");
  tab.evaluate = async (expression, session = sessionId) => {
    const { result, exceptionDetails } = await browser.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true }, session);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  /** Waits until an expression is true; its value. */
  tab.until = async (expression, seconds = 60, session = sessionId) => {
    const end = Date.now() + seconds * 1000;
    for (;;) {
      const value = await tab.evaluate(expression, session).catch(() => false);
      if (value) return value;
      if (Date.now() > end) throw new Error(`not in ${seconds} s: ${expression}`);
      await new Promise((resolve) => { setTimeout(resolve, 10); });
    }
  };
  /** Drops files onto the page as a person does. */
  tab.drop = async (files) => {
    const data = { items: [], files, dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"]) await tab.send("Input.dispatchDragEvent", { type, x: 100, y: 100, data });
  };
  tab.press = async (key, code = key, text = undefined) => {
    const virtual = { Tab: 9, Enter: 13, Space: 32 }[code];
    await tab.send("Input.dispatchKeyEvent", { type: "keyDown", key, code, windowsVirtualKeyCode: virtual, text });
    await tab.send("Input.dispatchKeyEvent", { type: "keyUp", key, code, windowsVirtualKeyCode: virtual });
  };
  tab.screenshot = async (params = {}) => Buffer.from((await tab.send("Page.captureScreenshot", params)).data, "base64");
  await tab.send("Page.navigate", { url });
  await tab.until("document.readyState === 'complete'");
  return tab;
}
