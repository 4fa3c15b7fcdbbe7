import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const docs = fileURLToPath(new URL("../../", import.meta.url));

/// The book, built, and served on loopback.
export async function book(t) {
  const folder = mkdtempSync(join(tmpdir(), "longwire-book-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const { status, stderr } = spawnSync("mdbook", ["build", docs, "--dest-dir", folder], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.doesNotMatch(stderr, /ERROR|WARN/);
  const types = { html: "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
  const missing = [];
  const server = createServer((request, response) => {
    const path = join(folder, decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    if (!existsSync(path)) {
      missing.push(request.url);
      return response.writeHead(404).end();
    }
    response.setHeader("Cache-Control", "max-age=600");
    response.setHeader("Content-Type", types[path.split(".").at(-1)] ?? "application/octet-stream");
    response.end(readFileSync(path));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (server.closeAllConnections(), server.close()));
  return { url: `http://127.0.0.1:${server.address().port}`, missing };
}
