// Draws a picture larger: by buttons, by the wheel with Ctrl or Cmd, and moved by dragging.

import { button, h } from "./dom";

const MOST = 64;
const STEP = 2;
/** How far a pointer moves before its press counts as dragging and not as a click. */
const DRAG = 4;

/** How much larger a picture is drawn, and where its upper left corner comes to be. */
export interface Frame {
  scale: number;
  left: number;
  top: number;
}

export interface Size {
  width: number;
  height: number;
}

export const WHOLE: Frame = { scale: 1, left: 0, top: 0 };

/** The frame moved so that the picture fills its place. */
export function within({ scale, left, top }: Frame, { width, height }: Size): Frame {
  return {
    scale,
    left: Math.min(0, Math.max(width * (1 - scale), left)),
    top: Math.min(0, Math.max(height * (1 - scale), top)),
  };
}

/** The frame with the picture larger by a factor, while what is at (x, y) stays there. */
export function zoomed(frame: Frame, factor: number, x: number, y: number, size: Size): Frame {
  const scale = Math.min(MOST, Math.max(1, frame.scale * factor));
  const by = scale / frame.scale;
  return within({ scale, left: x - (x - frame.left) * by, top: y - (y - frame.top) * by }, size);
}

export class Zoom {
  frame = WHOLE;
  readonly buttons = h(
    "span",
    { class: "zoom", role: "group", "aria-label": "Size of the picture" },
    button("+", () => this.by(STEP, this.center()), { "aria-label": "Zoom in" }),
    button("−", () => this.by(1 / STEP, this.center()), { "aria-label": "Zoom out" }),
    button("Whole picture", () => this.set(WHOLE)),
  );
  private pressed: { x: number; y: number; frame: Frame } | undefined;
  private dragged = false;

  /** `center` is the place that the buttons keep where it is. */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly center: () => [x: number, y: number],
    private readonly changed: () => void,
  ) {
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"] as const)
      canvas.addEventListener(end, () => (this.pressed = undefined));
    canvas.addEventListener("click", (event) => this.clicked(event), { capture: true });
  }

  set(frame: Frame): void {
    this.frame = frame;
    this.canvas.classList.toggle("zoomed", frame.scale > 1);
    this.changed();
  }

  /** Move the picture so that a place that is not seen comes to its middle. */
  reveal(x: number, y: number): void {
    const { scale, left, top } = this.frame;
    if (scale === 1) return;
    const { width, height } = this.size();
    if (x >= 0 && x <= width && y >= 0 && y <= height) return;
    const moved = { scale, left: left + width / 2 - x, top: top + height / 2 - y };
    this.frame = within(moved, this.size());
    this.changed();
  }

  private size(): Size {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  private by(factor: number, [x, y]: [number, number]): void {
    this.set(zoomed(this.frame, factor, x, y, this.size()));
  }

  private wheel(event: WheelEvent): void {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.by(2 ** (-event.deltaY / 100), [event.offsetX, event.offsetY]);
  }

  private down({ offsetX, offsetY, pointerId }: PointerEvent): void {
    this.dragged = false;
    if (this.frame.scale === 1) return;
    this.pressed = { x: offsetX, y: offsetY, frame: this.frame };
    this.canvas.setPointerCapture(pointerId);
  }

  private move({ offsetX, offsetY }: PointerEvent): void {
    if (!this.pressed) return;
    const { x, y, frame } = this.pressed;
    const [right, down] = [offsetX - x, offsetY - y];
    this.dragged ||= Math.hypot(right, down) > DRAG;
    const moved = { scale: frame.scale, left: frame.left + right, top: frame.top + down };
    if (this.dragged) this.set(within(moved, this.size()));
  }

  /** The click with which dragging ends chooses nothing. */
  private clicked(event: MouseEvent): void {
    if (this.dragged) event.stopImmediatePropagation();
    this.dragged = false;
  }
}
