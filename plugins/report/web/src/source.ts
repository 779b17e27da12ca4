// Where documents come from: the page itself, scripts beside it, or a server.

declare global {
  interface Window {
    astroDocument?: (name: string, data: string) => void;
  }
  interface Uint8ArrayConstructor {
    /** Browsers before 2025 have none. */
    fromBase64?(text: string): Uint8Array<ArrayBuffer>;
  }
}

/** The most chunks that are kept once read, so that memory stays level over thousands of trees. */
const KEPT = 12;
/** The most chunks that are read before they are asked for. */
const AHEAD = 4;

/** A name as `urllib.parse.quote(name, safe="")` encodes it. */
export function encodeName(name: string): string {
  return encodeURIComponent(name).replace(
    /[!'()*]/g,
    (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const binary = atob(base64);
  return Uint8Array.from(binary, (_, at) => binary.charCodeAt(at));
}

async function unzip(base64: string): Promise<unknown> {
  const stream = new Blob([bytesOf(base64.trim())])
    .stream()
    .pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

export class Source {
  readonly live = document.documentElement.hasAttribute("data-live");
  /** The tag (ETag) of what the server sent last, by the name of the document. */
  readonly tags = new Map<string, string>();
  private readonly folder = document.documentElement.getAttribute("data-chunks");
  private readonly embedded = new Map<string, HTMLScriptElement>();
  private readonly waiting = new Map<string, (data: string) => void>();
  private readonly read = new Map<string, Promise<unknown>>();
  private files: Map<string, string> | undefined;
  private wanted: string[] = [];

  constructor() {
    for (const element of document.querySelectorAll<HTMLScriptElement>("script[data-document]")) {
      this.embedded.set(element.getAttribute("data-document") ?? "", element);
    }
    window.astroDocument = (name, data) => this.waiting.get(name)?.(data);
  }

  /** The document of this name. `fresh` asks the server again. */
  load<T>(name: string, fresh = false): Promise<T> {
    const known = fresh ? undefined : this.read.get(name);
    this.read.delete(name);
    const found = known ?? this.open(name);
    this.read.set(name, found);
    found.catch(() => this.read.delete(name));
    if (this.read.size > KEPT) this.forget();
    return found as Promise<T>;
  }

  /** Read the first of these documents, one at a time, when the page has nothing else to do. */
  ahead(names: Iterable<string>): void {
    const wanted = [...new Set(names)].slice(0, AHEAD);
    this.wanted = wanted;
    const next = async (): Promise<void> => {
      const name = this.wanted === wanted ? wanted.shift() : undefined;
      if (name === undefined) return;
      await this.load(name).catch(() => undefined);
      this.whenIdle(next);
    };
    this.whenIdle(next);
  }

  /** Do what nobody has asked for yet. A server is left alone: a run may be at work beside it. */
  whenIdle(act: () => Promise<void>): void {
    if (!this.live && "requestIdleCallback" in window) requestIdleCallback(() => void act());
  }

  private forget(): void {
    for (const name of this.read.keys()) {
      if (this.read.size <= KEPT) break;
      if (/\/\d+$/.test(name)) this.read.delete(name);
    }
  }

  private async open(name: string): Promise<unknown> {
    const element = this.embedded.get(name);
    if (element) {
      const data = element.textContent ?? "";
      return element.hasAttribute("data-encoding") ? unzip(data) : JSON.parse(data);
    }
    if (this.live) return this.ask(name);
    if (this.folder !== null) return unzip(await this.script(name, this.folder));
    throw new Error(`The page does not contain the document ${name}.`);
  }

  private async ask(name: string): Promise<unknown> {
    const answer = await fetch(`documents/${name}`, { cache: "no-cache" });
    if (!answer.ok) throw new Error(`The server has no document ${name} (${answer.status}).`);
    const found: unknown = await answer.json();
    this.tags.set(name, answer.headers.get("ETag") ?? "");
    return found;
  }

  private async script(name: string, folder: string): Promise<string> {
    const names = await this.fileNames();
    const file = names.get(name) ?? `${name.replaceAll("/", "-")}.js`;
    return new Promise((resolve, reject) => {
      const element = document.createElement("script");
      const end = (): void => {
        this.waiting.delete(name);
        element.remove();
      };
      this.waiting.set(name, (data) => {
        end();
        resolve(data);
      });
      element.onerror = () => {
        end();
        reject(new Error(`The file ${folder}/${file} beside this page is missing.`));
      };
      element.src = `${folder}/${encodeURIComponent(file)}`;
      document.head.append(element);
    });
  }

  private async fileNames(): Promise<Map<string, string>> {
    if (!this.files) {
      const names = this.embedded.has("chunks") ? await this.load("chunks") : {};
      this.files = new Map(Object.entries(names as Record<string, string>));
    }
    return this.files;
  }
}
