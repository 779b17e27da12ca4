// Builds src/ into ../astro_report/static: app.js, app.css with the fonts inside, and the licenses
// of the libraries in them. `node build.mjs FOLDER` writes to another folder.
import { build } from "esbuild";
import { readFileSync, writeFileSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "../astro_report/static");

// A page under a strict Content Security Policy may not add <style> elements. Plot adds one to each
// plot; its rules are in app.css instead.
const plotStyle = /svg\.append\("style"\)\.text\(\s*`[^`]*`\s*\)/;
const withoutPlotStyle = {
  name: "without-plot-style",
  setup({ onLoad }) {
    onLoad({ filter: /observablehq\/plot\/src\/plot\.js$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      if (!plotStyle.test(source)) throw new Error(`${path} adds no style: adapt build.mjs`);
      return { contents: source.replace(plotStyle, "svg"), loader: "js" };
    });
  },
};
// Every browser that can open the page reads woff2; the other formats of the fonts are left out.
const onlyWoff2 = {
  name: "only-woff2",
  setup({ onLoad }) {
    onLoad({ filter: /katex\.css$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replace(
        /,url\([^)]*\.(woff|ttf)\) format\("\w+"\)|,\s*url\([^)]*\.(woff|ttf)\)\s*format\(["']\w+["']\)/g,
        "",
      ),
      loader: "css",
    }));
  },
};

const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: { app: "src/main.ts" },
  outdir: out,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  loader: { ".woff2": "dataurl" },
  plugins: [withoutPlotStyle, onlyWoff2],
  metafile: true,
  logLevel: "warning",
});

const packages = new Set();
for (const input of Object.keys(metafile.inputs)) {
  const found = input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//);
  if (found) packages.add(found[1]);
}
const parts = [...packages].sort().map((name) => {
  const folder = join(here, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[sc]e/i.test(entry));
  const text = file ? readFileSync(join(folder, file), "utf8").trim() : "";
  return `${name} ${version} (${license})\n\n${text}`;
});
const head = "The files app.js and app.css in this folder contain these libraries.";
mkdirSync(out, { recursive: true });
writeFileSync(join(out, "LICENSES.txt"), [head, ...parts].join(`\n\n${"-".repeat(78)}\n\n`) + "\n");
