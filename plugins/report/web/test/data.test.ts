import assert from "node:assert/strict";
import test from "node:test";
import { changed, formatAddress, numberIn, parseAddress } from "../src/address";
import { pearson } from "../src/correlation";
import type { TreeDocument } from "../src/documents";
import { nodesWith } from "../src/finding";
import { compare, decimal, share } from "../src/numbers";
import { graphOf } from "../src/parts";
import { encodeName } from "../src/source";
import { seriesNames } from "../src/training";
import { firstOpen, pathTo, Shape, visibleNodes } from "../src/tree";
import { metadataKeys, solvedState } from "../src/treelist";
import { WHOLE, within, zoomed } from "../src/zoom";

test("the shape of a tree", () => {
  const shape = new Shape([-1, 0, 0, 1, 1, 2]);
  const children = [0, 1, 2, 3, 4, 5].map((node) => shape.children(node));
  assert.deepEqual(children, [[1, 2], [3, 4], [5], [], [], []]);
  assert.deepEqual([...shape.depth], [0, 1, 1, 2, 2, 2]);
  assert.deepEqual([...shape.order], [0, 1, 3, 4, 2, 5]);
  assert.deepEqual([...shape.size], [6, 3, 2, 1, 1, 1]);
  assert.deepEqual(visibleNodes(shape, new Set([0, 2])), [0, 1, 2, 5]);
  assert.deepEqual(visibleNodes(shape, new Set()), [0]);
  assert.deepEqual(pathTo([-1, 0, 0, 1, 1, 2], 5), [0, 2, 5]);
});

test("what is pointed at stays where it is, and the picture fills its place", () => {
  const size = { width: 600, height: 300 };
  const near = zoomed(WHOLE, 4, 150, 100, size);
  assert.deepEqual(near, { scale: 4, left: -450, top: -300 });
  assert.deepEqual(zoomed(near, 1 / 4, 150, 100, size), WHOLE);
  assert.deepEqual(zoomed(near, 1 / 1000, 150, 100, size), WHOLE);
  assert.deepEqual(within({ scale: 2, left: 50, top: -900 }, size), {
    scale: 2,
    left: 0,
    top: -300,
  });
  assert.equal(zoomed(WHOLE, 1e9, 0, 0, size).scale, 64);
});

test("deep and wide trees need no recursion", () => {
  const chain = Array.from({ length: 200_000 }, (_, node) => node - 1);
  assert.equal(new Shape(chain).depth.at(-1), 199_999);
  assert.equal(pathTo(chain, 199_999).length, 200_000);
  const fan = new Shape([-1, ...new Array<number>(200_000).fill(0)]);
  assert.equal(visibleNodes(fan, firstOpen(fan)).length, 200_001);
});

test("values sort as numbers where they are, and last where they are missing", () => {
  const values = ["10", 9, null, "Level 5", 2.5, undefined, "", true, ["x"], 10];
  const up = [...values].sort((a, b) => compare(a, b));
  assert.deepEqual(up.slice(0, 4), [2.5, 9, "10", 10]);
  assert.deepEqual(
    up.slice(-2).map((value) => value ?? null),
    [null, null],
  );
  const down = [...values].sort((a, b) => compare(a, b, true));
  assert.deepEqual(
    down.slice(-2).map((value) => value ?? null),
    [null, null],
  );
});

test("a share is never rounded to an end that it is not", () => {
  assert.deepEqual([0, 1, 0.5, 1e-300, 1 - 1e-16, 1 / 3].map(share), [
    "0.000",
    "1.000",
    "0.500",
    "<0.001",
    ">0.999",
    "0.333",
  ]);
  assert.equal(decimal(-1e308), "-1.00e+308");
});

test("an address holds any text, and says what is no number", () => {
  const text = "a&b=c#?%é 求\n";
  const hash = changed(parseAddress("#trees?tree=3&node=1"), { text, node: null });
  const back = parseAddress(hash);
  assert.equal(back.section, "trees");
  assert.equal(back.values.get("text"), text);
  assert.equal(numberIn(back, "tree"), 3);
  assert.equal(numberIn(back, "node"), undefined);
  assert.ok(Number.isNaN(numberIn(parseAddress("#trees?tree=-1"), "tree")));
  assert.ok(Number.isNaN(numberIn(parseAddress("#trees?tree=__proto__"), "tree")));
  assert.equal(formatAddress("trees", new URLSearchParams()), "#trees");
  assert.equal(encodeName("a/b c'(*)!~é"), "a%2Fb%20c%27%28%2A%29%21~%C3%A9");
});

test("metadata may have any keys", () => {
  const odd = JSON.parse('{"__proto__": 1, "constructor": 2, "level": 3}') as Record<
    string,
    unknown
  >;
  assert.deepEqual(metadataKeys([odd, odd]), ["level", "__proto__", "constructor"]);
});

test("a search takes its text literally and looks into verdicts and sentences", () => {
  const tree = {
    prompt: "What is 3 (+) 4?",
    parent: [-1, 0, 0],
    text: ["", "A.*b", "so 7"],
    verdict: [-1, 0, -1],
    verdicts: [["incorrect", "8", "8 is not 7"]],
    traces: [{ segments: [[2, "step", true, "Otherwise said"]] }],
  } as unknown as TreeDocument;
  const find = (text: string): number[] => nodesWith(tree, [0, 1, 2], text);
  assert.deepEqual(find("(+)"), [0]);
  assert.deepEqual(find(".*"), [1]);
  assert.deepEqual(find("a.*B"), [1]);
  assert.deepEqual(find("is not"), [1]);
  assert.deepEqual(find("OTHERWISE"), [2]);
  assert.deepEqual(find("[nothing"), []);
});

test("a response is a tree whose backtracks return", () => {
  const graph = graphOf([
    ["step", "a", null],
    ["step", "b", null],
    ["reflection", "hm", null],
    ["backtrack", "back to a", 0],
    ["step", "c", null],
    ["backtrack", "back to the beginning", -1],
    ["step", "d", null],
    ["backtrack", "back to nothing", null],
    ["step", "e", null],
  ]);
  assert.deepEqual(graph.parent, [-1, 0, 1, 1, 0, 4]);
  assert.deepEqual(graph.node, [1, 2, 2, 1, 3, 0, 4, 4, 5]);
});

test("Pearson's r and its interval", () => {
  const found = pearson([1, 2, 3, 4, 5], [2, 1, 4, 3, 5]);
  assert.equal(found?.r.toFixed(6), "0.800000");
  assert.equal(found?.low.toFixed(4), "-0.2796");
  assert.equal(found?.high.toFixed(4), "0.9862");
  assert.equal(pearson([1, 1, 1, 1], [1, 2, 3, 4]), undefined);
  assert.equal(pearson([1, 2, 3], [1, 2, 3]), undefined);
});

test("the curves that matter most come first", () => {
  const series = ["zeta", "loss", "reward"].map((name) => ({ name, x: [], y: [] }));
  assert.deepEqual(seriesNames([{ title: "rl", series }]), ["reward", "loss", "zeta"]);
});

test("a tree without verdicts is neither solved nor unsolved", () => {
  assert.equal(solvedState({ correct: 1, incorrect: 4 }), "yes");
  assert.equal(solvedState({ incorrect: 4, none: 2 }), "no");
  assert.equal(solvedState({ timeout: 1 }), "no");
  assert.equal(solvedState({ none: 3 }), "unread");
  assert.equal(solvedState({}), "unread");
});
