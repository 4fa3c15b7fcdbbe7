import { createRequire } from "node:module";

const { chromium } = createRequire(`${process.env.LONGWIRE_NPM}/`)("playwright-core");

export async function launch(executablePath) {
  const browser = await chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--no-proxy-server",
      "--disable-background-networking",
      // A name that is not of this machine, for what is different there.
      "--host-resolver-rules=MAP hub.example 127.0.0.1",
    ],
  });
  const context = await browser.newContext();
  const problems = [];
  return {
    problems,
    async tab() {
      const page = await context.newPage();
      page.on("pageerror", (error) => problems.push(`exception: ${error.message}`));
      page.on("console", (message) => {
        // It asks for one where no page names another.
        if (message.location().url.endsWith("/favicon.ico")) return;
        if (message.type() === "error") problems.push(`console: ${message.text()}`);
      });
      const devtools = await context.newCDPSession(page);
      return {
        open: (url) => page.goto(url).then(() => {}),
        front: () => page.bringToFront(),
        close: () => page.close({ runBeforeUnload: false }),
        click: (selector) => page.click(selector),
        fill: (selector, text) => page.fill(selector, text),
        press: (key) => page.keyboard.press(key),
        evaluate: (expression) => page.evaluate(expression),
        async window(size, colors) {
          await page.setViewportSize(size);
          await page.emulateMedia({ colorScheme: colors });
        },
        screenshot: (path) => page.screenshot({ path, fullPage: true }).then(() => {}),
        freeze: (frozen) =>
          devtools
            .send("Page.setWebLifecycleState", { state: frozen ? "frozen" : "active" })
            .then(() => {}),
      };
    },
    offline: (offline) => context.setOffline(offline),
    async endWorkers() {
      const devtools = await browser.newBrowserCDPSession();
      const { targetInfos } = await devtools.send("Target.getTargets");
      const workers = targetInfos.filter(({ type }) => type === "shared_worker");
      for (const { targetId } of workers) await devtools.send("Target.closeTarget", { targetId });
      return workers.length;
    },
    close: () => browser.close(),
  };
}
