import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const { WebSocket } = createRequire(`${process.env.LONGWIRE_NPM}/`)("ws");

// What WebDriver calls keys.
const KEYS = { Enter: "\uE007", Tab: "\uE004", Shift: "\uE008", Control: "\uE009", Space: " " };

const PREFERENCES = {
  "remote.active-protocols": 1,
  "network.proxy.type": 0,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "toolkit.telemetry.enabled": false,
  "app.normandy.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "services.settings.server": "data:,",
};

export async function launch(program, profile) {
  const preferences = Object.entries(PREFERENCES).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
  );
  writeFileSync(`${profile}/user.js`, preferences.join(""));
  const options = ["--headless", "--no-remote", "--remote-debugging-port=0", "--profile", profile];
  // It ends with this process, however that ends.
  const browser = spawn("setpriv", ["--pdeathsig", "KILL", program, ...options], {
    stdio: "ignore",
    env: { ...process.env, HOME: profile },
  });
  const socket = await dial(`${profile}/WebDriverBiDiServer.json`, browser);

  let last = 0;
  const waiting = new Map();
  const problems = [];
  socket.on("message", (text) => {
    const message = JSON.parse(text);
    if (message.type === "event") {
      const { level, text: what } = message.params;
      if (message.method === "log.entryAdded" && level === "error") problems.push(what);
      return;
    }
    const { resolve, reject } = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.type === "success") resolve(message.result);
    else reject(new Error(`${message.error}: ${message.message}`));
  });
  const send = (method, params) =>
    new Promise((resolve, reject) => {
      waiting.set((last += 1), { resolve, reject });
      socket.send(JSON.stringify({ id: last, method, params }));
    });
  await send("session.new", { capabilities: {} });
  await send("session.subscribe", { events: ["log.entryAdded"] });

  return {
    problems,
    async tab() {
      const { context } = await send("browsingContext.create", { type: "tab" });
      const evaluate = async (expression) => {
        const { type, result, exceptionDetails } = await send("script.evaluate", {
          expression: `Promise.resolve(${expression}).then((value) => JSON.stringify(value ?? null))`,
          target: { context },
          awaitPromise: true,
        });
        if (type === "exception") throw new Error(exceptionDetails.text);
        return JSON.parse(result.value);
      };
      const element = (selector) => `document.querySelector(${JSON.stringify(selector)})`;
      return {
        open: (url) => send("browsingContext.navigate", { context, url, wait: "complete" }).then(() => {}),
        front: () => send("browsingContext.activate", { context }).then(() => {}),
        close: () => send("browsingContext.close", { context }).then(() => {}),
        click: (selector) => evaluate(`${element(selector)}.click()`),
        fill: (selector, text) =>
          evaluate(`void (${element(selector)}.value = ${JSON.stringify(text)})`),
        press(key) {
          const keys = key.split("+").map((name) => KEYS[name] ?? name);
          const down = keys.map((value) => ({ type: "keyDown", value }));
          const up = keys.toReversed().map((value) => ({ type: "keyUp", value }));
          const actions = [{ type: "key", id: "keyboard", actions: [...down, ...up] }];
          return send("input.performActions", { context, actions }).then(() => {});
        },
        evaluate,
        window: ({ width, height }) =>
          send("browsingContext.setViewport", { context, viewport: { width, height } }).then(() => {}),
        async screenshot(path) {
          const { data } = await send("browsingContext.captureScreenshot", { context, origin: "document" });
          writeFileSync(path, Buffer.from(data, "base64"));
        },
      };
    },
    async close() {
      await send("browser.close", {}).catch(() => {});
      if (browser.exitCode === null) await once(browser, "exit");
    },
  };
}

// Firefox writes where it listens into its profile, unless it ends before.
async function dial(file, browser) {
  for (;;) {
    try {
      const { ws_host: host, ws_port: port } = JSON.parse(readFileSync(file));
      const socket = new WebSocket(`ws://${host}:${port}/session`);
      await once(socket, "open");
      return socket;
    } catch {
      const { exitCode, signalCode } = browser;
      if ((exitCode ?? signalCode) !== null) {
        throw new Error(`Firefox ended before it listened: ${exitCode ?? signalCode}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
