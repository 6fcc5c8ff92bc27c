import { Metric } from '../../src/contract/metrics';
import { LogFields, Telemetry } from '../../src/domain/shared/telemetry';

/** Keeps what was counted and logged. */
export class RecordedTelemetry implements Telemetry {
  public readonly counts: Partial<Record<Metric, number>> = {};
  public readonly lines: { level: string; code: string; message: string; fields: LogFields }[] = [];

  public get codes(): string[] {
    return this.lines.map(({ code }) => code);
  }

  public count(metric: Metric, value: number = 1): void {
    if (value !== 0) {
      this.counts[metric] = (this.counts[metric] ?? 0) + value;
    }
  }

  public info(code: string, message: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'INFO', code, message, fields });
  }

  public warn(code: string, message: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'WARN', code, message, fields });
  }

  public error(code: string, message: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'ERROR', code, message, fields });
  }
}
