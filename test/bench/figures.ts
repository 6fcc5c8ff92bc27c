/** One line of the table in docs/benchmarks.md. */
export interface Figure {
  readonly name: string;
  /** At most this. */
  readonly target: number;
  readonly measured: number;
  readonly unit: '×' | 'KB' | 'calls';
  /** What was compared or counted. */
  readonly detail: string;
}

export function isMet({ measured, target }: Figure): boolean {
  return measured <= target;
}

/** A Markdown table, as it stands in docs/benchmarks.md. */
export function table(figures: readonly Figure[]): string {
  const number = (value: number, unit: string) => `${unit === '×' ? value.toFixed(2) : Math.round(value).toLocaleString('en')} ${unit}`;
  return [
    '| figure | measured | target | met | how |',
    '| --- | --- | --- | --- | --- |',
    ...figures.map((figure) => `| ${figure.name} | ${number(figure.measured, figure.unit)} | ≤ ${number(figure.target, figure.unit)} | ${isMet(figure) ? 'yes' : 'NO'} | ${figure.detail} |`),
  ].join('\n');
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}
