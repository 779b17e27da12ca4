// What is shown stands in the address, `#trees?tree=3&node=17`, so that links and back work.

export interface Address {
  section: string;
  values: URLSearchParams;
}

export type Changes = Record<string, string | number | null>;

export function parseAddress(hash: string): Address {
  const body = hash.replace(/^#/, "");
  const at = body.indexOf("?");
  const section = at < 0 ? body : body.slice(0, at);
  return { section, values: new URLSearchParams(at < 0 ? "" : body.slice(at + 1)) };
}

export function formatAddress(section: string, values: URLSearchParams): string {
  const query = values.toString();
  return query ? `#${section}?${query}` : `#${section}`;
}

/** The address with some values changed; null removes a value. */
export function changed(address: Address, changes: Changes): string {
  const values = new URLSearchParams(address.values);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) values.delete(name);
    else values.set(name, String(value));
  }
  return formatAddress(address.section, values);
}

/** A whole number of the address; undefined where there is none, NaN where it is no number. */
export function numberIn(address: Address, name: string): number | undefined {
  const value = address.values.get(name);
  if (value === null) return undefined;
  return /^\d{1,9}$/.test(value) ? Number(value) : NaN;
}

/** How long a replaced address waits before it is written: browsers limit writes per second. */
const WRITE_AFTER_MS = 250;

export class Router {
  private hash = location.hash;
  private timer: number | undefined;

  constructor(private readonly show: (address: Address) => void) {
    window.addEventListener("hashchange", () => {
      this.hash = location.hash;
      this.refresh();
    });
  }

  get address(): Address {
    return parseAddress(this.hash);
  }

  /** Go to an address. `replace` makes no new entry for the button "back". */
  go(hash: string, replace = false): void {
    if (hash === this.hash) return;
    // Neither pushState nor replaceState raises hashchange; a page opened from disk may call both.
    if (replace) {
      this.timer ??= window.setTimeout(() => this.write(), WRITE_AFTER_MS);
    } else {
      this.write();
      history.pushState(null, "", hash);
    }
    this.hash = hash;
    this.refresh();
  }

  change(changes: Changes, replace = false): void {
    this.go(changed(this.address, changes), replace);
  }

  refresh(): void {
    this.show(this.address);
  }

  private write(): void {
    if (this.timer === undefined) return;
    window.clearTimeout(this.timer);
    this.timer = undefined;
    history.replaceState(null, "", this.hash);
  }
}
