import { METRIC_DIMENSION, METRIC_NAMESPACE, Metric } from '../contract/metrics';
import { LogFields, Telemetry } from '../domain/shared/telemetry';

/** Writes one line of JSON. Standard output is used directly because Lambda's console wraps a line, which hides metrics in it. */
export type LineWriter = (line: string) => void;

/**
 * Structured logs and CloudWatch's Embedded Metric Format, both as JSON lines on standard output.
 * Written by hand because it is forty lines and a metrics library would be a third of the receiver's bundle
 * (see docs/decisions). Format: Amazon CloudWatch, "Specification: Embedded metric format".
 */
export class StdoutTelemetry implements Telemetry {
  private counts = new Map<Metric, number>();

  constructor(
    private readonly channelName: string,
    private readonly write: LineWriter = (line) => process.stdout.write(`${line}\n`),
    private readonly now: () => number = Date.now,
  ) {}

  public count(metric: Metric, value: number = 1): void {
    if (value !== 0) {
      this.counts.set(metric, (this.counts.get(metric) ?? 0) + value);
    }
  }

  public info(code: string, message: string, fields: LogFields = {}): void {
    this.log('INFO', code, message, fields);
  }

  public warn(code: string, message: string, fields: LogFields = {}): void {
    this.log('WARN', code, message, fields);
  }

  public error(code: string, message: string, fields: LogFields = {}): void {
    this.log('ERROR', code, message, fields);
  }

  /** Writes the counts gathered since the last flush. Entries call it when an invocation ends, also when it fails. */
  public flush(): void {
    if (this.counts.size === 0) {
      return;
    }
    const names = [...this.counts.keys()];
    this.write(JSON.stringify({
      _aws: {
        Timestamp: this.now(),
        CloudWatchMetrics: [{
          Namespace: METRIC_NAMESPACE,
          Dimensions: [[METRIC_DIMENSION]],
          Metrics: names.map((Name) => ({ Name, Unit: 'Count' })),
        }],
      },
      [METRIC_DIMENSION]: this.channelName,
      ...Object.fromEntries(this.counts),
    }));
    this.counts = new Map();
  }

  private log(level: string, code: string, message: string, fields: LogFields): void {
    // The stated members come last: no field may pass for another level or code.
    this.write(JSON.stringify({ ...fields, timestamp: new Date(this.now()).toISOString(), level, code, message, channel: this.channelName }));
  }
}
