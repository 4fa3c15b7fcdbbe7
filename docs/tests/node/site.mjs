// What the tests of the samples share: a site that serves them, and Chromium on its pages.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import playwright from "playwright-core";

const examples = new URL("../../examples/", import.meta.url);
const find = createRequire(`${process.env.LONGWIRE_NPM}/`).resolve;

// React comes as CommonJS: each file of it becomes a module for pages.
const reactModules = {
  react: ["useEffect", "useRef", "useState", "createElement", "StrictMode"],
  "react-dom": [],
  "react-dom/client": ["createRoot"],
  scheduler: [],
};

function reactModule(name) {
  const [folder, file = folder] = name.split("/");
  const prefix = folder === "react-dom" && file === "client" ? "react-dom-client" : file;
  const path = find(`${folder}/package.json`).replace("package.json", `cjs/${prefix}.development.js`);
  const source = readFileSync(path, "utf8");
  const wanted = [...new Set([...source.matchAll(/require\("([^"]+)"\)/g)].map(([, name]) => name))];
  return `${wanted.map((name, nth) => `import m${nth} from "${name}";`).join("\n")}
    const module = { exports: {} };
    const process = { env: { NODE_ENV: "development" } };
    const modules = { ${wanted.map((name, nth) => `"${name}": m${nth}`).join(", ")} };
    (function (exports, require) { ${source} })(module.exports, (name) => modules[name]);
    export default module.exports;
    export const { ${reactModules[name].join(", ")} } = module.exports;`;
}

const imports = Object.fromEntries(Object.keys(reactModules).map((name) => [name, `/npm/${name}`]));
const page = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports })}</script><div id="root"></div>`;

/// A site with the samples on a free port; `answer(request, response)` has the paths below /api/.
export async function site(answer = () => {}) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    if (pathname.startsWith("/api/")) return answer(request, response);
    if (pathname === "/") {
      response.setHeader("Content-Type", "text/html");
      return response.end(page);
    }
    response.setHeader("Content-Type", "text/javascript");
    const npm = pathname.startsWith("/npm/");
    response.end(npm ? reactModule(pathname.slice(5)) : readFileSync(new URL(`.${pathname}`, examples)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${server.address().port}`;
  return { server, origin, close: () => (server.closeAllConnections(), server.close()) };
}

/// Chromium.
export function launch() {
  const name = ["chromium", "chromium-browser", "google-chrome"];
  const find = `command -v ${name.join(" || command -v ")}`;
  const executablePath = execFileSync("sh", ["-c", find], { encoding: "utf8" }).trim();
  const flags = ["--no-sandbox", "--disable-gpu", "--no-proxy-server", "--disable-background-networking"];
  return playwright.chromium.launch({ executablePath, args: flags });
}

/// Chromium, closed with the test `t`.
export async function chromium(t) {
  const browser = await launch();
  t.after(() => browser.close());
  return browser;
}

/// A page of `origin` in Chromium.
export async function open(browser, origin) {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.log(`exception in the page: ${error.message}`));
  await page.goto(origin);
  return page;
}

/// Waits until `done()` is true, without a deadline of its own: the test's is.
export async function until(done) {
  while (!(await done())) await new Promise((resolve) => setTimeout(resolve, 5));
}
