import { Fault, faults } from '../../simulator/faults';

/** What LINE does to a share of requests while a test sends to many. Timeouts are rare only because each takes five seconds. */
export const MIXED_FAULTS: readonly Fault[] = [
  ...Array(3).fill(faults.status(429)),
  ...Array(3).fill(faults.status(500)),
  ...Array(3).fill(faults.reset()),
  ...Array(3).fill(faults.reset({ accepted: true })),
  faults.status(500, undefined, { accepted: true }),
  faults.expiredToken(),
  faults.timeout({ accepted: true }),
  faults.timeout(),
];
