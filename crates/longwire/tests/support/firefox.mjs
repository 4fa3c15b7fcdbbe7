// Drives one page of Firefox over Marionette: reads actions as lines of JSON, {"open": URL} or
// {"evaluate": expression}, and answers each with {"value": …} or {"error": …}.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { createInterface } from "node:readline";

const [firefox, profile, port] = process.argv.slice(2);
writeFileSync(
  `${profile}/user.js`,
  Object.entries({
    "marionette.port": Number(port),
    "network.proxy.type": 0,
    "browser.shell.checkDefaultBrowser": false,
    "datareporting.policy.dataSubmissionEnabled": false,
    "toolkit.telemetry.enabled": false,
    "app.normandy.enabled": false,
    "network.captive-portal-service.enabled": false,
    "network.connectivity-service.enabled": false,
    "services.settings.server": "data:,",
  })
    .map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`)
    .join(""),
);
// It ends with this process, however that ends.
const browser = spawn("setpriv", ["--pdeathsig", "KILL", firefox, "--headless", "--no-remote", "--marionette", "--profile", profile], {
  stdio: ["ignore", "ignore", "inherit"],
  env: { ...process.env, HOME: profile },
});

async function dial() {
  for (;;) {
    const socket = connect(Number(port), "127.0.0.1");
    try {
      await once(socket, "connect");
      return socket;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const socket = await dial();
let bytes = Buffer.alloc(0);
const packets = (async function* () {
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk]);
    for (;;) {
      const colon = bytes.indexOf(":");
      const end = colon + 1 + Number(bytes.subarray(0, Math.max(colon, 0)));
      if (colon < 0 || bytes.length < end) break;
      yield JSON.parse(bytes.subarray(colon + 1, end));
      bytes = bytes.subarray(end);
    }
  }
})();
await packets.next();

let last = 0;
async function command(name, parameters) {
  const packet = JSON.stringify([0, ++last, name, parameters]);
  socket.write(`${Buffer.byteLength(packet)}:${packet}`);
  const { value } = await packets.next();
  const [, , error, result] = value;
  if (error) throw new Error(`${error.error}: ${error.message}`);
  return result;
}

const actions = {
  open: (url) => command("WebDriver:Navigate", { url }).then(() => null),
  evaluate: (expression) =>
    command("WebDriver:ExecuteAsyncScript", {
      script: `const done = arguments[0]; Promise.resolve(${expression}).then(done);`,
      args: [],
    }).then(({ value }) => value),
};

await command("WebDriver:NewSession", { acceptInsecureCerts: true });
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const [[action, argument]] = Object.entries(JSON.parse(line));
    console.log(JSON.stringify({ value: (await actions[action](argument)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message }));
  }
}
await command("Marionette:Quit", { flags: ["eForceQuit"] }).catch(() => {});
socket.destroy();
if (browser.exitCode === null) await once(browser, "exit");
