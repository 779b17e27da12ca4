// What is selected in model text is copied as it is stored, not as it is drawn.

/** The stored text of a part of the page: what stands for other text gives that text. */
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
    if (node.nodeType === Node.TEXT_NODE) found.push(node.nodeValue ?? "");
    node = walker.nextNode();
  }
  return found.join("");
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
    if (!element?.closest(".model-text")) return;
    const inside = element.closest("[data-source]");
    const stored = inside?.getAttribute("data-source") ?? storedText(range.cloneContents());
    event.clipboardData.setData("text/plain", stored);
    event.preventDefault();
  });
}
