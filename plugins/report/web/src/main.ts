// Fills the sections of the page, and shows the one that the address names.

import "katex/dist/katex.css";
import "./app.css";
import { accuracyPlot } from "./accuracy";
import { Router, type Address } from "./address";
import { copyStored } from "./copying";
import { h, typing } from "./dom";
import { follow, followList } from "./live";
import type { RunDocument } from "./documents";
import { Responses } from "./responses";
import { Source } from "./source";
import { Training } from "./training";
import { Trees } from "./trees";

/** A section that the page's scripts fill. */
interface View {
  show(address: Address): Promise<void>;
  /** The names of the documents that are shown. */
  shown(): string[];
}

function showSection(name: string): HTMLElement | null {
  const sections = [...document.querySelectorAll<HTMLElement>("main > section[id]")];
  const chosen = sections.find(({ id }) => id === name) ?? sections[0] ?? null;
  for (const section of sections) section.hidden = section !== chosen;
  for (const link of document.querySelectorAll('header nav a[href^="#"]')) {
    if (link.getAttribute("href") === `#${chosen?.id}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  return chosen;
}

/** Show the source of all formulas that are in sight, or the formulas again. */
function toggleSource(): void {
  const all = [...document.querySelectorAll<HTMLElement>(".source-toggle")].filter(
    (one) => one.offsetParent,
  );
  const pressed = all.some((one) => one.getAttribute("aria-pressed") === "true");
  for (const one of all) if ((one.getAttribute("aria-pressed") === "true") === pressed) one.click();
}

async function start(): Promise<void> {
  const source = new Source();
  const run = await source.load<RunDocument>("run");
  const views = new Map<string, View>();
  for (const line of document.querySelectorAll(".needs-scripts")) line.remove();
  const section = (name: string): HTMLElement | null => document.getElementById(name);
  let showing = "";
  const router = new Router((address) => {
    const chosen = showSection(address.section);
    showing = chosen?.id ?? "";
    const view = views.get(showing);
    if (chosen && view) view.show(address).catch((error: unknown) => tell(chosen, error));
  });
  const [trees, responses, training] = [
    section("trees"),
    section("responses"),
    section("training"),
  ];
  if (run.accuracy.length)
    section("results")?.querySelector("h2")?.after(accuracyPlot(run.accuracy));
  if (trees) views.set("trees", new Trees(trees, run, source, router));
  if (responses) views.set("responses", new Responses(responses, run, source, router));
  if (training) views.set("training", new Training(training, source));
  document.addEventListener("keydown", (event) => {
    if (event.key === "s" && !typing(event)) toggleSource();
  });
  copyStored();
  router.refresh();
  if (source.live) {
    follow({
      source,
      shown: () => views.get(showing)?.shown() ?? [],
      changed: async (names) => {
        await Promise.all(names.map((name) => source.load(name, true)));
        router.refresh();
      },
    });
  }
}

function tell(where: Element, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  where.querySelector(":scope > .failure")?.remove();
  where.append(h("p", { class: "message failure", role: "alert" }, message));
}

if (document.documentElement.hasAttribute("data-list")) followList();
else
  start().catch((error: unknown) => tell(document.querySelector("main") ?? document.body, error));
