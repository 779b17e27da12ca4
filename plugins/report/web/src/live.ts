// Follows a run that is at work: asks the server what has changed, one request at a time.

import { button, h } from "./dom";

interface LiveDocument {
  state: "running" | "stopped" | "finished";
  stage: string;
  changed: string;
  note: string;
  versions: Record<string, string | null>;
}

export interface Following {
  /** The names of the documents that are shown now; of a tree it is that of its chunk. */
  shown: () => string[];
  /** Show these documents as they are now. Nothing may move under the reader. */
  changed: (names: string[]) => void | Promise<void>;
}

const SOON_MS = 500;
const LATER_MS = 5000;

/** Ask for as long as the page is open, but not while it is hidden. */
export function follow({ shown, changed }: Following): void {
  const note = h("p", { class: "live", role: "status" });
  document.querySelector("header")?.append(note);
  const known = new Map<string, string | null>();
  let timer = 0;
  let asking = false;

  const say = (text: string, ...more: Node[]): void => {
    if (note.firstChild?.textContent !== text || more.length) note.replaceChildren(h("span", {}, text), ...more);
  };
  const again = (wait: number): void => {
    window.clearTimeout(timer);
    if (!document.hidden) timer = window.setTimeout(() => void ask(), wait);
  };
  const ask = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    let wait = LATER_MS;
    try {
      const found = await status(["run", ...shown()]);
      const news = Object.entries(found.versions).filter(([name, version]) => known.get(name) !== version);
      const first = news.filter(([name]) => !known.has(name)).map(([name]) => name);
      for (const [name, version] of news) known.set(name, version);
      const names = news.map(([name]) => name).filter((name) => !first.includes(name));
      await changed(names.filter((name) => name !== "run"));
      if (names.includes("run")) stale = true;
      say(found.note, ...(stale ? [button("Show its new parts", () => location.reload())] : []));
      if (found.state === "running") wait = SOON_MS;
    } catch (error) {
      say(`The server does not answer; this page shows what it last said. (${error instanceof Error ? error.message : String(error)})`);
    } finally {
      asking = false;
    }
    again(wait);
  };
  let stale = false;
  document.addEventListener("visibilitychange", () => again(0));
  again(0);
}

async function status(names: string[]): Promise<LiveDocument> {
  const query = new URLSearchParams(names.map((name) => ["document", name]));
  const answer = await fetch(`documents/live?${query}`, { cache: "no-cache" });
  if (!answer.ok) throw new Error((await answer.text()) || String(answer.status));
  return answer.json() as Promise<LiveDocument>;
}

/** Keep the list of all runs as it is on the server, with what is chosen in it. */
export function followList(): void {
  const body = document.getElementById("listed");
  const ask = async (): Promise<void> => {
    if (!document.hidden && body) {
      const page = await fetch(location.href, { cache: "no-cache" }).then((answer) => (answer.ok ? answer.text() : ""));
      const rows = new DOMParser().parseFromString(page, "text/html").getElementById("listed");
      if (rows && !body.contains(document.activeElement)) {
        const chosen = new Set([...body.querySelectorAll<HTMLInputElement>("input:checked")].map(({ value }) => value));
        for (const input of rows.querySelectorAll("input")) input.toggleAttribute("checked", chosen.has(input.value));
        body.replaceChildren(...rows.children);
      }
    }
  };
  window.setInterval(() => void ask().catch(() => undefined), LATER_MS);
}
