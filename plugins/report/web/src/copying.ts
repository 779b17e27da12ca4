// What is selected in model text is copied as it is stored, not as it is drawn.

/** Elements that begin a line, but for the pieces into which long model text is divided. */
const BLOCKS = "div:not(.block), p, h2, h3, h4, li, tr, section, dt, dd";

/**
 * The stored text of a part of the page: an element that stands for other text gives that text.
 * Outside of model text, each block begins a line.
 */
export function storedText(root: Node): string {
  const found: string[] = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  let node: Node | null = root instanceof Element ? root : walker.nextNode();
  while (node) {
    const source = node instanceof Element ? node.getAttribute("data-source") : null;
    if (source !== null) {
      found.push(source);
      node = afterSubtree(walker, root);
      continue;
    }
    if (node.nodeType === Node.TEXT_NODE) {
      if (node.nodeValue) found.push(node.nodeValue);
    } else if (startsLine(node as Element) && found.length && !found.at(-1)?.endsWith("\n")) {
      found.push("\n");
    }
    node = walker.nextNode();
  }
  return found.join("");
}

function startsLine(element: Element): boolean {
  return element.matches(BLOCKS) && !element.parentElement?.closest(".model-text");
}

function afterSubtree(walker: TreeWalker, root: Node): Node | null {
  for (;;) {
    const sibling = walker.nextSibling();
    if (sibling) return sibling;
    const parent = walker.parentNode();
    if (!parent || parent === root) return null;
  }
}

/** Listen for copying in the whole page. */
export function copyStored(): void {
  document.addEventListener("copy", (event) => {
    const selection = document.getSelection();
    if (!selection || selection.isCollapsed || !event.clipboardData) return;
    const range = selection.getRangeAt(0);
    const from = range.commonAncestorContainer;
    const element = from instanceof Element ? from : from.parentElement;
    const content = range.cloneContents();
    if (!element?.closest(".model-text") && !content.querySelector("[data-source]")) return;
    const inside = element?.closest("[data-source]");
    const stored = inside?.getAttribute("data-source") ?? storedText(content);
    event.clipboardData.setData("text/plain", stored);
    event.preventDefault();
  });
}
