/** One line of the table in docs/benchmarks.md. */
export interface Figure {
  readonly name: string;
  /** At most this; or at least, if `isAtLeast`. */
  readonly target: number;
  readonly isAtLeast?: true;
  readonly measured: number;
  readonly unit: keyof typeof DECIMALS;
  /** What was compared or counted. */
  readonly detail: string;
}

/** Decimals of each unit. */
const DECIMALS = { '×': 2, '%': 1, 'KB': 0, 'MB': 0, 'GB-s': 2, 'USD': 2, 'calls': 0, 'answers': 0 };

export function isMet({ measured, target, isAtLeast }: Figure): boolean {
  return isAtLeast ? measured >= target : measured <= target;
}

/** A Markdown table, as it stands in docs/benchmarks.md. */
export function table(figures: readonly Figure[]): string {
  const number = (value: number, unit: Figure['unit']) =>
    `${value.toLocaleString('en', { minimumFractionDigits: DECIMALS[unit], maximumFractionDigits: DECIMALS[unit] })} ${unit}`;
  return [
    '| figure | measured | target | met | how |',
    '| --- | --- | --- | --- | --- |',
    ...figures.map((figure) => {
      const { name, measured, target, unit, isAtLeast, detail } = figure;
      return `| ${name} | ${number(measured, unit)} | ${isAtLeast ? '≥' : '≤'} ${number(target, unit)} | ${isMet(figure) ? 'yes' : 'NO'} | ${detail} |`;
    }),
  ].join('\n');
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}
