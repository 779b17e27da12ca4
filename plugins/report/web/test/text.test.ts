import assert from "node:assert/strict";
import test from "node:test";
import { formulasOf, renderable, showsAll } from "../src/formulas";
import { idText, marksOf, oneLine } from "../src/marks";
import { blocksOf, cutText } from "../src/text";

const bodies = (text: string): string[] => formulasOf(text).map(({ body }) => body);

test("dollars of prices, of code and of paths are text", () => {
  for (const text of [
    "It costs $5 and $6, or US$7; $12.50 a day.",
    "$5-$6 and $5,$6",
    "echo $PATH:$HOME",
    "5$ or 6$",
    "`$x$` and ``$y$``",
    "```\n$z$\n```",
    "a $x\ny$ b",
    "$ x $ and $x $",
    "\\$x\\$",
    "\\\\(x\\\\)",
    "cp $home/$user and $a:$b",
    "echo $foo$bar",
    "`${a}${b}` or ${a}${b}",
    "'$x' + '$y'",
    "price($)=5, cost($)=6",
    "~~~\n$z$\n~~~",
  ]) {
    assert.deepEqual(bodies(text), [], text);
  }
});

test("formulas are found by their delimiters", () => {
  assert.deepEqual(
    bodies("$\\frac12$ and \\(x^2\\) and \\[\\sum_{i=1}^n i\\] and $$e^{i\\pi}=-1$$"),
    ["\\frac12", "x^2", "\\sum_{i=1}^n i", "e^{i\\pi}=-1"],
  );
  assert.deepEqual(bodies("the $n$th of $m$; `$x$` stays"), ["n", "m"]);
  assert.deepEqual(bodies("求$x$的值, $k$-th, ($x$) and $f(x)$s"), ["x", "k", "x", "f(x)"]);
  assert.deepEqual(bodies("```\nnever closed $x$"), ["x"]);
  assert.deepEqual(bodies("\\[a \\\\[4pt] b\\]"), ["a \\\\[4pt] b"]);
  assert.deepEqual(bodies("$a\\$b$"), ["a\\$b"]);
});

test("what is not closed is text, and swallows nothing that follows", () => {
  assert.deepEqual(bodies("Let $x = 3 and then \\(y and \\[z and $$w"), []);
  assert.deepEqual(bodies("\\(y and \\(z\\)"), ["z"]);
  assert.deepEqual(bodies("\\[a\n\nb\\] and $c$"), ["c"]);
  assert.deepEqual(bodies("$5 and $6 and $x$"), ["x"]);
});

test("formulas that can hide, move or define are shown as source", () => {
  for (const body of [
    "\\color{white}x",
    "\\textcolor{white}{x}",
    "\\phantom{x}",
    "\\hphantom x",
    "\\kern-9999em x",
    "\\mkern9mu x",
    "\\hspace{-9em}x",
    "\\hspace*{-9em}x",
    "\\def\\a{b}\\a",
    "\\rule{9em}{9em}",
    "\\href{javascript:1}{x}",
    "\\htmlStyle{a}{b}",
    "\\llap{x}",
    "\\mathrlap{x}y",
    "\\smash{x}",
    "\\@secondoftwo{hidden}{x}",
    "\\TextOrMath{hidden}{x}",
    "\\genfrac(){9999em}{}{a}{b}",
    "x \\\\*[-9em] y",
    "\\raisebox{9em}{x}",
    "x % y",
    "x \\\\[-9em] y",
    "\\!\\!\\!\\!x",
    "\\char`x",
    "{".repeat(60) + "x" + "}".repeat(60),
    "x+".repeat(1500),
    "  ",
  ]) {
    assert.equal(renderable({ start: 0, end: 0, body, display: false }), false, body.slice(0, 40));
  }
  for (const body of [
    "\\frac{1}{2}",
    "50\\%",
    "a \\\\ b",
    "\\left(x\\right)",
    "\\int\\! x",
    "\\colon",
    "\\rightarrow",
  ]) {
    assert.equal(renderable({ start: 0, end: 0, body, display: false }), true, body);
  }
});

test("characters that show nothing are marked, joiners of words and emoji are not", () => {
  const labels = (text: string): string[] => marksOf(text).map(({ label }) => label);
  assert.deepEqual(labels("4\b2 1\x002 \x1b[0m \x7f \x85"), ["BS", "NUL", "ESC", "DEL", "U+0085"]);
  assert.deepEqual(labels("a\u202eb\u200bc\ufeffd\u3164\u2800\u{e0041}"), [
    "U+202E",
    "U+200B",
    "U+FEFF",
    "U+3164",
    "U+2800",
    "U+E0041",
  ]);
  assert.deepEqual(
    labels("می\u200cخواهم क्\u200dष 👨\u200d👩\u200d👧 ❤\ufe0f 1\ufe0f\u20e3 👍🏽 🇩🇪"),
    [],
  );
  assert.deepEqual(labels("4\u200d2"), ["U+200D"]);
  assert.deepEqual(labels("\ue0b0\uffff\u{10ffff}\ud800"), [
    "U+E0B0",
    "U+FFFF",
    "U+10FFFF",
    "U+D800",
  ]);
  assert.deepEqual(labels("z" + "\u0301\u0316\u0334".repeat(60)), ["+176 marks"]);
  assert.equal(marksOf("a\r\nb")[0]?.label, "\n");
  assert.equal(marksOf("wrong\rright")[0]?.newline, true);
});

test("one line shows what is left out of it", () => {
  assert.equal(oneLine("a\n  b\tc"), "a b c");
  assert.equal(oneLine("wrong\rright"), "wrong⟨CR⟩ right");
  assert.equal(oneLine("x".repeat(400)), "x".repeat(300) + "…");
  assert.equal(oneLine("👍".repeat(200), 3), "👍…");
});

test("ids that differ look different", () => {
  const ids = ["", " ", "a", " a", "a ", "a\n", "a b", "a\nb", "a\tb", "a\u202eb", "a\u200bb"];
  ids.push(...ids.map(idText).filter((shown) => !ids.includes(shown)));
  assert.equal(new Set(ids.map(idText)).size, ids.length);
  assert.equal(idText("a  b\u00a0c d"), "a␣␣b⟨U+00A0⟩c d");
});

test("a long text keeps its head and tail, and its blocks are all of it", () => {
  const word = "word".repeat(5000);
  const lines = "x\n".repeat(50_000);
  for (const text of [word, lines, "😀".repeat(9000), "short", ""]) {
    const { head, hidden, tail } = cutText(text);
    assert.equal(head + hidden + tail, text);
    assert.ok(head.length + tail.length <= 4100);
    assert.ok((head + tail).split("\n").length <= 203);
    assert.equal([...blocksOf(text)].join(""), text);
    for (const part of [head, tail, ...blocksOf(text)]) assert.ok(part.isWellFormed());
  }
  assert.equal(cutText("x".repeat(4000)).hidden, "");
});

test("a rendering shows every letter and digit of its formula", () => {
  assert.ok(showsAll("\\frac{1}{2}x", "12x"));
  assert.ok(showsAll("\\begin{array}{cc} a \\\\[4pt] b \\end{array}", "ab"));
  assert.ok(showsAll("\\sin x", "sinx"));
  assert.equal(showsAll("hidden x", "x"), false);
  assert.equal(showsAll("11", "1"), false);
  assert.equal(showsAll("\\,", " "), false);
});
