// The documents that the page reads; `astro_report/documents.py` declares and explains them.

export interface ModelHead {
  name: string;
  title: string;
}

/** Accuracy as shares, one entry per budget in each column. */
export interface AccuracyCurve {
  search: string;
  tokens: number[];
  accuracy: number[];
  low: number[];
  high: number[];
}

export interface RunDocument {
  name: string;
  arms: ModelHead[];
  models: ModelHead[];
  search: boolean;
  training: boolean;
  live: boolean;
  accuracy: AccuracyCurve[];
}

export type Metadata = Record<string, unknown>;

export interface TreeList {
  id: string[];
  prompt: string[];
  size: number[];
  depth: number[];
  tokens: (number | null)[];
  ended: string[];
  verdicts: Record<string, number>[];
  traces: number[];
  metadata: Metadata[];
  chunk: number[];
}

export type VerdictEntry = [status: string, answer: string | null, reason: string];
export type SegmentEntry = [node: number, kind: string, train: boolean, text: string | null];

export interface TraceEntry {
  id: string;
  arm: string;
  segments: SegmentEntry[];
  answer: string | null;
  rewritten: boolean;
}

export interface TreeDocument {
  number: number;
  id: string;
  prompt: string;
  answer: string;
  metadata: Metadata;
  ended: string;
  parent: number[];
  text: string[];
  tokens: number[];
  prior: number[];
  visits: number[];
  q: number[];
  value: number[];
  logprob: number[];
  terminal: boolean[];
  verdict: number[];
  verdicts: VerdictEntry[];
  traces: TraceEntry[];
  finished: boolean;
}

export type PartEntry = [kind: string, text: string, target: number | null];

export interface ResponseEntry {
  parts: PartEntry[];
  finish_reason: string;
  verdict: VerdictEntry;
  tokens: number;
  greedy: boolean;
}

export interface ProblemResponses {
  id: string;
  evaluation_set: string;
  prompt: string;
  answer: string;
  metadata: Metadata;
  responses: ResponseEntry[];
}

export interface ResponseList {
  id: string[];
  evaluation_set: string[];
  prompt: string[];
  samples: number[];
  correct: number[];
  greedy: (string | null)[];
  backtracks: number[];
  metadata: Metadata[];
  chunk: number[];
}

export interface Series {
  name: string;
  x: number[];
  y: (number | null)[];
}

export interface TrainingCurves {
  title: string;
  series: Series[];
}

export interface TrainingDocument {
  trainings: TrainingCurves[];
}
