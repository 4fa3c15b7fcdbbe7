// Lets samples import the packages of the tests, which `cargo xtask ci --install` puts elsewhere:
// `node --import ./docs/tests/node/packages.mjs …`.
import { register } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

process.env.LONGWIRE_NPM ??= fileURLToPath(new URL("../../../target/npm/node_modules", import.meta.url));
const parent = pathToFileURL(`${process.env.LONGWIRE_NPM}/of-the-tests.mjs`).href;
const hooks = `
  export function resolve(specifier, context, next) {
    const ours = /^[a-z]/.test(specifier) && !specifier.includes(":");
    return next(specifier, ours ? { ...context, parentURL: "${parent}" } : context);
  }`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
