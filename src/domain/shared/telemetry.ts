import { Metric } from '../../contract/metrics';

/** Values that may stand in a log line. Never message text, tokens, signatures, secrets or profiles. */
export type LogFields = Record<string, string | number | boolean | undefined>;

/** What domain code says about its work: counts, and one structured line per decision. */
export interface Telemetry {
  /** Adds to a metric; written out once per invocation. */
  count(metric: Metric, value?: number): void;
  /** `code` is a stable name, findable in `docs/runbook.md`; `message` says what happened and what to do. */
  info(code: string, message: string, fields?: LogFields): void;
  warn(code: string, message: string, fields?: LogFields): void;
  error(code: string, message: string, fields?: LogFields): void;
}
