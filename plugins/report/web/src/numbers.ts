// Numbers and other values of the run's files, as the page writes them.

/** A number between 0 and 1 with three digits, which never rounds to an end that it is not. */
export function share(value: number): string {
  if (value > 0 && value < 0.0005) return "<0.001";
  if (value < 1 && value >= 0.9995) return ">0.999";
  return value.toFixed(3);
}

export function decimal(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-3)) return value.toExponential(2);
  return value.toFixed(size >= 100 ? 1 : 3);
}

const GROUPED = new Intl.NumberFormat("en-US");

export function count(value: number): string {
  return value < 1000 ? String(value) : GROUPED.format(value);
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A value of a problem's metadata in one line; undefined where there is none. */
export function metadataText(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}

function asNumber(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || value.trim() === "") return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** Orders numbers, also those written as text, before other text, and what is missing last. */
export function compare(a: unknown, b: unknown, descending = false): number {
  const [missingA, missingB] = [metadataText(a) === undefined, metadataText(b) === undefined];
  if (missingA || missingB) return Number(missingA) - Number(missingB);
  const [x, y] = [asNumber(a), asNumber(b)];
  let order: number;
  if (x !== undefined && y !== undefined) order = x - y;
  else if (x !== undefined || y !== undefined) order = x !== undefined ? -1 : 1;
  else {
    const [s, t] = [metadataText(a) ?? "", metadataText(b) ?? ""];
    order = s < t ? -1 : s > t ? 1 : 0;
  }
  return descending ? -order : order;
}
