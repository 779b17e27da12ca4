// Follows a run that is at work: asks the server what has changed, and shows that.

import { button, h } from "./dom";
import type { Source } from "./source";

interface LiveDocument {
  state: "running" | "stopped" | "finished";
  stage: string;
  changed: string;
  note: string;
  versions: Record<string, string | null>;
}

export interface Following {
  source: Source;
  /** The names of the documents that are shown now. */
  shown: () => string[];
  /** Show these documents as they are now. Nothing may move under the reader. */
  changed: (names: string[]) => Promise<void>;
}

const SOON_MS = 250;
const LATER_MS = 5000;

/** Ask one request at a time, for as long as the page is open and not hidden. */
export function follow({ source, shown, changed }: Following): void {
  const note = h("span", { role: "status" });
  const reload = button("Show its new parts", () => location.reload());
  document.querySelector("body > header nav")?.before(h("p", { class: "live" }, note, " ", reload));
  reload.hidden = true;
  let timer = 0;
  let asking = false;

  const say = (text: string): void => {
    if (note.textContent !== text) note.textContent = text;
  };
  const ask = async (): Promise<void> => {
    if (asking || document.hidden) return;
    asking = true;
    let wait = LATER_MS;
    try {
      const found = await status(["run", ...shown()]);
      const is = (name: string): boolean => source.tags.get(name) === found.versions[name];
      const names = shown().filter(
        (name) => source.tags.has(name) && name in found.versions && !is(name),
      );
      if (names.length) await changed(names);
      reload.hidden = is("run");
      say(found.note);
      if (found.state === "running") wait = SOON_MS;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      say(`The server does not answer, so this is what it said last. (${why})`);
    } finally {
      asking = false;
    }
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void ask(), wait);
  };
  document.addEventListener("visibilitychange", () => void ask());
  void ask();
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
      const page = await fetch(location.href, { cache: "no-cache" }).then((answer) =>
        answer.ok ? answer.text() : "",
      );
      const rows = new DOMParser().parseFromString(page, "text/html").getElementById("listed");
      if (rows && !body.contains(document.activeElement)) {
        const chosen = new Set(
          [...body.querySelectorAll<HTMLInputElement>("input:checked")].map(({ value }) => value),
        );
        for (const input of rows.querySelectorAll("input"))
          input.toggleAttribute("checked", chosen.has(input.value));
        body.replaceChildren(...rows.children);
      }
    }
  };
  window.setInterval(() => void ask().catch(() => undefined), LATER_MS);
}
