// Pearson's r with Fisher's interval, as `astro.metrics.pearson` computes it.

export interface Correlation {
  r: number;
  low: number;
  high: number;
  points: number;
}

const Z_95 = 1.959963984540054;

/** r of at least four points; undefined where it is not defined. */
export function pearson(xs: readonly number[], ys: readonly number[]): Correlation | undefined {
  const n = xs.length;
  if (n < 4) return undefined;
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / n;
  const [meanX, meanY] = [mean(xs), mean(ys)];
  let [xx, yy, xy] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [dx, dy] = [xs[i]! - meanX, ys[i]! - meanY];
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  if (!(xx > 0) || !(yy > 0)) return undefined;
  const r = Math.max(-1, Math.min(1, xy / Math.sqrt(xx) / Math.sqrt(yy)));
  const [z, width] = [Math.atanh(r), Z_95 / Math.sqrt(n - 3)];
  return { r, low: Math.tanh(z - width), high: Math.tanh(z + width), points: n };
}
