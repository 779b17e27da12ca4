// Bundles the tests in test/ and runs them with node's own runner.
import { build } from "esbuild";
import { readdirSync } from "node:fs";
import { spawnSync } from "node:child_process";

const files = readdirSync("test").filter((file) => file.endsWith(".test.ts"));
await build({
  entryPoints: files.map((file) => `test/${file}`),
  outdir: "node_modules/.test",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  logLevel: "warning",
});
const paths = files.map((file) => `node_modules/.test/${file.replace(/ts$/, "mjs")}`);
process.exit(spawnSync("node", ["--test", ...paths], { stdio: "inherit" }).status ?? 1);
