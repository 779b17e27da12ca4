// Characters that would show nothing, or steer what is shown, as visible marks.

/** Joiners are not among these: words of Persian and Hindi, and many emoji, are written with them. */
const INVISIBLE =
  "\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b\\u200e\\u200f" +
  "\\u202a-\\u202e\\u2060-\\u206f\\u2800\\u3164\\ufeff\\uffa0\\ufff0-\\ufffb" +
  "\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}";
const CONTROL = "\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u2028\\u2029";
/** A joiner or variation selector between plain letters, digits or blanks changes nothing seen. */
const LONE = "(?<=^|[\\x00-\\x7f])[\\u200c\\u200d\\ufe00-\\ufe0e]|(?<=^|[^#*0-9\\P{ASCII}])\\ufe0f";
/** More combining marks than any script needs on one letter. */
const STACKED = "(?<=\\p{M}{4})[\\p{Mn}\\p{Me}]+";

const MARKED = new RegExp(
  `\\r\\n|[${CONTROL}${INVISIBLE}\\p{Cs}\\p{Co}\\p{Cn}]|${LONE}|${STACKED}`,
  "gu",
);
/** Also the characters with which an id's others are written. */
const MARKED_IN_IDS = new RegExp(`${MARKED.source}|[⟨␣]`, "gu");
const LINE_ENDS = /^(\r|\v|\f|\x85|\u2028|\u2029)$/;

/** Names instead of the control pictures of Unicode, which few fonts have. */
const CONTROL_NAMES = (
  "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI " +
  "DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US"
).split(" ");

export interface Mark {
  at: number;
  text: string;
  label: string;
  /** Whether the character also ends a line. */
  newline: boolean;
}

function label(found: string): string {
  const code = found.codePointAt(0) ?? 0;
  if (code < 0x20) return CONTROL_NAMES[code]!;
  if (code === 0x7f) return "DEL";
  if (
    /^\p{M}/u.test(found) &&
    !/^[\u034f\u17b4\u17b5\u180b-\u180f\u{e0100}-\u{e01ef}\ufe00-\ufe0f]/u.test(found)
  ) {
    return `+${[...found].length} marks`;
  }
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** The marks of a text, in order. The line end `\r\n` is a newline. */
export function marksOf(text: string): Mark[] {
  const marks: Mark[] = [];
  if (/^[\x20-\x7e\n\t]*$/.test(text)) return marks;
  for (const match of text.matchAll(MARKED)) {
    const found = match[0];
    const shown = found === "\r\n" ? "\n" : label(found);
    marks.push({ at: match.index, text: found, label: shown, newline: LINE_ENDS.test(found) });
  }
  return marks;
}

/** A text without line ends, with its marks written out, for rows of one line. */
export function oneLine(text: string, limit = 300): string {
  const cut = text.length > limit ? `${wholeCharacters(text, limit)}…` : text;
  const shown = cut.replace(MARKED, (found) => {
    if (found === "\r\n") return " ";
    return LINE_ENDS.test(found) ? `⟨${label(found)}⟩ ` : `⟨${label(found)}⟩`;
  });
  return shown.replace(/[\s]+/g, " ").trim();
}

/** An id in one line, such that ids that differ do so here too. */
export function idText(id: string): string {
  if (id === "") return "⟨empty id⟩";
  const shown = id.replace(MARKED_IN_IDS, (found) =>
    [...found].map((character) => `⟨${label(character)}⟩`).join(""),
  );
  return shown
    .replaceAll("\n", "⟨LF⟩")
    .replaceAll("\t", "⟨HT⟩")
    .replace(/^ +| +$| {2,}/g, (blanks) => "␣".repeat(blanks.length))
    .replace(/(?! )\p{Zs}/gu, (blank) => `⟨${label(blank)}⟩`);
}

/** The first `length` code units of a text, without half of a character at the end. */
export function wholeCharacters(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? length - 1 : length);
}
