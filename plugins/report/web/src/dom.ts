// Makes elements. Text only ever becomes text nodes and attributes, never markup.

type Child = Node | string | null | undefined | false;
type Value = string | number | boolean | null | undefined | ((event: never) => void);

/**
 * An element with attributes and children. A function is a listener, `true` an empty attribute;
 * null, undefined and false are left out.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, Value> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value as EventListener);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...children.filter((child): child is Node | string => !!child || child === ""));
  return element;
}

/** Foreign text within a line, isolated so that its direction does not move what is beside it. */
export function bdi(text: string, name = ""): HTMLElement {
  return h("bdi", { class: name || null }, text);
}

export function button(label: string, click: () => void, more: Record<string, Value> = {}) {
  return h("button", { type: "button", click, ...more }, label);
}

export function select(
  label: string,
  options: [value: string, text: string][],
  value: string,
  change: (value: string) => void,
): HTMLLabelElement {
  const box = h("select", { change: () => change(box.value) });
  for (const [key, text] of options) box.append(h("option", { value: key }, text));
  box.value = value;
  return h("label", { class: "field" }, h("span", {}, label), box);
}

export function input(
  label: string,
  value: string,
  change: (value: string) => void,
  more: Record<string, Value> = {},
): HTMLLabelElement {
  const box = h("input", {
    value,
    input: () => change(box.value),
    spellcheck: "false",
    autocomplete: "off",
    ...more,
  });
  return h("label", { class: "field" }, h("span", {}, label), box);
}

/** Whether keys belong to a control in which the reader types. */
export function typing(event: KeyboardEvent): boolean {
  const target = event.target as Element | null;
  return (
    !!target?.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey
  );
}
